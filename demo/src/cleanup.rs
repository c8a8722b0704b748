//! Leaves nothing behind on a broker that belongs to others.

use std::time::Duration;

use shared_host::mqtt::{BrokerUrl, Event, Message, Options, Qos, Retain, start};
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(2);

/// Clears retained messages on these topics; a broker that is gone has none.
pub(crate) async fn clear_retained(url: &BrokerUrl, client_id: &str, topics: Vec<String>) {
    let (publisher, mut events) = start(Options::new(url.clone(), client_id), |_| None);
    let Ok(Some(Event::Up { .. })) = timeout(PATIENCE, events.next()).await else { return };
    for topic in topics {
        // An empty payload clears the topic (MQTT 3.1.1, section 3.3.1.3).
        let nothing = Message { topic, payload: Vec::new(), qos: Qos::AtLeastOnce, retain: Retain::Yes };
        while publisher.try_publish(nothing.clone()).is_err() {
            let Ok(Some(Event::Acked(_))) = timeout(PATIENCE, events.next()).await else { return };
        }
    }
    publisher.close(PATIENCE).await;
}
