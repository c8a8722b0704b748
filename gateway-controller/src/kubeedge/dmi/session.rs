//! Calls to EdgeCore: registers, tells what the plan says, and registers again after a restart of either side.
//!
//! A socket that is not there is waited for: EdgeCore may start later, or be away for days. It is taken for a new EdgeCore
//! when the socket file is another one, when the connection ends, or when a call gets no answer.

use std::future::Future;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, timeout};
use tonic::codegen::http::Uri;
use tonic::{Code, Status};

use super::convert;
use super::line::{Connection, Line};
use super::socket::SocketFile;
use super::wire::device_manager_service_client::DeviceManagerServiceClient;
use crate::kubeedge::mapper::News;
use crate::kubeedge::plan::{Call, Content, Outcome};
use crate::kubeedge::resource::Declaration;
use crate::kubeedge::settings::MapperSettings;

/// Longest time of a call.
const CALL_LIMIT: Duration = Duration::from_secs(10);
/// How often the socket file is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// First and longest wait before another registration at the same socket.
const BACKOFF: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));

/// A registered connection.
struct Session {
    client: DeviceManagerServiceClient<Line>,
    connection: Connection,
    socket: Option<SocketFile>,
}

/// Keeps a registration up, for ever.
pub(super) async fn run(settings: &MapperSettings, news: mpsc::Sender<News>, mut calls: mpsc::Receiver<Call>) {
    let mut wait = BACKOFF.0;
    let mut told = None;
    loop {
        let socket = SocketFile::at(&settings.dmi_socket).await;
        let trouble = if socket.is_none() {
            if told.is_none() {
                let path = settings.dmi_socket.display();
                tracing::info!(socket = %path, "EdgeCore is not there, the mapper waits for it");
            }
            wait = BACKOFF.0;
            String::new()
        } else {
            // Heard before the answer, so that what is declared meanwhile is not undone by it.
            tell(&news, News::Registering).await;
            match register(settings, socket).await {
                Ok((session, declarations)) => {
                    (wait, told) = (BACKOFF.0, None);
                    tell(&news, News::Registered(declarations)).await;
                    let why = attend(session, settings, &news, &mut calls).await;
                    tracing::warn!(reason = why, "EdgeCore is lost, it is registered anew");
                    tell(&news, News::Lost).await;
                    // Called for the session that is over.
                    while calls.try_recv().is_ok() {}
                    // One that takes a registration and then ends is not run against.
                    sleep(BACKOFF.0).await;
                    continue;
                }
                Err(trouble) => {
                    if told.as_ref() != Some(&trouble) {
                        tracing::warn!(reason = trouble, "EdgeCore does not take the mapper, it is tried again");
                    }
                    trouble
                }
            }
        };
        told = Some(trouble);
        if wait_for_another(settings, socket, wait).await == socket {
            wait = (wait * 2).min(BACKOFF.1);
        } else {
            wait = BACKOFF.0;
        }
    }
}

/// Waits, but not when there is another socket; the socket that there is then.
async fn wait_for_another(settings: &MapperSettings, old: Option<SocketFile>, limit: Duration) -> Option<SocketFile> {
    let end = Instant::now() + limit;
    loop {
        sleep(LOOK_EVERY).await;
        let socket = SocketFile::at(&settings.dmi_socket).await;
        if socket != old || Instant::now() >= end {
            return socket;
        }
    }
}

async fn register(
    settings: &MapperSettings,
    socket: Option<SocketFile>,
) -> Result<(Session, Vec<Declaration>), String> {
    let (line, connection) = in_time(Line::connect(&settings.dmi_socket)).await??;
    // As grpc-go calls a server on a unix socket.
    let mut client = DeviceManagerServiceClient::with_origin(line, Uri::from_static("http://localhost"));
    let answer = in_time(client.mapper_register(convert::registration(settings))).await?;
    let list = answer.map_err(|status| words(&status))?.into_inner().device_list;
    let declarations = list.into_iter().map(convert::declaration).collect();
    Ok((Session { client, connection, socket }, declarations))
}

/// Makes calls until there is nobody to make them to; tells why.
async fn attend(
    mut session: Session,
    settings: &MapperSettings,
    news: &mpsc::Sender<News>,
    calls: &mut mpsc::Receiver<Call>,
) -> String {
    let mut look = tokio::time::interval(LOOK_EVERY);
    loop {
        tokio::select! {
            why = session.connection.ended() => return why,
            Some(call) = calls.recv() => match session.make(&call).await {
                Ok(outcome) => tell(news, News::Done(call, outcome)).await,
                Err(why) => return why,
            },
            _ = look.tick() => {
                if SocketFile::at(&settings.dmi_socket).await != session.socket {
                    return "its socket is another one".to_owned();
                }
            }
        }
    }
}

impl Session {
    /// Makes a call.
    ///
    /// # Errors
    /// Why there is nobody to make another one to.
    async fn make(&mut self, call: &Call) -> Result<Outcome, String> {
        let refused = match &call.content {
            Content::Twins(twins) => {
                let request = convert::twins(&call.id, twins, crate::wall_clock::wall_clock_ms());
                in_time(self.client.report_device_status(request)).await?.err()
            }
            Content::State(state) => {
                let request = convert::state(&call.id, *state);
                in_time(self.client.report_device_states(request)).await?.err()
            }
        };
        match refused {
            None => Ok(Outcome::Taken),
            Some(status) if self.connection.has_ended() => Err(words(&status)),
            Some(status) if status.code() == Code::Unimplemented => {
                tracing::info!("EdgeCore is older than 1.18, it takes no states of devices");
                Ok(Outcome::Unsupported)
            }
            // EdgeCore's own words come with this code. Others are of the connection's making.
            Some(status) if status.code() == Code::Unknown && std::error::Error::source(&status).is_none() => {
                Ok(Outcome::Refused(words(&status)))
            }
            Some(status) => Err(words(&status)),
        }
    }
}

async fn in_time<T>(call: impl Future<Output = T>) -> Result<T, String> {
    timeout(CALL_LIMIT, call).await.map_err(|_| format!("no answer within {} s", CALL_LIMIT.as_secs()))
}

fn words(status: &Status) -> String {
    format!("{:?}: {}", status.code(), status.message())
}

/// The controller's loop ends by dropping this task, so somebody always hears.
async fn tell(news: &mpsc::Sender<News>, what: News) {
    let _ = news.send(what).await;
}
