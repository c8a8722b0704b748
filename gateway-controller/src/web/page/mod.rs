//! The live page: its files, what they ask for, and who may ask.

mod assets;
mod board;
mod control;
mod detail;
mod guard;
mod patience;
mod site_detail;
mod site_tile;
mod stream;
#[cfg(test)]
mod tests;
mod tile;

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{get, post};
use shared_host::secret::Secret;
use tokio::sync::Semaphore;

use super::{Settings, Shared, Thresholds};
use board::Board;
use guard::Names;
use patience::Patience;
pub(super) use stream::tell_fleet;

/// Longest body of a request, in bytes.
const MAX_BODY: usize = 1024;

/// What the page's handlers share.
#[derive(Debug)]
pub(super) struct Page {
    names: Names,
    token: Option<Secret>,
    thresholds: Option<Thresholds>,
    patience: Mutex<Patience>,
    board: Mutex<Board>,
    readers: Arc<Semaphore>,
}

impl Page {
    pub(super) fn new(settings: &Settings, token: Option<Secret>) -> Self {
        Self {
            names: Names::new(settings.listen.ip(), &settings.hosts),
            token,
            thresholds: settings.thresholds,
            patience: Mutex::default(),
            board: Mutex::default(),
            readers: Arc::new(Semaphore::new(stream::MAX_READERS)),
        }
    }
}

/// All that the page needs, behind its guard.
pub(super) fn routes(shared: &Arc<Shared>) -> Router<Arc<Shared>> {
    let api = Router::new()
        .route("/api/fleet", get(stream::fleet))
        .route("/api/events", get(stream::fleet_events))
        .route("/api/device/{id}", get(stream::device))
        .route("/api/device/{id}/events", get(stream::device_events))
        .route("/api/device/{id}/mode", post(control::set_mode))
        .route("/api/site/{id}", get(stream::site))
        .route("/api/site/{id}/events", get(stream::site_events))
        .layer(DefaultBodyLimit::max(MAX_BODY));
    assets::routes()
        .merge(api)
        .layer(from_fn_with_state(Arc::clone(shared), guard::only_by_name))
        .layer(from_fn(guard::with_headers))
}
