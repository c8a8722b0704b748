//! The fleet as its readers were told last: what they are told next is what has changed since, once for all of them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};
use shared_proto::ids::{DeviceId, SiteId};
use shared_proto::mode::Mode;
use shared_proto::units::Ratio;
use tokio::sync::broadcast::{Receiver, Sender, channel};

use super::site_tile::SiteTile;
use super::stream::told;
use super::tile::{Lately, Spark, Tile, rounded, significant};
use crate::sparse::Sparse;
use crate::watch::picture::{HISTORIES, Link, Quantiles, State};
use crate::web::{Followed, Shared};

/// Messages that a reader may be behind.
const BEHIND: usize = 4;
/// Before the whole fleet, as its readers are told.
const OPENING: &str = "event: fleet\ndata: ";
/// After it.
const CLOSING: &str = "\n\n";

/// What was told.
#[derive(Debug)]
pub(super) struct Board {
    devices: BTreeMap<DeviceId, Known>,
    sites: BTreeMap<SiteId, Known>,
    /// Number of the newest line of the log.
    line: u64,
    readers: Sender<Bytes>,
    /// The whole fleet but its devices and sites, as it was looked at last.
    front: Map<String, Value>,
    /// The whole fleet as it was looked at last, if somebody has asked for it since.
    whole: Option<Whole>,
}

/// The whole fleet: made at most once a tick, whoever asks.
#[derive(Debug, Clone)]
pub(super) struct Whole(Bytes);

#[derive(Debug, Default)]
struct Known {
    tile: Map<String, Value>,
    spark: Spark,
}

/// What is told of the fleet.
#[derive(Debug, Serialize)]
pub(super) struct Said<'a, D> {
    /// Wall clock of the gateway in milliseconds since 1970.
    t_ms: u64,
    broker: Broker<'a>,
    totals: Totals,
    devices: Vec<D>,
    /// The sites below; they never go.
    sites: Vec<D>,
    /// Devices that are looked after no more.
    gone: Vec<DeviceId>,
    log: Vec<Box<RawValue>>,
}

#[derive(Debug, Serialize)]
struct Broker<'a> {
    up: bool,
    reason: Option<&'a str>,
}

/// Of the whole fleet.
#[derive(Debug, Default, Serialize)]
struct Totals {
    devices: u64,
    online: u64,
    stale: u64,
    offline: u64,
    degraded: u64,
    /// Online devices with misses in their miss window.
    missing: u64,
    jobs_per_s: f64,
    /// Misses per job over ten seconds.
    miss: Option<f64>,
    /// Wake-up latency over ten seconds, in microseconds.
    p99: Option<f64>,
    max: Option<f64>,
    /// Sums over the reports received since the controller's start.
    reports: u64,
    jobs: u64,
    misses: u64,
    /// Events that found no room on their way to the page.
    events_lost: u64,
}

impl Default for Board {
    fn default() -> Self {
        let (devices, sites) = (BTreeMap::new(), BTreeMap::new());
        Self { devices, sites, line: 0, readers: channel(BEHIND).0, front: Map::new(), whole: None }
    }
}

impl Board {
    /// Hears what is told from now on.
    pub(super) fn listen(&self) -> Receiver<Bytes> {
        self.readers.subscribe()
    }

    /// A tick: tells all readers what has changed; without readers there is nothing to do.
    pub(super) fn tell(&mut self, shared: &Arc<Shared>) {
        self.whole = None;
        if self.readers.receiver_count() > 0 {
            let delta = self.look_at(shared);
            // Who has gone in between misses nothing.
            let _ = self.readers.send(delta);
        }
    }

    /// The whole fleet as the readers know it. Nobody else is told anything, however often it is asked for.
    pub(super) fn whole(&mut self, shared: &Arc<Shared>) -> Whole {
        if let Some(whole) = &self.whole {
            return whole.clone();
        }
        // With readers the last tick has looked; what they were not told yet is in the next delta.
        if self.readers.receiver_count() == 0 {
            self.look_at(shared);
        }
        let mut fleet = self.front.clone();
        fleet.insert("devices".to_owned(), self.devices.values().map(Known::whole).collect());
        fleet.insert("sites".to_owned(), self.sites.values().map(Known::whole).collect());
        // JSON has no line feeds outside of strings here, and none inside.
        let whole = Whole(format!("{OPENING}{}{CLOSING}", Value::Object(fleet)).into());
        self.whole = Some(whole.clone());
        whole
    }

