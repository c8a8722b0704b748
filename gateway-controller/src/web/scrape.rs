//! `GET /metrics`.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use axum::body::Body;
use axum::extract::State;
use axum::http::header::{ACCEPT, CONTENT_TYPE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use hyper::body::Frame;

use super::Shared;
use crate::metrics::{Exposition, Format};

/// Scrapes at one time: each keeps the devices as they were at its begin.
const MOST: usize = 16;
static RUNNING: AtomicUsize = AtomicUsize::new(0);

pub(super) async fn metrics(State(shared): State<Arc<Shared>>, headers: HeaderMap) -> Response {
    let Some(turn) = Turn::take() else {
        return (StatusCode::SERVICE_UNAVAILABLE, "too many scrapes at one time\n").into_response();
    };
    let Some(snapshot) = shared.followed().book.as_ref().map(|book| book.snapshot()) else {
        return (StatusCode::NOT_FOUND, "metrics.enabled is false\n").into_response();
    };
    let accept: Vec<_> = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok()).collect();
    let format = Format::wanted(&accept.join(","));
    let pages = Pages { pieces: Exposition::new(snapshot, format), _turn: turn };
    ([(CONTENT_TYPE, format.content_type())], Body::new(pages)).into_response()
}

/// The right to scrape, until it is dropped.
struct Turn;

impl Turn {
    fn take() -> Option<Self> {
        let more = |running: usize| (running < MOST).then(|| running.saturating_add(1));
        RUNNING.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).ok().map(|_| Self)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        RUNNING.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Written as the reader takes it: a scrape of many devices is never whole in memory.
struct Pages {
    pieces: Exposition,
    _turn: Turn,
}

impl hyper::body::Body for Pages {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.pieces.next().map(|piece| Ok(Frame::data(Bytes::from(piece)))))
    }
}
