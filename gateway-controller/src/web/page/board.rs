//! The fleet as its readers were told last: what they are told next is what has changed since, once for all of them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};
use shared_proto::ids::DeviceId;
use shared_proto::mode::Mode;
use shared_proto::units::Ratio;
use tokio::sync::broadcast::{Receiver, Sender, channel};

use super::stream::told;
use super::tile::{Lately, Spark, Tile, rounded, significant};
use crate::watch::picture::{HISTORIES, Link, Quantiles, Sparse, State};
use crate::web::{Shared, Site};

/// Messages that a reader may be behind.
const BEHIND: usize = 4;

/// What was told.
#[derive(Debug)]
pub(super) struct Board {
    devices: BTreeMap<DeviceId, Known>,
    /// Number of the newest line of the log.
    line: u64,
    readers: Sender<Bytes>,
}

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
        Self { devices: BTreeMap::new(), line: 0, readers: channel(BEHIND).0 }
    }
}

impl Board {
    /// Hears what is told from now on.
    pub(super) fn listen(&self) -> Receiver<Bytes> {
        self.readers.subscribe()
    }

    /// Tells all readers what has changed; without readers there is nothing to do.
    pub(super) fn tell(&mut self, shared: &Arc<Shared>) {
        if self.readers.receiver_count() > 0 {
            let site = shared.site();
            let delta = told(&self.look(shared, &site));
            drop(site);
            // Who has gone in between misses nothing.
            let _ = self.readers.send(delta);
        }
    }

    /// The whole fleet, as JSON. Others are told what has changed, so that all know the same.
    pub(super) fn whole(&mut self, shared: &Arc<Shared>) -> String {
        let site = shared.site();
        let news = self.look(shared, &site);
        let _ = self.readers.send(told(&news));
        let Said { t_ms, broker, totals, .. } = news;
        let devices: Vec<Map<String, Value>> = self.devices.values().map(Known::whole).collect();
        let page = &shared.page;
        json!({
            "t_ms": t_ms,
            "started_ms": site.picture.started_ms(),
            "version": env!("CARGO_PKG_VERSION"),
            "controls": page.token.is_some(),
            "thresholds": page.thresholds,
            "histories": HISTORIES,
            "broker": broker,
            "totals": totals,
            "devices": devices,
            "log": site.picture.picture.log.after(0),
        })
        .to_string()
    }

    /// Takes in what has changed, and says it.
    fn look<'a>(&mut self, shared: &Shared, site: &'a Site) -> Said<'a, Map<String, Value>> {
        let live = &site.picture;
        let (picture, now) = (&live.picture, live.now());
        let conn = picture.conn();
        let mut totals = Totals { events_lost: shared.lost.load(Ordering::Relaxed), ..Totals::default() };
        let (mut wakeup, mut recent) = (Sparse::default(), (0, 0));
        let mut devices = Vec::new();
        for (id, device) in &picture.devices {
            let state = device.state(now.ms, conn);
            let lately = Lately::of(device, now.ms);
            totals.count(device, state, &lately);
            wakeup.merge(&lately.wakeup);
            recent = (recent.0 + lately.misses, recent.1 + lately.jobs);
            let tile = Tile::new(id, device, state, &lately);
            let known = self.devices.entry(id.clone()).or_default();
            devices.extend(known.learn(&tile, Spark::of(device, now.ms)));
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
        Said { t_ms: now.wall_ms, broker, totals, devices, gone, log }
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
    /// Takes in what a device is now; what is new of it, if anything is.
    fn learn(&mut self, tile: &Tile<'_>, spark: Spark) -> Option<Map<String, Value>> {
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
        news.insert("id".to_owned(), json!(tile.id));
        self.tile = now;
        Some(news)
    }

    fn whole(&self) -> Map<String, Value> {
        let mut tile = self.tile.clone();
        tile.insert("spark".to_owned(), json!(self.spark));
        tile
    }
}
