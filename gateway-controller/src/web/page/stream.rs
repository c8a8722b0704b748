//! Answers and streams. A reader that is slow loses its stream, and gets the whole picture when it asks again.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::{Arc, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use hyper::body::Frame;
use serde::{Deserialize, Serialize};
use shared_proto::ids::{DeviceId, SiteId};
use tokio::sync::OwnedSemaphorePermit;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::board::Said;
use super::control::refuse;
use super::detail::{Cursor, Detail};
use super::site_detail::{SiteCursor, SiteDetail};
use crate::fleet::DeviceView;
use crate::protocol::Request;
use crate::web::Shared;

/// Streams at one time.
pub(super) const MAX_READERS: usize = 64;
/// How often the fleet is looked at.
const FLEET_TICK: Duration = Duration::from_secs(1);
/// How often a device or site is looked at.
const DEVICE_TICK: Duration = Duration::from_millis(500);
/// How long a reader may leave its stream unread, beyond what the system keeps for it.
const PATIENCE: Duration = Duration::from_secs(10);

/// Which stretch of time the histogram of a device or site is of.
#[derive(Debug, Clone, Copy, Deserialize)]
pub(super) struct Span {
    #[serde(default = "five_minutes")]
    span_s: u64,
}

fn five_minutes() -> u64 {
    300
}

/// `GET /api/fleet`.
pub(super) async fn fleet(State(shared): State<Arc<Shared>>) -> Response {
    json(shared.page.board().whole(&shared).json())
}

/// `GET /api/events`: the fleet, then every second what has changed.
pub(super) async fn fleet_events(State(shared): State<Arc<Shared>>) -> Response {
    let Some(reader) = Reader::sit(&shared) else { return full() };
    let (whole, mut news) = {
        let mut board = shared.page.board();
        (board.whole(&shared), board.listen())
    };
    let (sender, response) = reader.stream();
    tokio::spawn(async move {
        let mut next = whole.event();
        while send(&sender, next).await.is_ok() {
            next = match news.recv().await {
                Ok(delta) => delta,
                // It was so slow that it has missed some: it shall ask again.
                Err(RecvError::Lagged(_) | RecvError::Closed) => return,
            };
        }
    });
    response
}

/// Tells all readers of the fleet what has changed, every second, for as long as the server runs.
pub(in crate::web) async fn tell_fleet(shared: Arc<Shared>) {
    let mut ticks = interval(FLEET_TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        shared.page.board().tell(&shared);
    }
}

/// `GET /api/device/{id}`.
pub(super) async fn device(
    State(shared): State<Arc<Shared>>,
    Path(id): Path<String>,
    Query(span): Query<Span>,
) -> Response {
    let Some(id) = known(&shared, &id) else { return unknown() };
    match detail(&shared, &id, span, &mut Cursor::default()).await {
        Some(detail) => json(detail.into()),
        None => unknown(),
    }
}

/// `GET /api/device/{id}/events`: the device, then twice a second what has changed.
pub(super) async fn device_events(
    State(shared): State<Arc<Shared>>,
    Path(id): Path<String>,
    Query(span): Query<Span>,
) -> Response {
    let Some(id) = known(&shared, &id) else { return unknown() };
    let Some(reader) = Reader::sit(&shared) else { return full() };
    let (sender, response) = reader.stream();
    tokio::spawn(async move {
        let (mut ticks, mut cursor, mut name) = (interval(DEVICE_TICK), Cursor::default(), "device");
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = ticks.tick() => {}
                () = sender.closed() => return,
            }
            let Some(detail) = detail(&shared, &id, span, &mut cursor).await else {
                // Forgotten, and told so: the stream is over.
                let _ = send(&sender, event("gone", "{}")).await;
                return;
            };
            if send(&sender, event(name, &detail)).await.is_err() {
                return;
            }
            name = "update";
        }
    });
    response
}

/// `GET /api/site/{id}`.
pub(super) async fn site(
    State(shared): State<Arc<Shared>>,
    Path(id): Path<String>,
    Query(span): Query<Span>,
) -> Response {
    let detail = id.parse().ok().and_then(|id| site_detail(&shared, &id, span, &mut SiteCursor::default()));
    detail.map_or_else(unknown_site, |detail| json(detail.into()))
}

