//! What a user sees with a broker that works, goes away and comes back.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use shared_host::mqtt::{Event, Message, Options, PublishError, Qos, Received, Retain, Retained, start};

use crate::mosquitto::Mosquitto;
use crate::{down, message, next, options, subscribe, up};

fn received(topic: &str, payload: &str, retained: Retained) -> Event {
    Event::Message(Received { topic: topic.to_owned(), payload: payload.as_bytes().to_owned(), retained })
}

#[tokio::test]
async fn a_publish_arrives_and_is_acknowledged() {
    let broker = Mosquitto::start().await;
    let (publisher, mut sender) = start(options(broker.port(), "sender"), |_| None);
    let listening = Options { filters: subscribe("a/+"), ..options(broker.port(), "listener") };
    let (_listener, mut arrivals) = start(listening, |_| None);
    assert_eq!((up(&mut sender).await, up(&mut arrivals).await), (1, 1));

    let unconfirmed = Message { qos: Qos::AtMostOnce, ..message("a/0", "zero") };
    let never_acked = publisher.try_publish(unconfirmed).unwrap();
    let token = publisher.try_publish(message("a/1", "one")).unwrap();
    assert_ne!(token, never_acked);
    assert_eq!(next(&mut arrivals).await, received("a/0", "zero", Retained::Live));
    assert_eq!(next(&mut arrivals).await, received("a/1", "one", Retained::Live));
    assert_eq!(next(&mut sender).await, Event::Acked(token));
}

#[tokio::test]
async fn a_retained_message_reaches_a_later_subscriber_as_such() {
    let broker = Mosquitto::start().await;
    let (publisher, mut sender) = start(options(broker.port(), "sender"), |_| None);
    up(&mut sender).await;
    let kept = Message { retain: Retain::Yes, ..message("kept", "old") };
    let token = publisher.try_publish(kept).unwrap();
    assert_eq!(next(&mut sender).await, Event::Acked(token));

    let listening = Options { filters: subscribe("kept"), ..options(broker.port(), "listener") };
    let (_listener, mut arrivals) = start(listening, |_| None);
    up(&mut arrivals).await;
    assert_eq!(next(&mut arrivals).await, received("kept", "old", Retained::Retained));
}

#[tokio::test]
async fn a_retained_message_of_any_size_keeps_nobody_off_who_asks_for_it() {
    const BYTES: usize = 2_000_000;
    let broker = Mosquitto::start().await;
    let sending = Options { max_outgoing: usize::MAX, ..options(broker.port(), "sender") };
    let (publisher, mut sender) = start(sending, |_| None);
    up(&mut sender).await;
    for (topic, payload) in [("kept/huge", vec![b'x'; BYTES]), ("kept/small", b"old".to_vec())] {
        let token = publisher.try_publish(Message { retain: Retain::Yes, ..message(topic, payload) }).unwrap();
        assert_eq!(next(&mut sender).await, Event::Acked(token));
    }

    let filters = subscribe("kept/#");
    let listening =
        Options { filters, max_incoming: usize::MAX, max_message: 1_000, ..options(broker.port(), "listener") };
    let (_listener, mut arrivals) = start(listening, |_| None);
    up(&mut arrivals).await;
    let mut both = [next(&mut arrivals).await, next(&mut arrivals).await];
    both.sort_by_key(|event| matches!(event, Event::Oversize { .. }));
    let oversize = Event::Oversize { topic: "kept/huge".to_owned(), bytes: BYTES };
    assert_eq!(both, [received("kept/small", "old", Retained::Retained), oversize]);
    let token = publisher.try_publish(message("kept/live", "new")).unwrap();
    assert_eq!(next(&mut arrivals).await, received("kept/live", "new", Retained::Live));
    assert_eq!(next(&mut sender).await, Event::Acked(token));
}

#[tokio::test]
async fn every_publish_of_a_long_series_is_acknowledged_in_its_turn() {
    const COUNT: usize = 1000;
    let broker = Mosquitto::start().await;
    let both = Options { filters: subscribe("series"), ..options(broker.port(), "both") };
    let (publisher, mut events) = start(both, |_| None);
    up(&mut events).await;

    let (mut sent, mut acked, mut arrived) = (0, 0, 0);
    let mut tokens = VecDeque::new();
    while acked < COUNT || arrived < COUNT {
        while sent < COUNT {
            match publisher.try_publish(message("series", sent.to_string())) {
                Ok(token) => tokens.push_back(token),
                Err(PublishError::Full { max: 16, .. }) => break,
                Err(other) => panic!("{other}"),
            }
            sent += 1;
        }
        match next(&mut events).await {
            Event::Acked(token) => {
                assert_eq!(tokens.pop_front(), Some(token));
                acked += 1;
            }
            Event::Message(message) => {
                assert_eq!(message.payload, arrived.to_string().as_bytes());
                arrived += 1;
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(events.dropped(), 0);
}

#[tokio::test]
async fn dropping_all_handles_lets_the_broker_publish_the_will_of_this_connection() {
    let broker = Mosquitto::start().await;
    let watching = Options { filters: subscribe("will"), ..options(broker.port(), "watcher") };
    let (_watcher, mut seen) = start(watching, |_| None);
    up(&mut seen).await;
    let (device, mut events) =
        start(options(broker.port(), "device"), |conn| Some(message("will", format!("lost {conn}"))));
    assert_eq!(up(&mut events).await, 1);
    drop(events);
    let token = device.try_publish(message("will", "alive")).unwrap();
    assert_eq!(token.conn(), 1);
    assert_eq!(next(&mut seen).await, received("will", "alive", Retained::Live));
    drop(device);
    assert_eq!(next(&mut seen).await, received("will", "lost 1", Retained::Live));
}

#[tokio::test]
async fn a_broker_that_comes_back_is_used_again() {
    let mut broker = Mosquitto::start().await;
    let wills = Arc::new(Mutex::new(Vec::new()));
    let asked = Arc::clone(&wills);
    let listening = Options { filters: subscribe("t"), ..options(broker.port(), "one") };
    let (publisher, mut events) = start(listening, move |conn| {
        asked.lock().unwrap().push(conn);
        None
    });
    assert_eq!(up(&mut events).await, 1);

    broker.kill();
    assert_eq!(down(&mut events).await.0, 1);
    assert_eq!(publisher.try_publish(message("t", "lost")), Err(PublishError::Down));
    let (attempt, reason) = down(&mut events).await;
    assert_eq!(attempt, 2);
    assert!(reason.contains(&format!("127.0.0.1:{}", broker.port())), "{reason}");

    broker.restart().await;
    let conn = loop {
        match next(&mut events).await {
            Event::Up { conn } => break conn,
            Event::Down { .. } => {}
            other => panic!("instead of Up: {other:?}"),
        }
    };
    assert!(conn > 2);
    assert_eq!(*wills.lock().unwrap(), (1..=conn).collect::<Vec<_>>());
    let token = publisher.try_publish(message("t", "back")).unwrap();
    assert_eq!(token.conn(), conn);
    let mut both = [next(&mut events).await, next(&mut events).await];
    both.sort_by_key(|event| matches!(event, Event::Acked(_)));
    assert_eq!(both, [received("t", "back", Retained::Live), Event::Acked(token)]);
}
