//! The window that is open: what the devices tell is added to it. No input, output or clock.

use std::collections::HashSet;

use shared_proto::ids::{BootId, DeviceId, SiteId};
use shared_proto::mode::Mode;
use shared_proto::text::Reason;
use shared_proto::wire::{
    Census, Departure, Occurrence, Outcome, Report, Site, SiteCounts, Totals, Version, What, Worst,
};

use crate::event::{Event, Freshness, LinkState};
use crate::fleet::Moment;

/// Jobs that a site counts at most: a million devices at 1 kHz take 285 years. Sums stay exact.
const MOST_JOBS: u64 = 1 << 63;

/// Gathers windows of a site.
#[derive(Debug)]
pub(super) struct Gather {
    start: Moment,
    opened: Moment,
    /// Its counts are those of the window, its totals those before it.
    window: Site,
    /// Devices of which was told that they are lost.
    lost: HashSet<DeviceId>,
    site: Connection,
    /// What the next report of this device brings, and was counted before.
    counted_before: Option<(DeviceId, Totals)>,
    beyond: Beyond,
}

/// Whether it was told that a report counts beyond [`MOST_JOBS`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Beyond {
    Untold,
    Told,
}

/// What was told of the controller's connection to the broker of its site.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Connection {
    /// Nothing, or that it is there.
    There,
    Lost,
}

/// What is known at the close of a window.
#[derive(Debug, Clone, Copy)]
pub(super) struct Close {
    pub(super) now: Moment,
    pub(super) t_ms: u64,
    pub(super) devices: Census,
    pub(super) missing_jobs: u64,
}

impl Gather {
    pub(super) fn new(site: SiteId, boot: BootId, now: Moment) -> Self {
        let window = Site {
            v: Version,
            site,
            boot,
            seq: 1,
            t_ms: 0,
            up_ms: 0,
            span_ms: 0,
            merged: 1,
            devices: Census::default(),
            counts: SiteCounts::default(),
            total: SiteCounts::default(),
            missing_jobs: 0,
            wakeup_us: shared_proto::histogram::Latency::default(),
            response_us: shared_proto::histogram::Latency::default(),
            worst: None,
            occurrences: shared_proto::wire::Occurrences::new(),
            occurrences_left_out: 0,
        };
        let (lost, site) = (HashSet::new(), Connection::There);
        Self { start: now, opened: now, window, lost, site, counted_before: None, beyond: Beyond::Untold }
    }

    /// So many bytes came from a device.
    pub(super) fn heard(&mut self, bytes: usize) {
        let heard = &mut self.window.counts.heard_bytes;
        *heard = heard.saturating_add(u64::try_from(bytes).unwrap_or(u64::MAX));
    }

    pub(super) fn take(&mut self, t_ms: u64, event: &Event) {
        let note = |device: &DeviceId, what, mode, reason: &Reason| {
            Some(Occurrence { t_ms, device: Some(device.clone()), what, mode, reason: reason.clone() })
        };
        let none = Reason::default();
        let occurrence = match event {
            Event::CountedBefore(before) => {
                self.counted_before = Some((before.device.clone(), before.counts));
                None
            }
            Event::Report(report) => {
                self.report(report);
                None
            }
            Event::DeviceMode(it) => note(&it.device, What::Mode, Some(it.to), &it.reason),
            Event::Applied(it) if it.result == Outcome::Applied => {
                note(&it.device, What::Mode, Some(it.mode), &Reason::of("commanded by the gateway"))
            }
            Event::Held(it) => note(&it.device, What::Held, Some(it.mode), &Reason::of(by(it.wanted))),
            Event::Contested(it) => note(&it.device, What::Contested, Some(it.mode), &it.reason),
            Event::Rejected(it) => note(&it.device, What::Rejected, Some(it.mode), &it.reason),
            // What the broker kept is of some time or other.
            Event::Offline(it) if it.departure == Some(Departure::Lost) && it.news == Freshness::Live => {
                self.lost.insert(it.device.clone());
                note(&it.device, What::Lost, None, &none)
            }
            Event::Online(it) if self.lost.remove(&it.device) => note(&it.device, What::Back, None, &none),
            Event::Forgotten(it) => {
                self.lost.remove(&it.device);
                None
            }
            Event::Link(link) => self.link(t_ms, link.state, link.reason.as_deref()),
            _ => None,
        };
        if let Some(occurrence) = occurrence {
            self.note(occurrence);
        }
    }

