//! `device-agent run`.

use std::io;
use std::path::Path;

use tokio::signal::unix::{SignalKind, signal};
use tracing::info;

use super::Failure;
use crate::{config, supervisor};

pub(super) fn run(file: Option<&Path>) -> Result<(), Failure> {
    let (config, _) = config::load(file)?;
    shared_host::log::init(config.log.format, &config.log.filter).map_err(Failure::failed)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Failure::failed)?;
    let summary = runtime.block_on(async {
        let stop = stop_signal().map_err(Failure::failed)?;
        supervisor::run(config, stop).await.map_err(Failure::failed)
    })?;
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

/// Completes on SIGTERM or SIGINT.
fn stop_signal() -> io::Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}
