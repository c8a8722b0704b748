//! Which mode the device takes, and who decides.

mod arbiter;
mod command_log;
mod guard;

pub use arbiter::{Arbiter, Decision, Event, GatewayHold, Holder, Until};
pub use command_log::{CommandLog, Known};
pub use guard::{Guard, GuardConfig, Stall};
