//! Each known trap of the client library rumqttc 0.25.1, provoked: what it would do alone, its users here never see. The list,
//! with where each comes from, is in docs/transport.md.

use std::time::Duration;

use shared_host::mqtt::{Backoff, Event, Options, PublishError, start};

use crate::stub::{ACCEPTED, ACCEPTED_WITH_SESSION, Stub, to_client};
use crate::{down, message, next, options, subscribe, up, within};

/// In which nothing is to happen: too short a time lets a failure pass, and never makes one.
const QUIET: Duration = Duration::from_millis(200);
/// More than the 10 KiB that the library allows unless it is told otherwise.
const LARGE: usize = 20 * 1024;

async fn nobody_connects(stub: &Stub) {
    assert!(tokio::time::timeout(QUIET, stub.accept()).await.is_err(), "somebody connects");
}

/// Trap: what is not acknowledged is sent again by the library itself if the broker says that it knows the session, and
/// silently dropped if not; so is what was queued and never sent.
#[tokio::test]
async fn nothing_old_is_sent_on_a_new_connection_whatever_the_broker_says_of_the_session() {
    for answer in [ACCEPTED, ACCEPTED_WITH_SESSION] {
        let stub = Stub::listen().await;
        let (publisher, mut events) = start(options(stub.port(), "one"), |_| None);
        let (mut peer, _) = stub.accept().await;
        peer.send(&answer).await;
        up(&mut events).await;
        for number in 0..3 {
            publisher.try_publish(message("t", format!("old {number}"))).unwrap();
        }
        assert_eq!(peer.publish().await.1, b"old 0");
        drop(peer);
        down(&mut events).await;

        let (mut peer, _) = stub.accept().await;
        peer.send(&answer).await;
        up(&mut events).await;
        let token = publisher.try_publish(message("t", "new")).unwrap();
        let (id, payload) = peer.publish().await;
        assert_eq!(payload, b"new", "{answer:?}");
        peer.acknowledge(id).await;
        assert_eq!(next(&mut events).await, Event::Acked(token));
    }
}

/// Trap: a packet identifier that comes round while its publish is not acknowledged is a "collision"; the library then holds
/// back everything, also on all later connections.
#[tokio::test]
async fn an_identifier_is_never_given_again_before_its_acknowledgement() {
    let stub = Stub::listen().await;
    let three = Options { max_in_flight: 3, ack_timeout: Duration::from_millis(300), ..options(stub.port(), "one") };
    let (publisher, mut events) = start(three, |_| None);
    let mut peer = stub.connect().await;
    up(&mut events).await;
    // The oldest stays without acknowledgement while others come and go: its place is not given away.
    let first = publisher.try_publish(message("t", "first")).unwrap();
    let (first_id, _) = peer.publish().await;
    for number in 0..2 {
        let token = publisher.try_publish(message("t", format!("{number}"))).unwrap();
        let (id, _) = peer.publish().await;
        assert_ne!(id, first_id);
        peer.acknowledge(id).await;
        assert_eq!(next(&mut events).await, Event::Acked(token));
    }
    assert_eq!(publisher.try_publish(message("t", "4")), Err(PublishError::Full { in_flight: 3, max: 3 }));
    peer.acknowledge(first_id).await;
    assert_eq!(next(&mut events).await, Event::Acked(first));

    // Never acknowledged: the connection goes, and the next one works.
    publisher.try_publish(message("t", "stuck")).unwrap();
    assert!(down(&mut events).await.1.contains("did not acknowledge"));
    let mut peer = stub.connect().await;
    up(&mut events).await;
    let token = publisher.try_publish(message("t", "again")).unwrap();
    let (id, payload) = peer.publish().await;
    assert_eq!(payload, b"again");
    peer.acknowledge(id).await;
    assert_eq!(next(&mut events).await, Event::Acked(token));
}

/// Trap: who waits for room to publish in the task that polls waits for ever, as buffered messages keep the library from
/// taking requests.
#[tokio::test]
async fn a_publish_is_taken_or_refused_at_once_in_a_flood_of_messages() {
    const MESSAGES: usize = 5_000;
    let stub = Stub::listen().await;
    let all = Options { filters: subscribe("t"), ..options(stub.port(), "one") };
    let (publisher, mut events) = start(all, |_| None);
    let mut peer = stub.connect().await;
    let confirmation = peer.subscription(1).await;
    peer.send(&confirmation).await;
    up(&mut events).await;

    let (mut seen, mut acked, mut sent) = (0, 0, 0);
    let flood = to_client("flood").repeat(MESSAGES);
    let broker = async {
        peer.send(&flood).await;
        loop {
            let (id, _) = peer.publish().await;
            peer.acknowledge(id).await;
        }
    };
    let client = async {
        // From the very task that reads the events; one publish with every tenth message.
        while seen < MESSAGES || acked < sent {
            match next(&mut events).await {
                Event::Message(_) => {
                    seen += 1;
                    if seen % 10 == 0 && publisher.try_publish(message("t", "mine")).is_ok() {
                        sent += 1;
                    }
                }
                Event::Acked(_) => acked += 1,
                other => panic!("{other:?}"),
            }
        }
    };
    within("all messages and acknowledgements", async {
        tokio::select! {
            () = broker => {}
            () = client => {}
        }
    })
    .await;
    assert_eq!((seen, events.dropped()), (MESSAGES, 0));
    assert!(sent >= 16, "{sent} publishes were taken");
}

