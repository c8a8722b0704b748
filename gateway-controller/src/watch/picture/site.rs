//! The newest of everything of one site, and its history.

use serde::Serialize;
use shared_proto::ids::BootId;
use shared_proto::text::Name;
use shared_proto::units::Ratio;
use shared_proto::wire::{self, Census, Departure, SiteCounts, Worst};

use super::device::{Ear, History, State};
use super::history::{Piece, Told};
use super::log::Log;
use super::newest::Quantiles;
use super::place::Placing;
use crate::event::{Freshness, Record, SiteHeard, SiteOffline, SiteOnline};

/// Lines that are kept of one site.
const LINES: usize = 40;
/// A site of which no window came for so many of them is stale, as the controller has it.
const WINDOWS: u64 = 3;
/// And not before that, in milliseconds.
const STALE_MS: u64 = 10_000;

/// Whether its controller is there, as was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Presence {
    Online,
    Offline(Option<Departure>),
}

/// One site.
#[derive(Debug)]
pub(crate) struct Site {
    presence: Presence,
    boot: Option<BootId>,
    /// When it was heard last; before that, since when it is known.
    heard_ms: u64,
    /// Connection to the broker on which it was heard; `None` before the first time.
    heard_on: Option<u64>,
    placing: Placing,
    pub(crate) rev: u64,
    pub(crate) version: Option<Name>,
    /// Time between two windows, in milliseconds, as its controller told.
    pub(crate) every_ms: Option<u64>,
    pub(crate) newest: Option<Box<NewestOfSite>>,
    pub(crate) received: ReceivedOfSite,
    pub(crate) log: Log,
    pub(crate) history: Box<History>,
}

/// Figures of the newest window.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct NewestOfSite {
    pub(crate) seq: u64,
    pub(crate) t_ms: u64,
    pub(crate) up_ms: u64,
    pub(crate) span_ms: u64,
    pub(crate) merged: u32,
    pub(crate) devices: Census,
    pub(crate) counts: SiteCounts,
    pub(crate) total: SiteCounts,
    pub(crate) missing_jobs: u64,
    /// Misses per job; `None` without a job.
    pub(crate) miss_rate: Option<f64>,
    pub(crate) wakeup_us: Option<Quantiles>,
    pub(crate) response_us: Option<Quantiles>,
    pub(crate) worst: Option<Worst>,
    pub(crate) occurrences_left_out: u64,
}

/// Sums over the windows that were accepted since the controller's start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub(crate) struct ReceivedOfSite {
    /// Messages.
    pub(crate) messages: u64,
    /// Windows in them: more than messages if some were merged.
    pub(crate) windows: u64,
    /// Messages that came later than newer ones.
    pub(crate) late: u64,
    /// What was counted in them.
    pub(crate) counts: SiteCounts,
    /// What it took to carry them.
    pub(crate) bytes: u64,
}

impl Site {
    pub(super) fn new(now_ms: u64) -> Self {
        Self {
            presence: Presence::Offline(None),
            boot: None,
            heard_ms: now_ms,
            heard_on: None,
            placing: Placing::default(),
            rev: 0,
            version: None,
            every_ms: None,
            newest: None,
            received: ReceivedOfSite::default(),
            log: Log::new(LINES),
            history: Box::new(History::new()),
        }
    }

    /// Whether what is known of it is of now.
    pub(crate) fn state(&self, now_ms: u64, link: Option<u64>) -> State {
        match self.presence {
            Presence::Offline(_) => State::Offline,
            Presence::Online if link.is_none() || link != self.heard_on => State::Stale,
            Presence::Online if self.age_ms(now_ms) > self.patience_ms() => State::Stale,
            Presence::Online => State::Online,
        }
    }

    /// How it went, if it is not there.
    pub(crate) fn departure(&self) -> Option<Departure> {
        match self.presence {
            Presence::Offline(departure) => departure,
            Presence::Online => None,
        }
    }

    /// How long no window may come, in milliseconds.
    pub(crate) fn patience_ms(&self) -> u64 {
        self.every_ms.unwrap_or_default().saturating_mul(WINDOWS).max(STALE_MS)
    }

    /// Since it was heard, in milliseconds.
    pub(crate) fn age_ms(&self, now_ms: u64) -> u64 {
        now_ms.saturating_sub(self.heard_ms)
    }

    /// Run of its controller.
    pub(crate) fn boot(&self) -> Option<BootId> {
        self.boot
    }

    pub(super) fn online(&mut self, online: &SiteOnline, record: &Record, ear: Ear) {
        self.presence = Presence::Online;
        // What the broker kept says nothing of now.
        if online.news == Freshness::Live {
            (self.heard_ms, self.heard_on) = (ear.now_ms, ear.link);
        }
        self.version = online.version.clone().or(self.version.take());
        self.every_ms = online.every_ms.or(self.every_ms);
        self.start_boot(online.boot);
        self.log.add(record);
    }

