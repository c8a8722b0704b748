//! KubeEdge's device management interface: gRPC on unix sockets, without TLS, to EdgeCore on the same machine.
//!
//! A task beside the controller's loop; the two speak by channels, and the loop never waits for it. [`session`] calls EdgeCore,
//! [`server`] is called by it, [`convert`] makes our words of theirs.

mod any;
mod convert;
mod line;
mod server;
mod session;
mod socket;

use tokio::sync::mpsc;

use super::mapper::{Mapper, Task};
use super::settings::MapperSettings;

/// Messages and services, made from `proto/dmi.proto`.
pub mod wire {
    #![allow(clippy::all, clippy::pedantic, missing_docs, unreachable_pub, reason = "made by prost and tonic")]
    include!("v1beta1.rs");
}

/// News that may wait for the controller's loop. EdgeCore waits while there are more.
const MAX_NEWS: usize = 64;

/// Starts the calls in both directions; needs a tokio runtime.
pub(super) fn start(settings: &MapperSettings) -> Mapper {
    let (tell, news) = mpsc::channel(MAX_NEWS);
    let (calls, due) = mpsc::channel(1);
    let interval_ms = u64::try_from(settings.interval.as_millis()).unwrap_or(u64::MAX);
    let settings = settings.clone();
    let task = tokio::spawn(async move {
        // EdgeCore calls once and never again: it must find us there before it is told where.
        let listener = server::open(&settings.listen).await;
        tokio::join!(
            server::serve(&listener, &settings.dmi_socket, tell.clone()),
            session::run(&settings, tell.clone(), due)
        );
    });
    Mapper::new(interval_ms, news, calls, Task(task))
}
