//! What was, in slots of time: fine for the last minutes, coarse for the last hour. Slots are filled by the time at which a
//! window closed, not by when its report arrived, so what was kept during an outage comes to its place.

use std::collections::VecDeque;

use shared_proto::histogram::Latency;
use shared_proto::mode::{Mode, ModeSource};
use shared_proto::wire::{Report, Site};

use crate::sparse::Sparse;

/// One resolution: length of a slot in milliseconds, and how many are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Grain {
    /// Length of a slot in milliseconds.
    pub(crate) slot_ms: u64,
    /// Slots that are kept.
    pub(crate) slots: u64,
}

/// Five minutes.
pub(crate) const FINE: Grain = Grain { slot_ms: 2_000, slots: 150 };
/// An hour.
pub(crate) const COARSE: Grain = Grain { slot_ms: 30_000, slots: 120 };

/// Slots of one grain, oldest first; none where nothing was told.
#[derive(Debug)]
pub(crate) struct Track {
    grain: Grain,
    slots: VecDeque<Slot>,
}

/// What was told of a stretch of time.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Slot {
    /// Its start in slot lengths.
    pub(crate) number: u64,
    /// Revision of the picture at its last change.
    pub(crate) rev: u64,
    /// Length of the windows in it, in milliseconds: far more than the slot's if windows were merged.
    pub(crate) covers_ms: u64,
    /// Releases.
    pub(crate) jobs: u64,
    /// Misses, the skipped ones included.
    pub(crate) misses: u64,
    /// Skipped releases.
    pub(crate) skipped: u64,
    /// The greatest miss rate over the miss window.
    pub(crate) miss_rate: f64,
    /// The mode at the end; a site has none.
    pub(crate) mode: Option<Mode>,
    /// Who decided it.
    pub(crate) source: Option<ModeSource>,
    /// Close of the window that told the mode, so that a late one does not override it.
    mode_at_ms: u64,
    /// Wake-up latency.
    pub(crate) wakeup: Sparse,
    /// Response time.
    pub(crate) response: Sparse,
    /// Busy share of the CPUs.
    pub(crate) cpu: Option<f32>,
    /// Degrees Celsius.
    pub(crate) temp_c: Option<f32>,
    /// MHz.
    pub(crate) freq_mhz: Option<u32>,
    /// Flags, all of the slot together.
    pub(crate) throttled: Option<u32>,
}

/// What one window, or one observation, adds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Piece<'a> {
    /// Its close, on the picture's clock.
    pub(super) at_ms: u64,
    pub(super) rev: u64,
    pub(super) mode: Option<Mode>,
    pub(super) miss_rate: f64,
    pub(super) told: Told<'a>,
}

/// What came.
#[derive(Debug, Clone, Copy)]
pub(super) enum Told<'a> {
    /// Of a device.
    Report(&'a Report),
    /// Of a device that sends no reports.
    Observed,
    /// Of a site.
    Site(&'a Site),
}

impl Track {
    pub(super) fn new(grain: Grain) -> Self {
        Self { grain, slots: VecDeque::new() }
    }

    pub(super) fn take(&mut self, piece: &Piece<'_>) {
        let number = piece.at_ms / self.grain.slot_ms;
        let newest = self.slots.back().map_or(number, |slot| slot.number.max(number));
        if number.saturating_add(self.grain.slots) <= newest {
            return;
        }
        let at = self.slots.partition_point(|slot| slot.number < number);
        if self.slots.get(at).is_none_or(|slot| slot.number != number) {
            self.slots.insert(at, Slot::new(number, piece));
        }
        if let Some(slot) = self.slots.get_mut(at) {
            slot.take(piece);
        }
        while self.slots.front().is_some_and(|slot| slot.number.saturating_add(self.grain.slots) <= newest) {
            self.slots.pop_front();
        }
    }

    /// Its grain.
    pub(crate) fn grain(&self) -> Grain {
        self.grain
    }

    /// The slots of the last `span_ms` before `now_ms`, oldest first.
    pub(crate) fn last(&self, now_ms: u64, span_ms: u64) -> impl DoubleEndedIterator<Item = &Slot> {
        let from = now_ms.saturating_sub(span_ms) / self.grain.slot_ms;
        let start = self.slots.partition_point(|slot| slot.number <= from && now_ms > span_ms);
        self.slots.range(start..)
    }
}

impl Slot {
    fn new(number: u64, piece: &Piece<'_>) -> Self {
        Self {
            number,
            rev: piece.rev,
            covers_ms: 0,
            jobs: 0,
            misses: 0,
            skipped: 0,
            miss_rate: 0.0,
            mode: piece.mode,
            source: None,
            mode_at_ms: 0,
            wakeup: Sparse::default(),
            response: Sparse::default(),
            cpu: None,
            temp_c: None,
            freq_mhz: None,
            throttled: None,
        }
    }

    fn take(&mut self, piece: &Piece<'_>) {
        self.rev = piece.rev;
        self.miss_rate = self.miss_rate.max(piece.miss_rate);
        let newer = piece.at_ms >= self.mode_at_ms;
        if newer {
            self.mode_at_ms = piece.at_ms;
            self.mode = piece.mode;
        }
        match piece.told {
            Told::Observed => {}
            Told::Site(site) => {
                let counts = &site.counts;
                self.count(site.span_ms, [counts.jobs, counts.misses, counts.skipped]);
                self.time(&site.wakeup_us, &site.response_us);
            }
            Told::Report(report) => {
                self.count(report.span_ms, [report.jobs, report.misses, report.skipped]);
                self.time(&report.wakeup_us, &report.response_us);
                if let Some(flags) = report.host.throttled {
                    self.throttled = Some(self.throttled.unwrap_or_default() | flags);
                }
                if newer {
                    self.source = Some(report.mode_source);
                    self.cpu = report.host.cpu.map(single).or(self.cpu);
                    self.temp_c = report.host.temp_c.or(self.temp_c);
                    self.freq_mhz = report.host.freq_mhz.or(self.freq_mhz);
                }
            }
        }
    }

    fn count(&mut self, span_ms: u64, [jobs, misses, skipped]: [u64; 3]) {
        self.covers_ms = self.covers_ms.saturating_add(span_ms);
        self.jobs = self.jobs.saturating_add(jobs);
        self.misses = self.misses.saturating_add(misses);
        self.skipped = self.skipped.saturating_add(skipped);
    }

    fn time(&mut self, wakeup: &Latency, response: &Latency) {
        self.wakeup.add(wakeup);
        self.response.add(response);
    }

    /// Misses per job. Without a job: as the device told; nothing of a site.
    pub(crate) fn rate(&self) -> Option<f64> {
        let counted = (self.jobs > 0).then(|| shared_proto::units::Ratio::of(self.misses, self.jobs).get());
        counted.or(self.mode.map(|_| self.miss_rate))
    }
}

#[expect(clippy::cast_possible_truncation, reason = "a share, shown with three digits")]
fn single(ratio: shared_proto::units::Ratio) -> f32 {
    ratio.get() as f32
}
