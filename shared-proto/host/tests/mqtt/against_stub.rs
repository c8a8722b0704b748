//! What a user sees with a broker that refuses, falls silent or breaks off.

use std::time::Duration;

use shared_host::mqtt::{Event, Events, Message, Options, PublishError, Publisher, Qos, start};

use crate::stub::{ACCEPTED, DISCONNECT, NOT_AUTHORIZED, Peer, Stub, to_client};
use crate::{down, message, next, options, subscribe, up, within};

/// Connected, without subscriptions.
async fn connected(stub: &Stub, options: Options) -> (Publisher, Events, Peer) {
    let (publisher, mut events) = start(options, |_| None);
    let peer = stub.connect().await;
    up(&mut events).await;
    (publisher, events, peer)
}

fn payload(event: &Event) -> &str {
    match event {
        Event::Message(message) => std::str::from_utf8(&message.payload).unwrap(),
        other => panic!("instead of a message: {other:?}"),
    }
}

#[tokio::test]
async fn without_acknowledgements_it_fills_up_and_then_connects_anew_with_nothing_old() {
    let stub = Stub::listen().await;
    let impatient =
        Options { max_in_flight: 4, ack_timeout: Duration::from_millis(300), ..options(stub.port(), "one") };
    let (publisher, mut events, mut silent) = connected(&stub, impatient).await;
    for number in 0..4 {
        publisher.try_publish(message("t", format!("old {number}"))).unwrap();
    }
    let full = PublishError::Full { in_flight: 4, max: 4 };
    assert_eq!(publisher.try_publish(message("t", "old 4")), Err(full.clone()));
    // Sending frees nothing, only the acknowledgement does.
    assert_eq!(silent.publish().await.1, b"old 0");
    assert_eq!(publisher.try_publish(message("t", "old 4")), Err(full));

    let (conn, reason) = down(&mut events).await;
    assert_eq!(conn, 1);
    assert!(reason.contains("did not acknowledge a publish within 300ms"), "{reason}");
    assert_eq!(publisher.try_publish(message("t", "early")), Err(PublishError::Down));

    let mut peer = stub.connect().await;
    assert_eq!(up(&mut events).await, 2);
    let token = publisher.try_publish(message("t", "new")).unwrap();
    let (id, payload) = peer.publish().await;
    assert_eq!(payload, b"new");
    peer.acknowledge(id).await;
    assert_eq!(next(&mut events).await, Event::Acked(token));
}

#[tokio::test]
async fn an_acknowledgement_frees_its_place_when_it_is_read() {
    let stub = Stub::listen().await;
    let one = Options { max_in_flight: 1, ..options(stub.port(), "one") };
    let (publisher, mut events, mut peer) = connected(&stub, one).await;
    let token = publisher.try_publish(message("t", "1")).unwrap();
    let (id, _) = peer.publish().await;
    peer.acknowledge(id).await;
    assert_eq!(next(&mut events).await, Event::Acked(token));
    publisher.try_publish(message("t", "2")).unwrap();
    assert_eq!(peer.publish().await.1, b"2");
}

#[tokio::test]
async fn acknowledgements_out_of_order_and_after_many_publishes_find_their_token() {
    let stub = Stub::listen().await;
    let three = Options { max_in_flight: 3, ..options(stub.port(), "one") };
    let (publisher, mut events, mut peer) = connected(&stub, three).await;
    // More rounds than there are packet identifiers.
    for round in 0..5 {
        let tokens: Vec<_> =
            (0..3).map(|n| publisher.try_publish(message("t", format!("{round} {n}"))).unwrap()).collect();
        let mut ids = Vec::new();
        for _ in 0..3 {
            ids.push(peer.publish().await.0);
        }
        for n in [2, 0, 1] {
            peer.acknowledge(ids[n]).await;
            assert_eq!(next(&mut events).await, Event::Acked(tokens[n]), "round {round}");
        }
    }
}

#[tokio::test]
async fn a_refused_connection_is_told_and_tried_again_with_a_new_will() {
    let stub = Stub::listen().await;
    let (_publisher, mut events) =
        start(options(stub.port(), "one"), |conn| Some(message("w", format!("will {conn}"))));
    for conn in 1..=3 {
        let (mut peer, connect) = stub.accept().await;
        assert!(connect.ends_with(format!("will {conn}").as_bytes()), "{connect:?}");
        peer.send(&NOT_AUTHORIZED).await;
        assert_eq!(down(&mut events).await, (conn, "the broker refused the connection: not authorized".to_owned()));
    }
}

