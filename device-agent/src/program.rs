//! What a program needs around the rest of this crate: runtime, signals, log.

use std::io;
use std::path::Path;
use std::pin::Pin;

use shared_host::config::ConfigError;
use shared_host::log::{self, LogError};
use tokio::runtime::Builder;
use tracing::info;

use crate::config;
use crate::signals::stop_signal;
use crate::supervisor::{self, Parts, RunError, Summary};

/// Completes when the program is told to end: SIGTERM, SIGINT, SIGQUIT, and SIGHUP unless it is ignored, as under `nohup`.
pub type StopSignal = Pin<Box<dyn Future<Output = ()>>>;

/// Why a program failed.
#[derive(Debug, thiserror::Error)]
pub enum ProgramError {
    /// The configuration is wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The log cannot be set up.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The system gives no runtime, or no word of signals.
    #[error("cannot set up the program: {0}")]
    Runtime(#[from] io::Error),
    /// The agent failed.
    #[error(transparent)]
    Run(#[from] RunError),
}

/// All of an agent's program but its command line: loads the configuration (without a file: defaults and environment), sets
/// up the log, and runs until a signal ends it.
///
/// # Errors
/// [`ProgramError`] says what failed.
pub fn run(file: Option<&Path>, parts: Parts) -> Result<Summary, ProgramError> {
    let (config, loaded) = config::load(file)?;
    config.check_files(&loaded)?;
    // Held to the end, for the last lines.
    let _log = log::init(config.log.format, &config.log.filter)?;
    let summary = until_signal(async |stop| supervisor::run_with(config, parts, stop).await)??;
    info!(
        jobs = summary.total.jobs,
        misses = summary.total.misses,
        skipped = summary.total.skipped,
        reports = summary.reports,
        reports_delivered = summary.reports_delivered,
        "agent ends"
    );
    Ok(summary)
}

/// Does `work` on a runtime of one thread, with a future that completes when the program is told to end. The work may go on
/// until it has ended in an orderly way.
///
/// # Errors
/// The system gives no runtime, or no word of signals.
pub fn until_signal<T>(work: impl AsyncFnOnce(StopSignal) -> T) -> io::Result<T> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let done = runtime.block_on(async {
        let stop = stop_signal()?;
        Ok(work(Box::pin(stop)).await)
    });
    // Without waiting: a name resolution that hangs in a thread of the runtime must not keep the process.
    runtime.shutdown_background();
    done
}
