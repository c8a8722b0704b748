//! core-data over HTTP.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, State};
use axum::response::Response;
use axum::routing::get;
use serde_json::{Value as Json, json};

use super::event::{Event, Reading, Shown};
use super::http::{Query, Refusal, success};
use super::store::Page;
use super::world::World;

type Answer = Result<Response, Refusal>;
type At = State<Arc<World>>;

pub(super) fn routes() -> Router<Arc<World>> {
    Router::new()
        .route("/api/v3/event/all", get(|at: At, query: Query| async move { events(&at, None, &query) }))
        .route(
            "/api/v3/event/count",
            get(|State(world): At| async move { count(world.state().store.events(None).len()) }),
        )
        .route("/api/v3/event/id/{id}", get(event))
        .route("/api/v3/event/device/name/{device}", get(events_of))
        .route("/api/v3/event/count/device/name/{device}", get(count_of))
        .route("/api/v3/reading/all", get(|at: At, query: Query| async move { readings(&at, None, None, &query) }))
        .route("/api/v3/reading/device/name/{device}", get(readings_of))
        .route("/api/v3/reading/resourceName/{resource}", get(readings_named))
        .route("/api/v3/reading/device/name/{device}/resourceName/{resource}", get(readings_of_named))
}

async fn events_of(at: At, Path(device): Path<String>, query: Query) -> Answer {
    events(&at, Some(&device), &query)
}

async fn readings_of(at: At, Path(device): Path<String>, query: Query) -> Answer {
    readings(&at, Some(&device), None, &query)
}

async fn readings_named(at: At, Path(resource): Path<String>, query: Query) -> Answer {
    readings(&at, None, Some(&resource), &query)
}

async fn readings_of_named(at: At, Path((device, resource)): Path<(String, String)>, query: Query) -> Answer {
    readings(&at, Some(&device), Some(&resource), &query)
}

async fn count_of(State(world): At, Path(device): Path<String>) -> Response {
    count(world.state().store.events(Some(&device)).len())
}

async fn event(State(world): At, Path(id): Path<String>) -> Answer {
    let groups: Vec<_> = id.split('-').map(str::len).collect();
    if groups != [8, 4, 4, 4, 12] || !id.chars().all(|letter| letter == '-' || letter.is_ascii_hexdigit()) {
        return Err(Refusal::new(400, format!("uuid {id} is malformed")));
    }
    let state = world.state();
    let event = state.store.event(&id).ok_or_else(|| Refusal::new(404, format!("event {id} not found")))?;
    Ok(success(json!({"event": event.json(world.version, Shown::Stored)})))
}

fn events(world: &World, device: Option<&str>, query: &Query) -> Answer {
    let page = Page::parse(query, world.version)?;
    let state = world.state();
    let (total, events) = page.of(state.store.events(device))?;
    let json = |event: &&Event| event.json(world.version, Shown::Stored);
    let events: Vec<Json> = events.iter().map(json).collect();
    Ok(success(json!({"totalCount": total, "events": events})))
}

fn readings(world: &World, device: Option<&str>, resource: Option<&str>, query: &Query) -> Answer {
    let page = Page::parse(query, world.version)?;
    let state = world.state();
    let (total, readings) = page.of(state.store.readings(device, resource))?;
    let json = |(event, reading): &(&Event, &Reading)| event.reading_json(reading, world.version, Shown::Stored);
    let readings: Vec<Json> = readings.iter().map(json).collect();
    Ok(success(json!({"totalCount": total, "readings": readings})))
}

fn count(count: usize) -> Response {
    success(json!({"count": count}))
}
