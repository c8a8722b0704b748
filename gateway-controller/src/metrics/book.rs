//! The book: what is counted of the fleet and of each device, from the controller's events alone.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use shared_proto::ids::{DeviceId, SiteId};
use shared_proto::mode::Mode;
use shared_proto::wire::Outcome;

use super::Settings;
use super::counts::Counts;
use super::device::{self, Device, Presence, Response, Series, Wakeup};
use super::octaves::Octaves;
use super::site::Site;
use crate::event::{Applied, CommandResult, DecisionSource, Event, ForgottenWhy, LinkState, Record};
use crate::sites::MAX_SITES;
use crate::watch::Watcher;

/// Follows the events.
#[derive(Debug)]
pub struct Book {
    settings: Arc<Settings>,
    /// Shared with a scrape that is under way: whoever changes a device meanwhile changes a copy.
    devices: BTreeMap<DeviceId, Arc<Device>>,
    /// Shared likewise.
    sites: BTreeMap<SiteId, Arc<Site>>,
    /// Devices so far.
    arrivals: u64,
    /// Devices with series of their own.
    own: usize,
    sums: Sums,
    lost: Arc<AtomicU64>,
}

/// Of the whole fleet, since the controller's start.
#[derive(Debug, Clone)]
pub(super) struct Sums {
    pub(super) counts: device::Counts,
    pub(super) wakeup: Wakeup,
    pub(super) response: Response,
    pub(super) receipt: Octaves<4, 17>,
    pub(super) reaction: Octaves<7, 18>,
    pub(super) round_trip: Octaves<7, 18>,
    pub(super) decisions: Counts<(Option<Mode>, DecisionSource)>,
    pub(super) answers: Counts<Outcome>,
    pub(super) rejections: Counts<Outcome>,
    pub(super) edgex: Counts<CommandResult>,
    pub(super) forgotten: Counts<ForgottenWhy>,
    pub(super) applied: u64,
    pub(super) held: u64,
    pub(super) contested: u64,
    pub(super) connected: bool,
    pub(super) connections: u64,
    pub(super) events: u64,
}

/// The book at one moment.
#[derive(Debug, Clone)]
pub struct Snapshot {
    pub(super) settings: Arc<Settings>,
    pub(super) devices: Vec<Arc<Device>>,
    pub(super) sites: Vec<Arc<Site>>,
    pub(super) sums: Sums,
    /// Events that found no room on their way here.
    pub(super) lost: u64,
}

impl Book {
    /// An empty book. `lost` counts the events that do not reach it.
    #[must_use]
    pub fn new(settings: Settings, lost: Arc<AtomicU64>) -> Self {
        let settings = Arc::new(settings);
        Self {
            settings,
            devices: BTreeMap::new(),
            sites: BTreeMap::new(),
            arrivals: 0,
            own: 0,
            sums: Sums::new(),
            lost,
        }
    }

    /// The book as it is now. Quick: devices are shared, not copied.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        Snapshot {
            settings: Arc::clone(&self.settings),
            devices: self.devices.values().cloned().collect(),
            sites: self.sites.values().cloned().collect(),
            sums: self.sums.clone(),
            lost: self.lost.load(Ordering::Relaxed),
        }
    }

    fn known(&mut self, id: &DeviceId) -> Option<&mut Device> {
        self.devices.get_mut(id).map(Arc::make_mut)
    }

    fn device(&mut self, id: &DeviceId, t_ms: u64) -> &mut Device {
        if !self.devices.contains_key(id) {
            self.make_room();
            self.arrivals = self.arrivals.saturating_add(1);
        }
        let (arrival, own) = (self.arrivals, &mut self.own);
        let new = || {
            let series = if *own < self.settings.devices { Series::Own } else { Series::LeftOut };
            *own = own.saturating_add(usize::from(series == Series::Own));
            Arc::new(Device::new(id.clone(), series, arrival))
        };
        let device = Arc::make_mut(self.devices.entry(id.clone()).or_insert_with(new));
        device.heard_ms = device.heard_ms.max(t_ms);
        device
    }

    /// The controller forgets devices before it takes more than that: only if events of that were lost is there anything to do.
    fn make_room(&mut self) {
        while self.devices.len() >= self.settings.followed.max(1) {
            let silent = self.devices.values().min_by_key(|device| device.heard_ms).map(|device| device.id.clone());
            let Some(id) = silent else { return };
            self.remove(&id);
        }
    }

    fn remove(&mut self, id: &DeviceId) {
        let Some(gone) = self.devices.remove(id) else { return };
        if gone.series == Series::LeftOut {
            return;
        }
        let waiting = self.devices.values_mut().filter(|device| device.series == Series::LeftOut);
        match waiting.min_by_key(|device| device.arrival) {
            Some(next) => Arc::make_mut(next).series = Series::Own,
            None => self.own = self.own.saturating_sub(1),
        }
    }

    fn change_site(&mut self, id: &SiteId, change: impl FnOnce(&mut Site)) {
        if !self.sites.contains_key(id) && self.sites.len() >= MAX_SITES {
            return;
        }
        change(Arc::make_mut(self.sites.entry(id.clone()).or_insert_with(|| Arc::new(Site::new(id.clone())))));
    }

    fn applied(&mut self, applied: &Applied) {
        self.sums.applied = self.sums.applied.saturating_add(1);
        self.sums.receipt.record_us(applied.receipt_to_effect_us.unwrap_or(f64::NAN));
        self.sums.reaction.record_us(applied.reaction_us.unwrap_or(f64::NAN));
        self.sums.round_trip.record_us(applied.round_trip_ms.map_or(f64::NAN, |ms| ms * 1000.0));
    }
}