/// Trap: the library connects again at once, as often as it is polled.
#[tokio::test]
async fn after_a_failure_there_is_a_wait_before_the_next_attempt() {
    let stub = Stub::listen().await;
    let wait = Duration::from_secs(1_000_000_000);
    let patient = Options { backoff: Backoff { min: wait, max: wait }, ..options(stub.port(), "one") };
    let (_publisher, mut events) = start(patient, |_| None);
    drop(stub.accept().await);
    assert_eq!(down(&mut events).await.0, 1);
    nobody_connects(&stub).await;
}

/// Trap: a link that is half open is noticed at the second ping alone, and CONNECT has no ping.
#[tokio::test]
async fn a_connection_that_is_never_answered_is_given_up() {
    let stub = Stub::listen().await;
    let (_publisher, mut events) = start(options(stub.port(), "one"), |_| None);
    let (_silent, _) = stub.accept().await;
    let (conn, reason) = down(&mut events).await;
    assert!(conn == 1 && reason.contains("within 5 s"), "{conn} {reason}");
    stub.connect().await;
    assert_eq!(up(&mut events).await, 2);
}

/// Trap: polled after DISCONNECT, the library connects again, and two clients of one name throw each other out.
#[tokio::test]
async fn after_the_good_bye_nobody_connects_again() {
    let stub = Stub::listen().await;
    let (publisher, mut events) = start(options(stub.port(), "one"), |_| None);
    let _peer = stub.connect().await;
    up(&mut events).await;
    within("the end", publisher.close(Duration::MAX)).await;
    assert_eq!(down(&mut events).await.1, "closed");
    nobody_connects(&stub).await;
}

/// Trap: SUBSCRIBE takes its packet identifier from the same counter as publishes, and nobody looks whether it is in use.
#[tokio::test]
async fn a_subscription_has_its_identifier_for_itself() {
    let stub = Stub::listen().await;
    let small = Options { filters: subscribe("t"), max_in_flight: 2, ..options(stub.port(), "one") };
    let (publisher, mut events) = start(small, |_| None);
    let mut peer = stub.connect().await;
    let confirmation = peer.subscription(1).await;
    // Until it is confirmed nothing is published, so nothing can share its identifier.
    assert_eq!(publisher.try_publish(message("t", "early")), Err(PublishError::Down));
    peer.send(&confirmation).await;
    up(&mut events).await;
    // All identifiers come round, that of the subscription too, each with its own acknowledgement.
    for round in 0..9 {
        let token = publisher.try_publish(message("t", format!("{round}"))).unwrap();
        let (id, payload) = peer.publish().await;
        assert_eq!(payload, format!("{round}").into_bytes());
        peer.acknowledge(id).await;
        assert_eq!(next(&mut events).await, Event::Acked(token));
    }
}

/// Trap: packets beyond 10 KiB end the connection in either direction.
#[tokio::test]
async fn packets_beyond_ten_kib_pass_both_ways() {
    let stub = Stub::listen().await;
    let (publisher, mut events) = start(options(stub.port(), "one"), |_| None);
    let mut peer = stub.connect().await;
    up(&mut events).await;
    publisher.try_publish(message("t", vec![b'x'; LARGE])).unwrap();
    let packet = peer.packet().await.unwrap();
    assert!(packet.ends_with(&[b'x'; LARGE]));
    peer.send(&to_client(&"y".repeat(LARGE))).await;
    match next(&mut events).await {
        Event::Message(message) => assert_eq!(message.payload, vec![b'y'; LARGE]),
        other => panic!("{other:?}"),
    }
}

/// Not of the library alone: all that is under way lies before the next ping, and on a slow link takes longer than it.
#[tokio::test]
async fn late_acknowledgements_leave_one_publish_under_way() {
    let stub = Stub::listen().await;
    let careful = Options { keep_alive: Duration::from_secs(1), burst: 2, ..options(stub.port(), "one") };
    let (publisher, mut events) = start(careful, |_| None);
    let mut peer = stub.connect().await;
    up(&mut events).await;
    let tokens = [0, 1].map(|number: u8| publisher.try_publish(message("t", [number])).unwrap());
    assert_eq!(publisher.try_publish(message("t", "2")), Err(PublishError::Full { in_flight: 2, max: 2 }));
    let mut ids = Vec::new();
    for _ in tokens {
        ids.push(peer.publish().await.0);
    }
    // A quarter of the keep-alive time is late.
    tokio::time::sleep(Duration::from_millis(300)).await;
    for (id, token) in ids.into_iter().zip(tokens) {
        peer.acknowledge(id).await;
        assert_eq!(next(&mut events).await, Event::Acked(token));
    }
    publisher.try_publish(message("t", "3")).unwrap();
    assert_eq!(publisher.try_publish(message("t", "4")), Err(PublishError::Full { in_flight: 1, max: 1 }));
    // In time: more again.
    let (id, _) = peer.publish().await;
    peer.acknowledge(id).await;
    next(&mut events).await;
    publisher.try_publish(message("t", "5")).unwrap();
    publisher.try_publish(message("t", "6")).unwrap();
}
