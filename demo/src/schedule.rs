//! When things happen.

use std::time::Duration;

/// Rest before the load, its length, and the time until it comes again: recovery takes about seven seconds from the last
/// miss (five until the miss window is clean, two of calm windows), so that the load is gone when it comes.
pub(crate) const LOAD_BEGINS: Duration = Duration::from_secs(4);
pub(crate) const LOAD_ENDS: Duration = Duration::from_secs(10);
pub(crate) const CYCLE: Duration = Duration::from_secs(28);
/// Time between the lines of the table.
pub(crate) const LINE: Duration = Duration::from_millis(500);
/// How long the first report of each device may take, and the last ones.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);