    /// What is told of what has changed.
    fn look_at(&mut self, shared: &Arc<Shared>) -> Bytes {
        let followed = shared.followed();
        let said = self.look(shared, &followed);
        let delta = told(&said);
        let front = json!({
            "t_ms": said.t_ms,
            "started_ms": followed.picture.started_ms(),
            "version": env!("CARGO_PKG_VERSION"),
            "controls": shared.page.token.is_some(),
            "thresholds": shared.page.thresholds,
            "histories": HISTORIES,
            "broker": said.broker,
            "totals": said.totals,
            "log": followed.picture.picture.log.after(0),
        });
        if let Value::Object(front) = front {
            self.front = front;
        }
        delta
    }

    /// Takes in what has changed, and says it.
    fn look<'a>(&mut self, shared: &Shared, followed: &'a Followed) -> Said<'a, Map<String, Value>> {
        let live = &followed.picture;
        let (picture, now) = (&live.picture, live.now());
        let conn = picture.conn();
        let mut totals = Totals { events_lost: shared.lost.load(Ordering::Relaxed), ..Totals::default() };
        let (mut wakeup, mut recent) = (Sparse::default(), (0u64, 0u64));
        let mut devices = Vec::new();
        for (id, device) in &picture.devices {
            let state = device.state(now.ms, conn);
            let lately = Lately::of(device, now.ms);
            totals.count(device, state, &lately);
            wakeup.merge(&lately.wakeup);
            recent = (recent.0.saturating_add(lately.misses), recent.1.saturating_add(lately.jobs));
            let tile = Tile::new(id, device, state, &lately);
            let known = self.devices.entry(id.clone()).or_default();
            devices.extend(known.learn(&tile, Spark::of(device, now.ms)));
        }
        let mut sites = Vec::new();
        for (id, site) in &picture.sites {
            let tile = SiteTile::new(id, site, site.state(now.ms, conn));
            let known = self.sites.entry(id.clone()).or_default();
            sites.extend(known.learn(&tile, Spark::of_site(site, now.ms)));
        }
        totals.jobs_per_s = significant(totals.jobs_per_s);
        totals.miss = (recent.1 > 0).then(|| rounded(Ratio::of(recent.0, recent.1).get(), 5));
        if let Some(Quantiles { p99, max, .. }) = Quantiles::of_sparse(&wakeup) {
            (totals.p99, totals.max) = (Some(significant(p99)), Some(significant(max)));
        }
        let gone: Vec<DeviceId> =
            self.devices.keys().filter(|id| !picture.devices.contains_key(*id)).cloned().collect();
        gone.iter().for_each(|id| drop(self.devices.remove(id)));
        let log = picture.log.after(self.line);
        self.line = picture.log.last();
        let broker = match &picture.link {
            Link::Up(_) => Broker { up: true, reason: None },
            Link::Unknown => Broker { up: false, reason: Some("not connected yet") },
            Link::Down(reason) => Broker { up: false, reason: reason.as_deref() },
        };
        Said { t_ms: now.wall_ms, broker, totals, devices, sites, gone, log }
    }
}

impl Whole {
    /// As the first message of a stream.
    pub(super) fn event(&self) -> Bytes {
        self.0.clone()
    }

    /// As JSON.
    pub(super) fn json(&self) -> Bytes {
        self.0.slice(OPENING.len()..self.0.len().saturating_sub(CLOSING.len()))
    }
}

impl Totals {
    #[expect(clippy::cast_precision_loss, reason = "jobs of ten seconds")]
    fn count(&mut self, device: &crate::watch::picture::Device, state: State, lately: &Lately) {
        self.devices += 1;
        let online = state == State::Online;
        match state {
            State::Online => self.online += 1,
            State::Stale => self.stale += 1,
            State::Offline => self.offline += 1,
        }
        self.degraded += u64::from(device.mode.as_ref().is_some_and(|now| now.mode == Mode::Degraded));
        self.missing += u64::from(online && device.miss_rate().is_some_and(|rate| rate > 0.0));
        if lately.covers_ms > 0 {
            self.jobs_per_s += lately.jobs as f64 * 1_000.0 / lately.covers_ms as f64;
        }
        self.reports = self.reports.saturating_add(device.received.reports);
        self.jobs = self.jobs.saturating_add(device.received.jobs);
        self.misses = self.misses.saturating_add(device.received.misses);
    }
}

