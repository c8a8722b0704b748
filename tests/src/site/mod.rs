//! Where faults happen: the programs as processes, a recorder that counts for itself, and patience.

mod agent;
mod controller;
mod ledger;
mod process;
mod recorder;
mod trouble;
mod waiting;

pub use agent::{Agent, AgentPlan, LastWords};
pub use controller::Controller;
pub use ledger::{DeviceLedger, Ledger, Run, Window};
pub use process::Program;
pub use recorder::{Detail, Recorder};
pub use trouble::Trouble;
pub use waiting::{PATIENCE, pause, stop_when_interrupted, wait_for};

use shared_host::config::Schema;
use shared_proto::wire::Totals;

/// The longest wait between attempts to connect: it decides how long a suite of many breaks takes, and nothing else.
fn quick_reconnection(schema: &Schema) -> (String, String) {
    (schema.variable("mqtt.reconnect_max_s"), "1".to_owned())
}

/// Sum of two counts.
#[must_use]
pub fn plus(a: &Totals, b: &Totals) -> Totals {
    Totals {
        jobs: a.jobs.saturating_add(b.jobs),
        misses: a.misses.saturating_add(b.misses),
        skipped: a.skipped.saturating_add(b.skipped),
    }
}
