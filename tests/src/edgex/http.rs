//! What the services have in common over HTTP: who may ask, faults on purpose, the request timeout, and the form of answers.

use std::collections::HashMap;
use std::future::pending;
use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde_json::{Map, Value as Json, json};
use tokio::time::{sleep, timeout};

use super::faults::{Answer, Service};
use super::log::{self, command_of};
use super::store::PageError;
use super::world::World;
use super::{Version, command, data, metadata};

/// `Service.MaxRequestSize` is larger; no test needs more.
const MAX_BODY: usize = 4 * 1024 * 1024;
/// What Go's `http.TimeoutHandler` says.
const TIMEOUT_BODY: &str = "<html><head><title>Timeout</title></head><body><h1>Timeout</h1></body></html>";

/// A query string.
pub(super) type Query = axum::extract::Query<HashMap<String, String>>;

/// A service in its world.
#[derive(Debug, Clone)]
struct Site {
    world: Arc<World>,
    service: Service,
}

/// All routes of a service.
pub(super) fn routes(world: &Arc<World>, service: Service) -> Router {
    let routes = match service {
        Service::Metadata => metadata::routes(),
        Service::Data => data::routes(),
        Service::Command => command::routes(),
    };
    let name = service.name();
    let release = match world.version {
        Version::V3 => "3.1.1",
        Version::V4 => "4.0.2",
    };
    let version =
        move || async move { answer(200, &json!({"apiVersion": "v3", "version": release, "serviceName": name})) };
    let ping =
        move || async move { answer(200, &json!({"apiVersion": "v3", "timestamp": timestamp(), "serviceName": name})) };
    let site = Site { world: Arc::clone(world), service };
    routes
        .with_state(Arc::clone(world))
        .route("/api/v3/version", get(version))
        .route("/api/v3/ping", get(ping))
        .fallback(|| async { answer(404, &json!({"message": "Not Found"})) })
        .layer(from_fn_with_state(site, pass))
}

fn timestamp() -> String {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    format!("{} s since 1970", since.as_secs())
}

/// What every request goes through.
async fn pass(State(site): State<Site>, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, MAX_BODY).await else {
        return Refusal::new(413, "the request is too large").into_response();
    };
    let path = parts.uri.path_and_query().map_or("", |path| path.as_str()).to_owned();
    let entry = Entry::begin(&site, parts.method.as_str(), &path, &body);
    let about_itself = matches!(parts.uri.path(), "/api/v3/ping" | "/api/v3/version");
    let response = if parts.uri.path() != "/api/v3/ping" && !may(&site.world, &parts.headers) {
        answer(401, &json!({"message": "Unauthorized"}))
    } else {
        let faulty = !about_itself && (site.service != Service::Command || command_of(&path).is_some());
        let fault = if faulty { site.world.state().faults.answer(site.service) } else { None };
        serve(&site.world, fault, Request::from_parts(parts, Body::from(body)), next).await
    };
    entry.end(response.status());
    response
}

/// Whether a request shows the token.
fn may(world: &World, headers: &HeaderMap) -> bool {
    let state = world.state();
    let Some(token) = &state.token else { return true };
    let shown = headers.get(AUTHORIZATION).and_then(|value| value.as_bytes().strip_prefix(b"Bearer "));
    shown == Some(token.bytes())
}

async fn serve(world: &World, fault: Option<Answer>, request: Request, next: Next) -> Response {
    let delay = match fault {
        Some(Answer::Status(status)) => return Refusal::new(status, "a fault on purpose").into_response(),
        Some(Answer::Html503) => return timed_out(),
        Some(Answer::Hang) => return pending().await,
        Some(Answer::Slow(delay)) => Some(delay),
        None => None,
    };
    // A task of its own: what was begun is brought to its end also if the client gives up or the time is over.
    let work = tokio::spawn(async move {
        if let Some(delay) = delay {
            sleep(delay).await;
        }
        next.run(request).await
    });
    match timeout(world.request_timeout, work).await {
        Ok(Ok(response)) => response,
        Ok(Err(error)) => Refusal::new(500, error.to_string()).into_response(),
        Err(_) => timed_out(),
    }
}

fn timed_out() -> Response {
    (StatusCode::SERVICE_UNAVAILABLE, [(CONTENT_TYPE, "text/html; charset=utf-8")], TIMEOUT_BODY).into_response()
}

/// A request in the log, until it is answered or its client has gone.
struct Entry {
    world: Arc<World>,
    number: u64,
    status: Option<u16>,
}

impl Entry {
    fn begin(site: &Site, method: &str, path: &str, body: &Bytes) -> Self {
        let number = site.world.state().log.begin(log::Request {
            service: site.service,
            method: method.to_owned(),
            path: path.to_owned(),
            body: String::from_utf8_lossy(body).into_owned(),
            at: Instant::now(),
            answer: None,
        });
        Self { world: Arc::clone(&site.world), number, status: None }
    }

    fn end(mut self, status: StatusCode) {
        self.status = Some(status.as_u16());
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.world.state().log.end(self.number, self.status);
    }
}

/// An error in EdgeX' form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    /// 400 to 599.
    pub(super) status: u16,
    pub(super) message: String,
}

impl Refusal {
    pub(super) fn new(status: u16, message: impl Into<String>) -> Self {
        Self { status: if (400..600).contains(&status) { status } else { 500 }, message: message.into() }
    }

    pub(super) fn json(&self) -> Json {
        json!({"apiVersion": "v3", "message": self.message, "statusCode": self.status})
    }
}

impl From<PageError> for Refusal {
    fn from(error: PageError) -> Self {
        match error {
            PageError::Bad(message) => Self::new(400, message),
            PageError::Beyond(message) => Self::new(416, message),
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        answer(self.status, &self.json())
    }
}

/// An answer of JSON.
pub(super) fn answer(status: u16, body: &Json) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (status, [(CONTENT_TYPE, "application/json")], body.to_string()).into_response()
}

/// 200 with more fields than every answer has.
pub(super) fn success(fields: Json) -> Response {
    let mut body = Map::from_iter([("apiVersion".to_owned(), json!("v3")), ("statusCode".to_owned(), json!(200))]);
    if let Json::Object(fields) = fields {
        body.extend(fields);
    }
    answer(200, &Json::Object(body))
}

/// One entry of the answer to an array.
pub(super) fn entry(status: u16, id: Option<&str>) -> Json {
    match id {
        Some(id) => json!({"apiVersion": "v3", "statusCode": status, "id": id}),
        None => json!({"apiVersion": "v3", "statusCode": status}),
    }
}