#[tokio::test]
async fn a_refused_subscription_is_told_and_tried_again() {
    let stub = Stub::listen().await;
    let (publisher, mut events) =
        start(Options { filters: subscribe("secret"), ..options(stub.port(), "one") }, |_| None);
    let mut peer = stub.connect().await;
    let answer = peer.subscription(0x80).await;
    assert_eq!(publisher.try_publish(message("t", "early")), Err(PublishError::Down));
    peer.send(&answer).await;
    let (conn, reason) = down(&mut events).await;
    assert_eq!((conn, reason.as_str()), (1, "the broker refused the subscription to `secret`"));
    let mut peer = stub.connect().await;
    let answer = peer.subscription(1).await;
    peer.send(&answer).await;
    assert_eq!(up(&mut events).await, 2);
}

#[tokio::test]
async fn a_subscription_without_answer_ends_the_connection() {
    let stub = Stub::listen().await;
    let impatient =
        Options { filters: subscribe("t"), ack_timeout: Duration::from_millis(50), ..options(stub.port(), "one") };
    let (_publisher, mut events) = start(impatient, |_| None);
    let _silent = stub.connect().await;
    let (conn, reason) = down(&mut events).await;
    assert!(conn == 1 && reason.contains("did not confirm the subscriptions"), "{conn} {reason}");
}

#[tokio::test]
async fn messages_before_the_subscription_is_confirmed_come_after_up() {
    let stub = Stub::listen().await;
    let (_publisher, mut events) = start(Options { filters: subscribe("t"), ..options(stub.port(), "one") }, |_| None);
    let mut peer = stub.connect().await;
    let answer = peer.subscription(1).await;
    peer.send(&[&to_client("early")[..], &answer, &to_client("late")].concat()).await;
    assert_eq!(up(&mut events).await, 1);
    assert_eq!(payload(&next(&mut events).await), "early");
    assert_eq!(payload(&next(&mut events).await), "late");
}

#[tokio::test]
async fn what_arrives_together_with_the_end_of_the_connection_is_not_lost() {
    let stub = Stub::listen().await;
    let (publisher, mut events, mut peer) = connected(&stub, options(stub.port(), "one")).await;
    let token = publisher.try_publish(message("t", "mine")).unwrap();
    let ([high, low], _) = peer.publish().await;
    peer.send(&[&to_client("a")[..], &to_client("b"), &[0x40, 2, high, low]].concat()).await;
    drop(peer);
    assert_eq!(payload(&next(&mut events).await), "a");
    assert_eq!(payload(&next(&mut events).await), "b");
    assert_eq!(next(&mut events).await, Event::Acked(token));
    assert_eq!(down(&mut events).await, (1, "the broker closed the connection".to_owned()));
}

#[tokio::test]
async fn a_broker_that_answers_no_ping_is_left() {
    let stub = Stub::listen().await;
    let brisk = Options { keep_alive: Duration::from_secs(1), ..options(stub.port(), "one") };
    let (_publisher, mut events, _silent) = connected(&stub, brisk).await;
    let (conn, reason) = down(&mut events).await;
    assert!(conn == 1 && reason.contains("did not answer a ping within 1 s"), "{conn} {reason}");
}

#[tokio::test]
async fn a_network_that_takes_nothing_fills_up_and_is_left() {
    let stub = Stub::listen().await;
    let (publisher, mut events, _deaf) = connected(&stub, options(stub.port(), "one")).await;
    let big = || Message { qos: Qos::AtMostOnce, ..message("t", vec![0; 200_000]) };
    let full = loop {
        match publisher.try_publish(big()) {
            Ok(_) => tokio::task::yield_now().await,
            Err(error) => break error,
        }
    };
    assert_eq!(full, PublishError::Full { in_flight: 256, max: 256 });
    let (conn, reason) = down(&mut events).await;
    assert!(conn == 1 && reason.contains("took no data"), "{conn} {reason}");
}

#[tokio::test]
async fn a_publish_without_acknowledgement_frees_its_place_when_it_is_sent() {
    let stub = Stub::listen().await;
    let (publisher, _events, mut peer) = connected(&stub, options(stub.port(), "one")).await;
    // More than may wait at one time.
    for _ in 0..300 {
        publisher.try_publish(Message { qos: Qos::AtMostOnce, ..message("t", "") }).unwrap();
        assert_eq!(peer.packet().await, Some(to_client("")));
    }
}