impl Watcher for Book {
    fn take(&mut self, Record { t_ms, event }: &Record) {
        self.sums.events = self.sums.events.saturating_add(1);
        let gain = match event {
            Event::Report(report) => {
                self.sums.wakeup.merge(&report.wakeup_us);
                self.sums.response.merge(&report.response_us);
                self.device(&report.device, *t_ms).take_report(report, *t_ms)
            }
            Event::Status(status) => self.device(&status.device, *t_ms).take_status(status),
            Event::Ack(ack) => {
                self.sums.answers.add(ack.result);
                self.known(&ack.device).map(|device| device.take_ack(ack)).unwrap_or_default()
            }
            Event::Observed(observed) => self.device(&observed.device, *t_ms).take_observed(observed, *t_ms),
            Event::Online(online) => {
                let device = self.device(&online.device, *t_ms);
                device.presence = Some(Presence::Up);
                online.boot.map(|boot| device.begin(boot)).unwrap_or_default()
            }
            Event::Offline(offline) => {
                self.device(&offline.device, *t_ms).presence = Some(Presence::Down);
                return;
            }
            Event::Site(heard) => return self.change_site(&heard.window.site, |site| site.take(heard, *t_ms)),
            Event::SiteOnline(online) => return self.change_site(&online.site, |site| site.online(online)),
            Event::SiteOffline(offline) => return self.change_site(&offline.site, |site| site.offline(offline)),
            other => return self.take_news(other),
        };
        self.sums.counts.add(&gain);
    }
}

impl Book {
    /// What changes no device's figures.
    fn take_news(&mut self, event: &Event) {
        let sums = &mut self.sums;
        match event {
            Event::Forgotten(forgotten) => {
                sums.forgotten.add(forgotten.why);
                self.remove(&forgotten.device);
            }
            Event::Decision(decision) => sums.decisions.add((decision.to, decision.source)),
            Event::Applied(applied) => self.applied(applied),
            Event::Rejected(rejected) => sums.rejections.add(rejected.result),
            Event::Commanded(commanded) => sums.edgex.add(commanded.result),
            Event::Held(_) => sums.held = sums.held.saturating_add(1),
            Event::Contested(_) => sums.contested = sums.contested.saturating_add(1),
            Event::Link(link) => {
                sums.connected = link.state == LinkState::Up;
                sums.connections = sums.connections.saturating_add(u64::from(sums.connected));
            }
            // The mode is in reports and acknowledgements too, and what a site tells in its counts.
            Event::DeviceMode(_)
            | Event::Report(_)
            | Event::Status(_)
            | Event::Ack(_)
            | Event::Observed(_)
            | Event::Online(_)
            | Event::Offline(_)
            | Event::SiteOnline(_)
            | Event::SiteOffline(_)
            | Event::SiteTold(_)
            | Event::Site(_)
            | Event::CountedBefore(_) => {}
        }
    }
}

impl Sums {
    fn new() -> Self {
        let sources = [DecisionSource::Policy, DecisionSource::SetMode, DecisionSource::Kubeedge];
        let wanted = [Some(Mode::Normal), Some(Mode::Degraded), None];
        let refused = [Outcome::Rejected, Outcome::Expired, Outcome::Duplicate];
        Self {
            counts: device::Counts::default(),
            wakeup: Wakeup::default(),
            response: Response::default(),
            receipt: Octaves::default(),
            reaction: Octaves::default(),
            round_trip: Octaves::default(),
            decisions: Counts::of(sources.into_iter().flat_map(|source| wanted.map(|to| (to, source)))),
            answers: Counts::of([Outcome::Applied, Outcome::Unchanged].into_iter().chain(refused)),
            rejections: Counts::of(refused),
            edgex: Counts::of([
                CommandResult::Done,
                CommandResult::NoAnswer,
                CommandResult::Locked,
                CommandResult::Misfit,
                CommandResult::Unauthorized,
                CommandResult::Unavailable,
            ]),
            forgotten: Counts::of([ForgottenWhy::Room, ForgottenWhy::Operator]),
            applied: 0,
            held: 0,
            contested: 0,
            connected: false,
            connections: 0,
            events: 0,
        }
    }
}
