//! Carries windows to the broker above, in a thread of its own: spool, directory, connection.

use std::time::Duration;

use shared_host::json;
use shared_host::mqtt::{
    self, Event, Events, Filter, Message, PublishError, Publisher, Qos, Received, Retain, Retained, Token,
};
use shared_proto::dialect::site::{Kind, topic};
use shared_proto::ids::BootId;
use shared_proto::limits::{MAX_SITE, MAX_SITE_STATUS};
use shared_proto::wire::{Departure, EarlierRun, EarlierRuns, Site, SiteStatus, Version};
use tokio::sync::mpsc::Receiver;
use tokio::time::Instant;

use super::ledger::Ledger;
use super::spool::Spool;
use super::store::{Found, Store};
use super::{Settings, StoreError};

/// How long the last windows may take when the program ends.
const LAST_WINDOWS: Duration = Duration::from_secs(1);
/// How long the good-bye may take.
const CLOSE_LIMIT: Duration = Duration::from_millis(500);
/// Windows that the transport has under way at one time; the spool hands out fewer.
const MAX_IN_FLIGHT: u16 = 16;
/// How long a change may wait to be written.
const WRITTEN_AFTER: Duration = Duration::from_secs(2);
/// Least time between two lines on what was saved, in seconds.
const TELL_EVERY_S: u64 = 3600;

/// What the thread has.
#[derive(Debug)]
pub(super) struct Carrier {
    settings: Settings,
    boot: BootId,
    earlier: EarlierRuns,
    spool: Spool<Token>,
    store: Option<Store>,
    ledger: Ledger,
    /// When what is in the ledger is written.
    write_at: Option<Instant>,
    disk: Disk,
    start: Instant,
    conn: u64,
    /// Why there is no connection; `None` while there is one.
    down: Option<String>,
    heard_bytes: u64,
    sent_bytes: u64,
    told_up: u64,
    told_at: Instant,
}

/// Whether the directory takes what it is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Disk {
    Fine,
    InTrouble,
}

