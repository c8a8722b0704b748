//! Conditions are looked at until they hold; a limit ends what hangs. Somebody at the terminal may end it sooner.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread::sleep;
use std::time::{Duration, Instant};

use tokio::signal::unix::{SignalKind, signal};

use super::Trouble;

/// How long anything may take: three times the longest wait between two attempts to connect.
pub const PATIENCE: Duration = Duration::from_secs(90);
const LOOK_EVERY: Duration = Duration::from_millis(5);

static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// From now on SIGINT and SIGTERM end every wait, so that the programs that were started are ended, too.
///
/// # Errors
/// The system gives no thread or no word of signals.
pub fn stop_when_interrupted() -> Result<(), Trouble> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(Trouble::system("a runtime for signals"))?;
    let (mut interrupt, mut terminate) = {
        let _in_it = runtime.enter();
        let word = |kind| signal(kind).map_err(Trouble::system("word of signals"));
        (word(SignalKind::interrupt())?, word(SignalKind::terminate())?)
    };
    let wait = move || {
        runtime.block_on(async {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
        });
        INTERRUPTED.store(true, Relaxed);
    };
    std::thread::Builder::new().name("signals".to_owned()).spawn(wait).map_err(Trouble::system("a thread"))?;
    Ok(())
}

/// Lets time pass in which a fault acts.
///
/// # Errors
/// [`Trouble::Interrupted`].
pub fn pause(length: Duration) -> Result<(), Trouble> {
    let end = Instant::now() + length;
    loop {
        if INTERRUPTED.load(Relaxed) {
            return Err(Trouble::Interrupted);
        }
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(());
        }
        sleep(left.min(Duration::from_millis(50)));
    }
}

/// Looks until there is something to see.
///
/// # Errors
/// What a look says, [`Trouble::Never`] when [`PATIENCE`] ends, [`Trouble::Interrupted`].
pub fn wait_for<T>(what: &str, mut look: impl FnMut() -> Result<Option<T>, Trouble>) -> Result<T, Trouble> {
    let end = Instant::now() + PATIENCE;
    loop {
        // The last look is after the end, so that one long look does not count as none.
        let last = Instant::now() >= end;
        if let Some(seen) = look()? {
            return Ok(seen);
        }
        if last {
            return Err(Trouble::Never { what: what.to_owned(), waited: PATIENCE });
        }
        pause(LOOK_EVERY)?;
    }
}
