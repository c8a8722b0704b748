//! `device-agent run`.

use std::path::Path;

use tracing::info;

use super::Failure;
use super::signals::stop_signal;
use crate::{config, supervisor};

pub(super) fn run(file: Option<&Path>) -> Result<(), Failure> {
    let (config, _) = config::load(file)?;
    // Held to the end, for the last lines.
    let _log = shared_host::log::init(config.log.format, &config.log.filter).map_err(Failure::failed)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Failure::failed)?;
    let ended = runtime.block_on(async {
        let stop = stop_signal().map_err(Failure::failed)?;
        supervisor::run(config, stop).await.map_err(Failure::failed)
    });
    // Without waiting: a name resolution that hangs in a thread of the runtime must not keep the process.
    runtime.shutdown_background();
    let summary = ended?;
    info!(
        jobs = summary.total.jobs,
        misses = summary.total.misses,
        skipped = summary.total.skipped,
        reports = summary.reports,
        reports_delivered = summary.reports_delivered,
        "agent ends"
    );
    Ok(())
}