impl Known {
    /// Takes in what a device or site is now; what is new of it, if anything is.
    fn learn(&mut self, tile: &impl Serialize, spark: Spark) -> Option<Map<String, Value>> {
        let Ok(Value::Object(now)) = serde_json::to_value(tile) else { return None };
        let changed = now.iter().filter(|(key, value)| self.tile.get(*key) != Some(value));
        let mut news: Map<String, Value> = changed.map(|(key, value)| (key.clone(), value.clone())).collect();
        if let Some(rate) = spark.step(&self.spark) {
            news.insert("step".to_owned(), json!([spark.end, rate]));
        } else if spark != self.spark {
            news.insert("spark".to_owned(), json!(spark));
        }
        self.spark = spark;
        if news.is_empty() {
            return None;
        }
        news.extend(now.get("id").map(|id| ("id".to_owned(), id.clone())));
        self.tile = now;
        Some(news)
    }

    fn whole(&self) -> Map<String, Value> {
        let mut tile = self.tile.clone();
        tile.insert("spark".to_owned(), json!(self.spark));
        tile
    }
}

#[cfg(test)]
mod tests {
    use shared_host::control::inside;
    use shared_proto::wire::Report;

    use super::*;
    use crate::event::{Event, Record};
    use crate::watch::{Watcher, feed};
    use crate::web::Settings;

    fn shared() -> Arc<Shared> {
        let listen = "127.0.0.1:0".parse().unwrap();
        let settings = Settings { listen, metrics: None, hosts: Vec::new(), control_token: None, thresholds: None };
        let page = crate::web::page::Page::new(&settings, None);
        Arc::new(Shared { asker: inside(1).0, lost: feed().1.lost(), page, followed: std::sync::Mutex::default() })
    }

    fn report(shared: &Shared, name: &str, jobs: u64) {
        let text = include_str!("../../../../shared-proto/vectors/native/report-full.json");
        let mut report: Report = serde_json::from_str(text).unwrap();
        (report.device, report.jobs) = (name.parse().unwrap(), jobs);
        shared.followed().take(&Record { t_ms: 1_000, event: Event::Report(Box::new(report)) });
    }

    fn names(whole: &Whole) -> Vec<String> {
        let fleet: Value = serde_json::from_slice(&whole.json()).unwrap();
        fleet["devices"].as_array().unwrap().iter().map(|tile| tile["id"].as_str().unwrap().to_owned()).collect()
    }

    #[test]
    fn the_whole_is_made_once_a_tick_and_told_to_nobody_else() {
        let (shared, mut board) = (shared(), Board::default());
        report(&shared, "pi-1", 1);
        let first = board.whole(&shared);
        assert_eq!(names(&first), ["pi-1"]);
        assert!(first.event().starts_with(b"event: fleet\ndata: {") && first.event().ends_with(b"}\n\n"));
        let mut reader = board.listen();
        for number in 2..20 {
            report(&shared, &format!("pi-{number}"), 1);
            assert_eq!(board.whole(&shared).event().as_ptr(), first.event().as_ptr());
        }
        assert!(reader.try_recv().is_err());
        board.tell(&shared);
        let delta = reader.try_recv().unwrap();
        assert!(delta.starts_with(b"event: delta\n") && reader.try_recv().is_err());
        assert_eq!(names(&board.whole(&shared)).len(), 19);
        // What comes after the tick is the next delta's, for whoever asks for the whole now too.
        report(&shared, "pi-20", 1);
        assert_eq!(names(&board.whole(&shared)).len(), 19);
        board.tell(&shared);
        assert!(String::from_utf8_lossy(&reader.try_recv().unwrap()).contains("pi-20"));
    }

    #[test]
    fn counts_that_no_device_has_do_not_overflow() {
        let (shared, mut board) = (shared(), Board::default());
        for name in ["pi-1", "pi-2", "pi-3"] {
            report(&shared, name, 1 << 63);
        }
        let fleet: Value = serde_json::from_slice(&board.whole(&shared).json()).unwrap();
        assert_eq!(fleet["totals"]["jobs"], u64::MAX);
    }
}
