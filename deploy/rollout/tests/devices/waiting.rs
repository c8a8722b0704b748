//! Waiting for what must come.

use std::time::{Duration, Instant};

/// No story is right or wrong by time; what takes longer than this never comes.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "never: {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}