    pub(super) fn offline(&mut self, offline: &SiteOffline, record: &Record) {
        self.presence = Presence::Offline(offline.departure);
        self.start_boot(offline.boot);
        self.log.add(record);
    }

    pub(super) fn tell(&mut self, record: &Record) {
        self.log.add(record);
    }

    pub(super) fn window(&mut self, heard: &SiteHeard, ear: Ear) {
        let SiteHeard { window, bytes } = heard;
        self.received.add(window, *bytes);
        (self.heard_ms, self.heard_on) = (ear.now_ms, ear.link);
        let boot = *self.boot.get_or_insert(window.boot);
        // What is left over of an earlier run has a clock of its own.
        if boot != window.boot {
            return;
        }
        let at_ms = self.placing.at_ms(window.up_ms, ear.now_ms);
        let newest = NewestOfSite::of(window);
        let miss_rate = newest.miss_rate.unwrap_or_default();
        if self.newest.as_ref().is_some_and(|known| known.seq > window.seq) {
            self.received.late = self.received.late.saturating_add(1);
        } else {
            self.newest = Some(Box::new(newest));
        }
        self.history.take(&Piece { at_ms, rev: self.rev, mode: None, miss_rate, told: Told::Site(window) });
    }

    fn start_boot(&mut self, boot: BootId) {
        if self.boot != Some(boot) {
            self.boot = Some(boot);
            self.newest = None;
            self.placing = Placing::default();
        }
    }
}

impl NewestOfSite {
    fn of(window: &wire::Site) -> Self {
        let wire::Site { seq, t_ms, up_ms, span_ms, merged, devices, counts, total, missing_jobs, .. } = *window;
        Self {
            seq,
            t_ms,
            up_ms,
            span_ms,
            merged,
            devices,
            counts,
            total,
            missing_jobs,
            miss_rate: (counts.jobs > 0).then(|| Ratio::of(counts.misses, counts.jobs).get()),
            wakeup_us: Quantiles::of(&window.wakeup_us),
            response_us: Quantiles::of(&window.response_us),
            worst: window.worst.clone(),
            occurrences_left_out: window.occurrences_left_out,
        }
    }
}

impl ReceivedOfSite {
    fn add(&mut self, window: &wire::Site, bytes: u64) {
        self.messages = self.messages.saturating_add(1);
        self.windows = self.windows.saturating_add(window.merged.into());
        self.counts = self.counts.plus(&window.counts);
        self.bytes = self.bytes.saturating_add(bytes);
    }

    /// Share of the bytes that the devices sent to the site and that did not go on to here; below 0 if more did. `None` if the devices
    /// sent nothing.
    #[expect(clippy::cast_precision_loss, reason = "a share, shown with three digits")]
    pub(crate) fn saved(&self) -> Option<f64> {
        let heard = self.counts.heard_bytes;
        (heard > 0).then(|| 1.0 - self.bytes as f64 / heard as f64)
    }
}

#[cfg(test)]
mod tests {
    use shared_proto::histogram::Latency;
    use shared_proto::wire::{Occurrences, Version};

    use super::*;
    use crate::event::{Event, Link as LinkEvent, LinkState};
    use crate::sites::MAX_SITES;
    use crate::watch::picture::{Picture, Slot};

    const START: u64 = 7_200_000;
    const EVERY: u64 = 5_000;

    /// The window that closes at `seq` times [`EVERY`], with a job of each of these wake-up latencies, the first of them missed.
    fn window(boot: u64, seq: u64, values_ns: &[u64]) -> Event {
        let jobs = values_ns.len() as u64;
        let mut times = Latency::default();
        values_ns.iter().for_each(|&value| times.record(value));
        let counts = SiteCounts { jobs, misses: jobs.min(1), heard_bytes: 1_000, ..SiteCounts::default() };
        let window = wire::Site {
            v: Version,
            site: "north".parse().unwrap(),
            boot: BootId(boot),
            seq,
            t_ms: 1_000,
            up_ms: seq * EVERY,
            span_ms: EVERY,
            merged: 1,
            devices: Census { known: 2, online: 2, offline: 0, degraded: 0 },
            counts,
            total: counts,
            missing_jobs: 0,
            wakeup_us: times.clone(),
            response_us: times,
            worst: None,
            occurrences: Occurrences::new(),
            occurrences_left_out: 0,
        };
        Event::Site(Box::new(SiteHeard { window, bytes: 250 }))
    }

    fn online(boot: u64, every_ms: u64) -> Event {
        let (site, boot) = ("north".parse().unwrap(), BootId(boot));
        Event::SiteOnline(SiteOnline {
            site,
            boot,
            conn: Some(1),
            version: None,
            every_ms: Some(every_ms),
            news: Freshness::Retained,
        })
    }