#[tokio::test]
async fn what_no_broker_takes_is_refused_without_harm_to_the_connection() {
    let stub = Stub::listen().await;
    let small = Options { max_outgoing: 100, ..options(stub.port(), "one") };
    let (publisher, _events, mut peer) = connected(&stub, small).await;
    let topic = "a/#".to_owned();
    assert_eq!(publisher.try_publish(message(&topic, "")), Err(PublishError::Topic { topic }));
    let too_large = publisher.try_publish(message("t", vec![0; 91]));
    assert_eq!(too_large, Err(PublishError::TooLarge { topic: "t".to_owned(), bytes: 101, max: 100 }));
    publisher.try_publish(message("t", vec![7; 90])).unwrap();
    assert_eq!(peer.publish().await.1, vec![7; 90]);
}

#[tokio::test]
async fn closing_waits_for_acknowledgements_and_says_goodbye() {
    let stub = Stub::listen().await;
    let (publisher, mut events, mut peer) = connected(&stub, options(stub.port(), "one")).await;
    let token = publisher.try_publish(message("t", "last")).unwrap();
    let broker = async {
        let (id, _) = peer.publish().await;
        assert_eq!(publisher.try_publish(message("t", "too late")), Err(PublishError::Down));
        peer.acknowledge(id).await;
        // Hangs up at once, as brokers do: that is no failure then.
        let goodbye = peer.packet().await;
        drop(peer);
        goodbye
    };
    let (_, goodbye) = within("the end", async { tokio::join!(publisher.close(Duration::MAX), broker) }).await;
    assert_eq!(goodbye, Some(DISCONNECT.to_vec()));
    assert_eq!(next(&mut events).await, Event::Acked(token));
    assert_eq!(down(&mut events).await, (1, "closed".to_owned()));
    assert_eq!(events.next().await, None);
    publisher.close(Duration::MAX).await;
}

#[tokio::test]
async fn closing_does_not_wait_for_ever() {
    let stub = Stub::listen().await;
    let (publisher, mut events, mut peer) = connected(&stub, options(stub.port(), "one")).await;
    publisher.try_publish(message("t", "last")).unwrap();
    within("the end", publisher.close(Duration::from_millis(20))).await;
    peer.publish().await;
    assert_eq!(peer.packet().await, Some(DISCONNECT.to_vec()));
    assert_eq!(peer.packet().await, None);
    assert_eq!(down(&mut events).await.0, 1);
    assert_eq!(events.next().await, None);
}

#[tokio::test]
async fn a_connection_that_breaks_while_closing_is_not_made_again() {
    let stub = Stub::listen().await;
    let (publisher, mut events, mut peer) = connected(&stub, options(stub.port(), "one")).await;
    publisher.try_publish(message("t", "last")).unwrap();
    let broker = async {
        peer.publish().await;
        drop(peer);
    };
    within("the end", async { tokio::join!(publisher.close(Duration::MAX), broker) }).await;
    assert_eq!(down(&mut events).await, (1, "the broker closed the connection".to_owned()));
    assert_eq!(events.next().await, None);
}

#[tokio::test]
async fn closing_ends_a_wait_for_the_next_attempt_and_an_attempt_under_way() {
    let stub = Stub::listen().await;
    let mut patient = options(stub.port(), "one");
    patient.backoff.min = Duration::from_secs(1_000_000_000);
    let (publisher, mut events) = start(patient, |_| None);
    drop(stub.accept().await);
    down(&mut events).await;
    within("the end of the wait", publisher.close(Duration::MAX)).await;
    assert_eq!(events.next().await, None);

    let (publisher, mut events) = start(options(stub.port(), "two"), |_| None);
    let (_peer, _connect) = stub.accept().await;
    within("the end of the attempt", publisher.close(Duration::MAX)).await;
    assert_eq!(down(&mut events).await, (1, "closed".to_owned()));
    assert_eq!(events.next().await, None);
}

#[tokio::test]
async fn without_handles_the_connection_ends() {
    let stub = Stub::listen().await;
    let (publisher, events, mut peer) = connected(&stub, options(stub.port(), "one")).await;
    let clone = publisher.clone();
    drop((publisher, events));
    clone.try_publish(message("t", "still here")).unwrap();
    assert_eq!(peer.publish().await.1, b"still here");
    drop(clone);
    assert_eq!(peer.packet().await, None);
}

#[tokio::test]
async fn the_first_packet_of_a_broker_must_be_its_answer() {
    let stub = Stub::listen().await;
    let (_publisher, mut events) = start(options(stub.port(), "one"), |_| None);
    let (mut peer, _) = stub.accept().await;
    peer.send(&to_client("rude")).await;
    assert_eq!(down(&mut events).await.0, 1);
    let (mut peer, _) = stub.accept().await;
    peer.send(&ACCEPTED).await;
    assert_eq!(up(&mut events).await, 2);
}