    fn link(&mut self, t_ms: u64, state: LinkState, reason: Option<&str>) -> Option<Occurrence> {
        let (now, what) = match (state, self.site) {
            (LinkState::Down, Connection::There) => (Connection::Lost, What::LinkLost),
            (LinkState::Up, Connection::Lost) => (Connection::There, What::LinkBack),
            _ => return None,
        };
        self.site = now;
        let reason = reason.map(Reason::from).unwrap_or_default();
        Some(Occurrence { t_ms, device: None, what, mode: None, reason })
    }

    fn note(&mut self, occurrence: Occurrence) {
        let counts = &mut self.window.counts;
        let count = if occurrence.what == What::Mode { &mut counts.mode_changes } else { &mut counts.alarms };
        *count = count.saturating_add(1);
        self.window.note(occurrence);
    }

    fn report(&mut self, report: &Report) {
        let before =
            self.counted_before.take().filter(|(device, _)| *device == report.device).map(|(_, counts)| counts);
        let all = Totals { jobs: report.jobs, misses: report.misses, skipped: report.skipped };
        let Totals { jobs, misses, skipped } = all.since(&before.unwrap_or_default());
        // What a device says of its totals need not fit what it says of its windows.
        let skipped = skipped.min(jobs);
        let misses = misses.clamp(skipped, jobs);
        let window = &mut self.window;
        if window.total.jobs.saturating_add(window.counts.jobs).saturating_add(jobs) > MOST_JOBS {
            if self.beyond == Beyond::Untold {
                tracing::warn!(device = %report.device, jobs, "a report counts more jobs than there can be: it is not forwarded");
                self.beyond = Beyond::Told;
            }
            return;
        }
        // Which of its times were counted before, nobody can tell. And no bucket holds more than it can, whoever reports what.
        let times = before.is_none().then(|| {
            let (mut wakeup_us, mut response_us) = (window.wakeup_us.clone(), window.response_us.clone());
            let fit = wakeup_us.merge(&report.wakeup_us).and_then(|()| response_us.merge(&report.response_us));
            fit.is_ok().then_some((wakeup_us, response_us))
        });
        let lost_records = match times.flatten() {
            Some(sums) => {
                (window.wakeup_us, window.response_us) = sums;
                report.lost.records
            }
            None => jobs.saturating_sub(skipped),
        };
        let counts = SiteCounts { reports: 1, jobs, misses, skipped, lost_records, ..SiteCounts::default() };
        window.counts = window.counts.plus(&counts);
        let worse = |worst: &Worst| worst.miss_rate < report.miss_rate;
        if report.miss_rate.get() > 0.0 && window.worst.as_ref().is_none_or(worse) {
            window.worst = Some(Worst { device: report.device.clone(), miss_rate: report.miss_rate });
        }
    }

    /// Closes the window and opens the next.
    pub(super) fn close(&mut self, close: &Close) -> Site {
        let Close { now, t_ms, devices, missing_jobs } = *close;
        let window = &mut self.window;
        (window.t_ms, window.devices, window.missing_jobs) = (t_ms, devices, missing_jobs);
        (window.up_ms, window.span_ms) = (now.millis_since(self.start), now.millis_since(self.opened));
        window.total = window.total.plus(&window.counts);
        self.opened = now;
        let closed = window.clone();
        window.seq = window.seq.saturating_add(1);
        window.counts = SiteCounts::default();
        (window.wakeup_us, window.response_us) = Default::default();
        window.worst = None;
        window.occurrences.clear();
        window.occurrences_left_out = 0;
        closed
    }
}

fn by(wanted: Mode) -> &'static str {
    match wanted {
        Mode::Normal => "NORMAL is wanted",
        Mode::Degraded => "DEGRADED is wanted",
    }
}