impl Carrier {
    /// Opens the directory.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(super) fn new(settings: Settings, boot: BootId) -> Result<Self, StoreError> {
        let mut spool = Spool::new(settings.spool_windows);
        let (mut store, mut ledger) = (None, Ledger::default());
        let mut earlier = EarlierRuns::new();
        if let Some(directory) = &settings.spool_dir {
            let (opened, Found { windows, unreadable }) = match Store::open(directory, &settings.site) {
                Ok((opened, found)) => (Some(opened), found),
                // Two that carry the same windows: a mistake that only people can mend.
                Err(error @ StoreError::InUse { .. }) => return Err(error),
                // Statistics are no reason to leave the devices without a gateway.
                Err(error @ StoreError::Io { .. }) => {
                    tracing::warn!(%error, "upstream.spool_dir cannot be used: windows wait in memory until the next start");
                    (None, Found::default())
                }
            };
            if let Some(example) = unreadable.first() {
                tracing::warn!(files = unreadable.len(), example = %example.display(), "files in upstream.spool_dir that are no windows of this site: left alone");
            }
            if !windows.is_empty() {
                tracing::info!(windows = windows.len(), "windows of an earlier run wait for the site above");
            }
            earlier = runs(windows.iter().map(|(window, _)| window));
            for (window, history) in windows {
                ledger.found((window.boot, window.seq));
                spool.restore(window, history);
            }
            store = opened;
        }
        let start = Instant::now();
        Ok(Self {
            settings,
            boot,
            earlier,
            spool,
            store,
            ledger,
            write_at: None,
            disk: Disk::Fine,
            start,
            conn: 0,
            down: Some(String::new()),
            heard_bytes: 0,
            sent_bytes: 0,
            told_up: 0,
            told_at: start,
        })
    }

    /// Carries windows until the loop hands over no more.
    pub(super) async fn run(mut self, mut windows: Receiver<Site>) {
        let mut options =
            mqtt::Options { max_in_flight: MAX_IN_FLIGHT, burst: MAX_IN_FLIGHT, ..self.settings.mqtt.options() };
        options.filters = vec![Filter { topic: self.topic(Kind::Missing), qos: Qos::AtLeastOnce }];
        let will = self.status(0, Presence::Lost);
        let will_topic = self.topic(Kind::Status);
        let (publisher, mut events) = mqtt::start(options, move |conn| {
            let payload = json::encode(&SiteStatus { conn, ..will.clone() }, MAX_SITE_STATUS).ok()?;
            Some(Message { topic: will_topic.clone(), payload, qos: Qos::AtLeastOnce, retain: Retain::Yes })
        });
        loop {
            self.note_changes();
            let write_at = self.write_at;
            tokio::select! {
                window = windows.recv() => match window {
                    Some(window) => self.push(window),
                    None => break,
                },
                event = events.next() => match event {
                    Some(event) => self.take(event, &publisher),
                    None => break,
                },
                () = sleep_until(write_at) => self.write(),
            }
            self.pump(&publisher);
        }
        self.finish(&publisher, &mut events).await;
    }

    fn push(&mut self, window: Site) {
        self.heard_bytes = self.heard_bytes.saturating_add(window.counts.heard_bytes);
        self.spool.push(window);
        if self.told_at.elapsed() >= Duration::from_secs(TELL_EVERY_S) {
            self.tell_saved();
        }
    }

    fn take(&mut self, event: Event, publisher: &Publisher) {
        match event {
            Event::Up { conn } => {
                self.conn = conn;
                self.down = None;
                tracing::info!(conn, waiting = self.spool.len(), "connected to the broker above");
                if let Err(error) = self.say(publisher, Presence::Here) {
                    // The connection has ended again: the next says it.
                    tracing::debug!(%error, "not said to be there");
                }
            }
            Event::Down { conn, reason } => {
                self.spool.connection_lost();
                // The same trouble again and again, while the broker is away, is no news.
                if self.down.as_ref() != Some(&reason) {
                    tracing::warn!(conn, reason, "no connection to the broker above: windows wait");
                    self.down = Some(reason);
                }
            }
            Event::Acked(token) => {
                self.spool.acknowledged(token);
            }
            Event::Message(Received { topic, payload, retained }) => {
                // One that was kept is of some time or other.
                if retained == Retained::Live && topic == self.topic(Kind::Missing) {
                    match json::decode_site_missing(&payload) {
                        Ok(missing) => self.spool.send_again(&missing),
                        Err(error) => tracing::debug!(%error, "a question of the site above cannot be read"),
                    }
                }
            }
            Event::Oversize { .. } => {}
        }
    }

    /// Sends what may be sent.
    fn pump(&mut self, publisher: &Publisher) {
        // What is handed out counts as sent from then on.
        while self.down.is_none() {
            let Some(window) = self.spool.next_to_send() else { return };
            let (key, payload) = ((window.boot, window.seq), json::encode(window, MAX_SITE));
            if self.ledger.is_on_disk(key) {
                // The mark first: after a restart it must not be merged.
                self.write();
                if self.disk == Disk::InTrouble
                    && let Some(Err(error)) = self.store.as_ref().map(|store| store.forget(key))
                {
                    // Nothing can be done about this disk; most likely it still has the window when it is read again.
                    tracing::debug!(%error, "a window that is sent cannot be marked");
                }
            }
            let topic = self.topic(Kind::Window);
            let Ok(payload) = payload else {
                // No window is longer than the limit, which the wire's tests make sure of.
                tracing::error!("a window does not fit its limit, and is given up");
                self.spool.give_up_next();
                continue;
            };
            let bytes = topic.len().saturating_add(payload.len());
            let message = Message { topic, payload, qos: Qos::AtLeastOnce, retain: Retain::No };
            let Ok(token) = publisher.try_publish(message) else { return };
            self.sent_bytes = self.sent_bytes.saturating_add(u64::try_from(bytes).unwrap_or(u64::MAX));
            self.spool.sent(token);
        }
    }

    /// Has what changed written soon.
    fn note_changes(&mut self) {
        let changes = self.spool.changes();
        if self.store.is_none() {
            return;
        }
        changes.into_iter().for_each(|change| self.ledger.note(change));
        self.write_at = match self.write_at {
            _ if self.ledger.is_empty() => None,
            None => Some(Instant::now() + WRITTEN_AFTER),
            at => at,
        };
    }

    /// Writes what changed. A disk in trouble is told once, and tried again soon; windows wait in memory.
    fn write(&mut self) {
        self.note_changes();
        self.write_at = None;
        let Some(store) = &self.store else { return };
        let mut trouble = None;
        for change in self.ledger.take() {
            match store.make(&change) {
                Ok(()) => self.ledger.written(&change),
                Err(error) => {
                    trouble.get_or_insert(error);
                    self.ledger.failed(change);
                }
            }
        }
        match trouble {
            None => self.disk = Disk::Fine,
            Some(error) => {
                if self.disk == Disk::Fine {
                    tracing::warn!(%error, "upstream.spool_dir cannot be written: windows wait in memory");
                }
                self.disk = Disk::InTrouble;
            }
        }
    }

    async fn finish(mut self, publisher: &Publisher, events: &mut Events) {
        let until = Instant::now() + LAST_WINDOWS;
        self.pump(publisher);
        while self.spool.len() > 0 && self.down.is_none() {
            match tokio::time::timeout_at(until, events.next()).await {
                Ok(Some(event)) => self.take(event, publisher),
                Ok(None) | Err(_) => break,
            }
            if Instant::now() < until {
                self.pump(publisher);
            }
        }
        if self.said_good_bye(publisher, events, until).await {
            publisher.close(CLOSE_LIMIT).await;
            // What was acknowledged meanwhile.
            while let Ok(Some(event)) = tokio::time::timeout(Duration::ZERO, events.next()).await {
                if let Event::Acked(token) = event {
                    self.spool.acknowledged(token);
                }
            }
        }
        self.write();
        let (waiting, kept) = (self.spool.len(), self.store.is_some() && self.ledger.is_empty());
        if waiting > 0 {
            let fate = if kept { "they wait in upstream.spool_dir" } else { "they are lost with this process" };
            tracing::warn!(waiting, fate, "windows did not reach the site above");
        }
        self.tell_saved();
    }

    /// Says good-bye; `false` if the broker cannot be told, so that it has to publish the will: no DISCONNECT then.
    async fn said_good_bye(&mut self, publisher: &Publisher, events: &mut Events, until: Instant) -> bool {
        loop {
            match self.say(publisher, Presence::GoodBye) {
                // Others are under way: their acknowledgements make room.
                Err(PublishError::Full { .. }) => match tokio::time::timeout_at(until, events.next()).await {
                    Ok(Some(event)) => self.take(event, publisher),
                    Ok(None) | Err(_) => return false,
                },
                // Without a connection the broker has the will already.
                Ok(()) | Err(_) => return true,
            }
        }
    }

    /// What forwarding sums costs, against forwarding all that the devices said.
    fn tell_saved(&mut self) {
        self.told_at = Instant::now();
        let (heard, sent) = (self.heard_bytes, self.sent_bytes);
        if heard == 0 || self.told_up == sent {
            return;
        }
        self.told_up = sent;
        let saved_percent = 100.0 * (1.0 - share(sent, heard));
        let given_up = self.spool.given_up();
        tracing::info!(heard, sent, saved_percent, given_up, "bytes of the devices, and bytes sent to the site above");
    }

    fn say(&self, publisher: &Publisher, presence: Presence) -> Result<(), PublishError> {
        let status = self.status(self.conn, presence);
        // It fits its limit, which the wire's tests make sure of.
        let Ok(payload) = json::encode(&status, MAX_SITE_STATUS) else { return Ok(()) };
        let message = Message { topic: self.topic(Kind::Status), payload, qos: Qos::AtLeastOnce, retain: Retain::Yes };
        publisher.try_publish(message).map(drop)
    }

    fn status(&self, conn: u64, presence: Presence) -> SiteStatus {
        let up_ms = u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX);
        SiteStatus {
            v: Version,
            site: self.settings.site.clone(),
            boot: self.boot,
            conn,
            up_ms: (presence != Presence::Lost).then_some(up_ms),
            online: presence == Presence::Here,
            departure: match presence {
                Presence::Here => None,
                Presence::GoodBye => Some(Departure::Stopped),
                Presence::Lost => Some(Departure::Lost),
            },
            version: env!("CARGO_PKG_VERSION").into(),
            every_ms: self.settings.every_ms,
            earlier: if presence == Presence::Lost { EarlierRuns::new() } else { self.earlier.clone() },
        }
    }

    fn topic(&self, kind: Kind) -> String {
        topic(&self.settings.root, &self.settings.site, kind).as_str().to_owned()
    }
}

/// What is said of this controller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Presence {
    Here,
    GoodBye,
    Lost,
}

#[expect(clippy::cast_precision_loss, reason = "a share, told with few digits")]
fn share(part: u64, whole: u64) -> f64 {
    part as f64 / whole as f64
}

async fn sleep_until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}

/// The latest runs among windows, which come the earliest first, and the last window of each.
fn runs<'a>(windows: impl DoubleEndedIterator<Item = &'a Site>) -> EarlierRuns {
    let mut runs = EarlierRuns::new();
    for window in windows.rev() {
        match runs.iter_mut().find(|run| run.boot == window.boot) {
            Some(run) => run.up_to = run.up_to.max(window.seq),
            // More than there is room for are too old to matter: whoever heard of them asks by the gaps that they left.
            None => drop(runs.push(EarlierRun { boot: window.boot, up_to: window.seq })),
        }
    }
    runs
}
