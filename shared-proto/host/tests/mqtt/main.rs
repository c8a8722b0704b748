//! The MQTT transport against a real Mosquitto, and against a hand-made broker that misbehaves on purpose.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "helpers of tests fail the test")]

mod against_mosquitto;
mod against_stub;
mod mosquitto;
mod rumqttc_traps;
mod stub;

use std::time::Duration;

use shared_host::mqtt::{Backoff, Event, Events, Filter, Message, Options, Qos, Retain};

/// Options for the broker on `port` of this machine, with quick retries, and as many publishes at once as may be under way.
fn options(port: u16, client_id: &str) -> Options {
    Options {
        backoff: Backoff { min: Duration::from_millis(5), max: Duration::from_millis(50) },
        burst: u16::MAX,
        ..Options::new(format!("mqtt://127.0.0.1:{port}").parse().unwrap(), client_id)
    }
}

fn subscribe(topic: &str) -> Vec<Filter> {
    vec![Filter { topic: topic.to_owned(), qos: Qos::AtLeastOnce }]
}

fn message(topic: &str, payload: impl AsRef<[u8]>) -> Message {
    Message { topic: topic.to_owned(), payload: payload.as_ref().to_owned(), qos: Qos::AtLeastOnce, retain: Retain::No }
}

/// Ends a test that hangs. Says nothing about speed.
async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(60), future).await.unwrap_or_else(|_| panic!("never came: {what}"))
}

async fn next(events: &mut Events) -> Event {
    within("an event", events.next()).await.expect("the events ended")
}

/// The number of the connection that is up.
async fn up(events: &mut Events) -> u64 {
    match next(events).await {
        Event::Up { conn } => conn,
        other => panic!("instead of Up: {other:?}"),
    }
}

async fn down(events: &mut Events) -> (u64, String) {
    match next(events).await {
        Event::Down { conn, reason } => (conn, reason),
        other => panic!("instead of Down: {other:?}"),
    }
}