    fn tell(picture: &mut Picture, now_ms: u64, event: Event) {
        picture.take(&Record { t_ms: now_ms, event }, now_ms);
    }

    fn link(picture: &mut Picture, state: LinkState, conn: u64) {
        tell(picture, START, Event::Link(LinkEvent { state, conn, reason: None }));
    }

    fn state(picture: &Picture, now_ms: u64) -> State {
        north(picture).state(now_ms, picture.conn())
    }

    fn north(picture: &Picture) -> &Site {
        picture.sites.get(&"north".parse().unwrap()).unwrap()
    }

    /// Connected, with one site of which the first window came.
    fn one(every_ms: u64) -> Picture {
        let mut picture = Picture::default();
        link(&mut picture, LinkState::Up, 1);
        tell(&mut picture, START, online(1, every_ms));
        tell(&mut picture, START, window(1, 1, &[20_000, 30_000]));
        picture
    }

    #[test]
    fn a_site_is_stale_without_three_windows_and_without_a_link_and_is_offline_when_told() {
        let picture = one(1_000);
        assert_eq!([state(&picture, START + 10_000), state(&picture, START + 10_001)], [State::Online, State::Stale]);
        let mut picture = one(EVERY);
        assert_eq!([state(&picture, START + 15_000), state(&picture, START + 15_001)], [State::Online, State::Stale]);
        link(&mut picture, LinkState::Down, 1);
        assert_eq!(state(&picture, START), State::Stale);
        link(&mut picture, LinkState::Up, 2);
        assert_eq!(state(&picture, START), State::Stale);
        // The word that it is there may be the broker's: a window is heard.
        tell(&mut picture, START, online(1, EVERY));
        assert_eq!(state(&picture, START), State::Stale);
        tell(&mut picture, START, window(1, 2, &[]));
        assert_eq!(state(&picture, START), State::Online);
        let (site, boot) = ("north".parse().unwrap(), BootId(1));
        tell(&mut picture, START, Event::SiteOffline(SiteOffline { site, boot, departure: Some(Departure::Lost) }));
        assert_eq!((state(&picture, START), north(&picture).departure()), (State::Offline, Some(Departure::Lost)));
        assert_eq!((north(&picture).log.last(), picture.log.last()), (3, 6));
    }

    #[test]
    fn windows_come_to_their_place_and_late_ones_are_not_the_newest() {
        let mut picture = one(EVERY);
        tell(&mut picture, START + 3 * EVERY, window(1, 4, &[40_000]));
        tell(&mut picture, START + 3 * EVERY + 20, window(1, 2, &[]));
        tell(&mut picture, START + 3 * EVERY + 30, window(1, 3, &[50_000, 60_000, 70_000]));
        let site = north(&picture);
        assert_eq!((site.newest.as_ref().unwrap().seq, site.received.late), (4, 2));
        assert_eq!((site.received.messages, site.received.counts.jobs, site.received.saved()), (4, 6, Some(0.75)));
        let slots: Vec<_> = site.history.fine.last(START + 3 * EVERY + 30, 60_000).collect();
        assert_eq!(slots.iter().map(|slot| slot.jobs).collect::<Vec<_>>(), [2, 0, 3, 1]);
        assert_eq!(
            slots.iter().map(|slot| slot.number).collect::<Vec<_>>(),
            [0, 5_000, 10_000, 15_000].map(|ms| (START + ms) / 2_000)
        );
        // Without a job there is no rate.
        let rates: Vec<_> = slots.iter().map(|slot| Slot::rate(slot).map(|rate| (rate * 12.0).round())).collect();
        assert_eq!(rates, [Some(6.0), None, Some(4.0), Some(12.0)]);
    }

    #[test]
    fn what_an_earlier_run_left_over_counts_and_is_not_of_now() {
        let mut picture = one(EVERY);
        tell(&mut picture, START + 100, online(2, EVERY));
        assert!(north(&picture).newest.is_none());
        tell(&mut picture, START + 200, window(1, 2, &[20_000]));
        let site = north(&picture);
        assert!(site.newest.is_none());
        assert_eq!((site.received.counts.jobs, site.boot()), (3, Some(BootId(2))));
        tell(&mut picture, START + 300, window(2, 1, &[]));
        let newest = north(&picture).newest.as_ref().unwrap();
        assert_eq!((newest.seq, newest.miss_rate, newest.wakeup_us), (1, None, None));
    }

    #[test]
    fn sites_beyond_the_most_are_left_out() {
        let mut picture = Picture::default();
        for number in 0..MAX_SITES + 5 {
            let mut event = window(1, 1, &[]);
            if let Event::Site(heard) = &mut event {
                heard.window.site = format!("site-{number}").parse().unwrap();
            }
            tell(&mut picture, START, event);
        }
        assert_eq!(picture.sites.len(), MAX_SITES);
    }
}
