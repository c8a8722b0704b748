//! `run`: the controller itself.

use std::time::Duration;

use shared_host::control::inside;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::{Failure, runtime};
use crate::cli::RunArgs;
use crate::config::{self, Config};
use crate::run::run_with;
use crate::sink::{JsonLines, Tee};
use crate::watch::feed;
use crate::web::Server;

/// Questions of the web server that wait for the controller.
const WAITING_QUESTIONS: usize = 8;

pub(super) fn run(args: &RunArgs) -> Result<(), Failure> {
    let loaded = config::load(args.config.as_deref(), std::env::vars_os())?;
    let config = Config::from_loaded(&loaded)?;
    config.check_files(&loaded)?;
    // Held to the end, for the last lines.
    let _log = shared_host::log::init(config.log.format, &config.log.filter).map_err(Failure::usage)?;
    let lines = JsonLines::new(std::io::stdout())
        .map_err(|error| Failure::failed(format_args!("cannot start to write decisions: {error}")))?;
    let runtime = runtime()?;
    let ended = runtime.block_on(async {
        let listen = |kind| signal(kind).map_err(|error| Failure::failed(format_args!("no signals: {error}")));
        let stop = stopped(listen(SignalKind::terminate())?, listen(SignalKind::interrupt())?);
        let Some(web) = config.web.clone() else { return Ok(crate::run::run(config, stop, lines).await?) };
        let ((watcher, seen), (asker, questions)) = (feed(), inside(WAITING_QUESTIONS));
        let server = Server::start(&web, seen, asker).map_err(Failure::failed)?;
        tracing::info!(address = %server.address(), "serving HTTP");
        Ok(run_with(config, stop, Tee { lines, watcher }, Some(questions)).await?)
    });
    // A name that is being resolved keeps its thread for as long as the resolver likes.
    runtime.shutdown_timeout(Duration::from_secs(1));
    ended
}

async fn stopped(mut terminate: Signal, mut interrupt: Signal) {
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}
