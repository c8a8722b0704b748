//! Real-time settings tried without a task: for a diagnosis, beside the running thread's own.

use std::io;
use std::thread::Builder;

use super::settings::{self, Asked, Granted};
use crate::sys;

/// Tries every setting in a thread that ends at once; nothing of them stays behind once the answer is dropped.
///
/// # Errors
/// The system gives no thread.
pub fn try_settings(asked: Asked) -> io::Result<Granted> {
    let thread = Builder::new()
        .name("rt-trial".to_owned())
        .spawn(move || settings::take_place(&asked).schedule(asked.scheduler))?;
    let granted = thread.join().map_err(|_| io::Error::other("the thread panicked"))?;
    if granted.locked {
        sys::unlock_memory()?;
    }
    Ok(granted)
}
