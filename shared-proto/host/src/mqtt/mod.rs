//! MQTT 3.1.1 over TCP or TLS: one connection that comes back by itself.
//!
//! [`start`] gives a [`Publisher`] and the [`Events`] of the connection. After every loss it waits with growing, random
//! delay and connects anew with a new session, will and subscriptions.
//!
//! - **Your data stays yours** until [`Event::Acked`]: what was not acknowledged at [`Event::Down`] is lost, and is to
//!   be published again after the next [`Event::Up`]. Nothing old is sent on a new connection.
//! - **Nothing blocks.** A publish is taken or refused at once; events queue without limit but for messages, of which
//!   the newest are dropped and counted when the consumer is too slow ([`Events::dropped`]), so pings always go out in
//!   time.
//! - **A dead connection is noticed** by a missing PUBACK, SUBACK or ping answer, and is then replaced altogether.

mod backoff;
mod driver;
mod events;
mod fresh;
mod message;
mod options;
mod pace;
mod packet;
pub mod probe;
mod publisher;
mod reason;
mod session;
mod tls;
mod url;
mod valid;
mod window;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::Instant;

pub use backoff::Backoff;
pub use events::{Event, Events};
pub use message::{Message, Qos, Received, Retain, Retained, Token};
pub use options::{Credentials, Filter, Options, Password};
pub use publisher::{PublishError, Publisher};
pub use tls::{Fault, Identity, SYSTEM_CA_FILE, Tls, TlsFileError, Which, expiry};
pub use url::{BrokerUrl, Scheme, UrlError};

/// Time for name resolution, TCP, TLS and CONNACK together.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Largest packet that MQTT can express, in bytes of its variable part.
const MAX_PACKET: usize = 268_435_455;

/// Starts to connect, in a task of the current tokio runtime.
///
/// `will` builds the message that the broker publishes when the connection with the given number breaks; it is asked
/// anew for every attempt, numbered from 1. Settings that no packet can carry, and files that cannot be used, show as the reason
/// of an [`Event::Down`]. An address to which everything goes unencrypted over the network is warned of, once.
///
/// The task ends with [`Publisher::close`], or when the [`Events`] and every [`Publisher`] are dropped; the latter
/// breaks the connection without DISCONNECT, so the broker publishes the will.
///
/// # Panics
/// When called outside of a tokio runtime, or on one without timers and sockets.
pub fn start(options: Options, will: impl FnMut(u64) -> Option<Message> + Send + 'static) -> (Publisher, Events) {
    if options.url.is_exposed() {
        tracing::warn!(
            broker = %options.url,
            "not encrypted: whoever sees the network's traffic can read and forge messages, passwords included; use mqtts://"
        );
    }
    let (orders, control) = mpsc::unbounded_channel();
    let (sink, events) = events::queue(&options, orders.clone());
    let shared = Arc::new(publisher::Shared::new(&options, sink.counts()));
    let publisher = Publisher::new(Arc::clone(&shared), orders);
    tokio::spawn(driver::drive(options, will, shared, sink, control));
    (publisher, events)
}

/// `wait` after `start`; a wait beyond what the clock can hold acts as a year.
fn after(start: Instant, wait: Duration) -> Instant {
    const YEAR: Duration = Duration::from_secs(365 * 24 * 3600);
    start.checked_add(wait).unwrap_or_else(|| start + YEAR)
}
