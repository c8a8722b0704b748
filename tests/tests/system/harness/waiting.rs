//! Patience: conditions are looked at until they hold. The limit is there to end a test that hangs; it says nothing about
//! speed.

use std::thread::sleep;
use std::time::{Duration, Instant};

/// How long anything may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// Looks until there is something to see; `None` when patience ends.
pub(super) fn look_for<T>(mut look: impl FnMut() -> Option<T>) -> Option<T> {
    let end = Instant::now() + PATIENCE;
    loop {
        // The last look is after the end, so that one long look does not count as none.
        let last = Instant::now() >= end;
        if let Some(seen) = look() {
            return Some(seen);
        }
        if last {
            return None;
        }
        sleep(LOOK_EVERY);
    }
}

/// Looks until there is something to see.
pub(crate) fn eventually<T>(what: &str, look: impl FnMut() -> Option<T>) -> T {
    look_for(look).unwrap_or_else(|| panic!("never came: {what}"))
}
