//! An MQTT client that hears everything, says anything, and comes back when the broker does.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use shared_host::mqtt::{self, Backoff, Event, Filter, Message, Options, Publisher, Qos, Received, Retain, Token};
use tokio::sync::oneshot;

use super::waiting::look_for;

/// Messages that are listed when something never came.
const LISTED: usize = 25;
const GOOD_BYE: Duration = Duration::from_millis(200);

/// Hears every topic. Waiting goes through the messages of a topic in order; topics do not hold up each other.
pub(crate) struct Probe {
    publisher: Publisher,
    events: Receiver<Event>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
    up: bool,
    acked: HashSet<Token>,
    seen: Vec<Received>,
    /// Where waiting goes on, by topic.
    cursors: HashMap<String, usize>,
    /// Where it begins on topics that were not waited for.
    begin: usize,
}

impl Probe {
    /// Connects and subscribes; returns when the broker has confirmed.
    pub(crate) fn connect(url: &str) -> Self {
        Self::connect_as(url, |options| options)
    }

    /// The same as somebody: `who` adds what proves it.
    pub(crate) fn connect_as(url: &str, who: impl FnOnce(Options) -> Options) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(1);
        let (tell, events) = channel();
        let (give, publisher) = channel();
        let (stop, stopped) = oneshot::channel::<()>();
        let options = who(Options {
            backoff: Backoff { min: Duration::from_millis(5), max: Duration::from_millis(50) },
            filters: vec![Filter { topic: "#".to_owned(), qos: Qos::AtLeastOnce }],
            ..Options::new(
                url.parse().expect("the broker's address"),
                format!("probe-{}", NUMBER.fetch_add(1, Relaxed)),
            )
        });
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async move {
                let (publisher, mut events) = mqtt::start(options, |_| None);
                give.send(publisher.clone()).expect("the probe waits for it");
                let forward = async {
                    while let Some(event) = events.next().await {
                        // Fails when the probe has been dropped.
                        let _ = tell.send(event);
                    }
                };
                tokio::select! {
                    () = forward => {}
                    _ = stopped => publisher.close(GOOD_BYE).await,
                }
            });
        });
        let publisher = publisher.recv().expect("the probe's thread");
        let mut probe = Self {
            publisher,
            events,
            stop: Some(stop),
            thread: Some(thread),
            up: false,
            acked: HashSet::new(),
            seen: Vec::new(),
            cursors: HashMap::new(),
            begin: 0,
        };
        probe.wait_until_up();
        probe
    }

    /// Waits until it is connected and subscribed.
    pub(crate) fn wait_until_up(&mut self) {
        self.until("the broker's answer to the probe", |probe| probe.up.then_some(()));
    }

    /// Waits until it has noticed that the broker is gone.
    pub(crate) fn wait_until_down(&mut self) {
        self.until("the end of the probe's connection", |probe| (!probe.up).then_some(()));
    }

    /// Publishes with QoS 1, and waits until the broker has it.
    pub(crate) fn publish(&mut self, topic: &str, payload: impl AsRef<[u8]>) {
        self.publish_with(topic, payload, Retain::No);
    }

    /// Publishes with QoS 1 for the broker to keep, and waits until it does.
    pub(crate) fn publish_retained(&mut self, topic: &str, payload: impl AsRef<[u8]>) {
        self.publish_with(topic, payload, Retain::Yes);
    }

    fn publish_with(&mut self, topic: &str, payload: impl AsRef<[u8]>, retain: Retain) {
        let payload = payload.as_ref().to_vec();
        let message = Message { topic: topic.to_owned(), payload, qos: Qos::AtLeastOnce, retain };
        let token = self.publisher.try_publish(message).unwrap_or_else(|error| panic!("{topic}: {error}"));
        self.until("the broker's acknowledgement", |probe| probe.acked.contains(&token).then_some(()));
    }

    /// Waits for a message on a topic, from where the last wait on it ended; `pick` chooses and reads it.
    pub(crate) fn wait_for<T>(&mut self, topic: &str, what: &str, mut pick: impl FnMut(&Received) -> Option<T>) -> T {
        let what = format!("{what} on {topic}");
        self.until(&what, |probe| {
            let cursor = probe.cursors.entry(topic.to_owned()).or_insert(probe.begin);
            while let Some(message) = probe.seen.get(*cursor) {
                *cursor += 1;
                if message.topic == topic
                    && let Some(found) = pick(message)
                {
                    return Some(found);
                }
            }
            None
        })
    }

    /// Waiting goes on with what comes from now on.
    pub(crate) fn skip_to_now(&mut self) {
        self.listen();
        self.cursors.clear();
        self.begin = self.seen.len();
    }

    /// All messages on a topic so far.
    pub(crate) fn heard(&mut self, topic: &str) -> impl Iterator<Item = &Received> {
        self.listen();
        self.seen.iter().filter(move |message| message.topic == topic)
    }

    fn until<T>(&mut self, what: &str, mut look: impl FnMut(&mut Self) -> Option<T>) -> T {
        let found = look_for(|| {
            self.listen();
            look(self)
        });
        found.unwrap_or_else(|| {
            let list: Vec<_> = self.seen.iter().rev().take(LISTED).rev().map(show).collect();
            panic!("never came: {what}; the latest of {} messages:\n{}", self.seen.len(), list.join("\n"))
        })
    }

    /// Everything heard so far.
    pub(crate) fn all(&mut self) -> &[Received] {
        self.listen();
        &self.seen
    }

    fn listen(&mut self) {
        for event in self.events.try_iter() {
            match event {
                Event::Up { .. } => self.up = true,
                Event::Down { .. } => self.up = false,
                Event::Message(message) => self.seen.push(message),
                Event::Oversize { topic, bytes } => panic!("{bytes} bytes on {topic}"),
                Event::Acked(token) => {
                    self.acked.insert(token);
                }
            }
        }
    }
}

impl Drop for Probe {
    fn drop(&mut self) {
        // The thread ends by itself only after a panic of its own, which has been told.
        let _ = self.stop.take().map(|stop| stop.send(()));
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

fn show(message: &Received) -> String {
    let text: String = String::from_utf8_lossy(&message.payload).chars().take(200).collect();
    format!("  {} {:?} {text}", message.topic, message.retained)
}