/// `GET /api/site/{id}/events`: the site, then twice a second what has changed.
pub(super) async fn site_events(
    State(shared): State<Arc<Shared>>,
    Path(id): Path<String>,
    Query(span): Query<Span>,
) -> Response {
    let known = id.parse().ok().filter(|id| shared.followed().picture.picture.sites.contains_key(id));
    let Some(id) = known else { return unknown_site() };
    let Some(reader) = Reader::sit(&shared) else { return full() };
    let (sender, response) = reader.stream();
    tokio::spawn(async move {
        let (mut ticks, mut cursor, mut name) = (interval(DEVICE_TICK), SiteCursor::default(), "site");
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = ticks.tick() => {}
                () = sender.closed() => return,
            }
            let Some(detail) = site_detail(&shared, &id, span, &mut cursor) else { return };
            if send(&sender, event(name, &detail)).await.is_err() {
                return;
            }
            name = "update";
        }
    });
    response
}

/// What is new of a site; `None` if none of this name is known.
fn site_detail(shared: &Shared, id: &SiteId, span: Span, cursor: &mut SiteCursor) -> Option<String> {
    let followed = shared.followed();
    let live = &followed.picture;
    let site = live.picture.sites.get(id)?;
    serde_json::to_string(&SiteDetail::new(id, site, live, span.span_s, cursor)).ok()
}

fn unknown_site() -> Response {
    refuse(StatusCode::NOT_FOUND, "no site of this name is known")
}

/// What is new of a device; `None` if it is not known any more.
async fn detail(shared: &Shared, id: &DeviceId, span: Span, cursor: &mut Cursor) -> Option<String> {
    // What the controller wants of it, it alone knows.
    let view = shared.asker.ask::<DeviceView>(Request::Device { device: id.clone() }).await.ok();
    let followed = shared.followed();
    let live = &followed.picture;
    let device = live.picture.devices.get(id)?;
    serde_json::to_string(&Detail::new(id, device, live, view.as_ref(), span.span_s, cursor)).ok()
}

fn known(shared: &Shared, id: &str) -> Option<DeviceId> {
    let id = id.parse().ok()?;
    shared.followed().picture.picture.devices.contains_key(&id).then_some(id)
}

fn unknown() -> Response {
    refuse(StatusCode::NOT_FOUND, "no device of this name is known")
}

fn full() -> Response {
    let mut refused = refuse(StatusCode::SERVICE_UNAVAILABLE, format!("{MAX_READERS} readers are there already"));
    refused.headers_mut().insert(RETRY_AFTER, 5.into());
    refused
}

fn json(text: Bytes) -> Response {
    ([(CONTENT_TYPE, "application/json")], text).into_response()
}

fn event(name: &str, data: &str) -> Bytes {
    // JSON has no line feeds outside of strings here, and none inside.
    format!("event: {name}\ndata: {data}\n\n").into()
}

async fn send(sender: &Sender<Bytes>, bytes: Bytes) -> Result<(), ()> {
    match timeout(PATIENCE, sender.send(bytes)).await {
        Ok(Ok(())) => Ok(()),
        _ => Err(()),
    }
}

/// A reader's place.
struct Reader(OwnedSemaphorePermit);

impl Reader {
    fn sit(shared: &Shared) -> Option<Self> {
        Arc::clone(&shared.page.readers).try_acquire_owned().ok().map(Self)
    }

    fn stream(self) -> (Sender<Bytes>, Response) {
        let (sender, pieces) = channel(1);
        let body = Body::new(Pieces { pieces, _seat: self.0 });
        (
            sender,
            (
                [
                    (CONTENT_TYPE, "text/event-stream"),
                    (axum::http::header::HeaderName::from_static("x-accel-buffering"), "no"),
                ],
                body,
            )
                .into_response(),
        )
    }
}

/// A body that comes piece by piece; its reader's place is free when it is dropped.
struct Pieces {
    pieces: Receiver<Bytes>,
    _seat: OwnedSemaphorePermit,
}

impl hyper::body::Body for Pieces {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.get_mut().pieces.poll_recv(cx).map(|piece| piece.map(|bytes| Ok(Frame::data(bytes))))
    }
}

/// What is told in one message.
pub(super) fn told(said: &Said<'_, impl Serialize>) -> Bytes {
    event("delta", &serde_json::to_string(said).unwrap_or_default())
}

impl super::Page {
    /// What the readers of the fleet were told.
    pub(super) fn board(&self) -> std::sync::MutexGuard<'_, super::Board> {
        self.board.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
