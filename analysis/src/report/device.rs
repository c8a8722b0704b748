//! What came of one device in one run.

use std::collections::{BTreeMap, BTreeSet};

use shared_proto::ids::BootId;
use shared_proto::mode::Mode;
use shared_proto::wire::{Report, Setting, SettingOutcome, Status};

use super::recorded::{Device, Facts, Happened};
use super::times::Times;
use crate::run::{Refusal, Run, Task};

/// A device while lines are read.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    pub(super) run: Run,
    pub(super) wakeup: Times,
    pub(super) response: Times,
    boots: BTreeMap<BootId, Boot>,
    /// The run of the agent that said last that it is there.
    boot: Option<BootId>,
    periods: BTreeSet<u64>,
    reports: u64,
    degraded: u64,
    mode: Option<Mode>,
    last_ms: Option<f64>,
    silence_ms: f64,
    away_since: Option<f64>,
    away_ms: f64,
    temp_c: Option<f32>,
    throttled: bool,
    facts: Facts,
    restarts: u64,
}

/// One run of the agent.
#[derive(Debug, Default)]
struct Boot {
    /// Least difference of the recorder's clock and the device's seen so far: the quickest message's.
    offset_ms: Option<f64>,
    /// Numbers of the reports that came.
    seen: BTreeSet<u64>,
    /// First and last window that should have come.
    first: u64,
    last: u64,
    windows: u64,
}

impl Boot {
    /// Difference of the clocks, now that a message of `up_ms` has come. One that was long on its way makes it too great, never
    /// too small.
    #[expect(clippy::cast_precision_loss, reason = "milliseconds of years")]
    fn offset(&mut self, at_ms: f64, up_ms: u64) -> f64 {
        let seen_ms = at_ms - up_ms as f64;
        let offset_ms = self.offset_ms.map_or(seen_ms, |known| known.min(seen_ms));
        self.offset_ms = Some(offset_ms);
        offset_ms
    }
}

impl Gathered {
    /// A report came: when its window closed on the recorder's clock; `None` if that cannot be told.
    ///
    /// The two clocks run side by side, so the quickest message tells their difference; a report that was kept while the device
    /// was offline is put where it belongs. One of an earlier run of the agent that was not heard itself tells it by the wall clock,
    /// if that is right.
    #[expect(clippy::cast_precision_loss, reason = "milliseconds of years")]
    pub(super) fn arrived(&mut self, at_ms: f64, report: &Report, started_unix_ms: u64) -> Option<f64> {
        if let Some(last_ms) = self.last_ms {
            self.silence_ms = self.silence_ms.max(at_ms - last_ms);
        }
        self.last_ms = Some(at_ms);
        if self.boot.is_some_and(|boot| boot != report.boot) {
            let offset_ms = self.boots.get(&report.boot).and_then(|boot| boot.offset_ms);
            let by_wall_clock = report.clock_synced.then_some(report.t_ms as f64 - started_unix_ms as f64);
            let closed_ms = offset_ms.map(|offset_ms| report.up_ms as f64 + offset_ms).or(by_wall_clock);
            return closed_ms.map(|closed_ms| closed_ms.min(at_ms));
        }
        let boot = self.boots.entry(report.boot).or_default();
        Some(report.up_ms as f64 + boot.offset(at_ms, report.up_ms))
    }

    /// Whether the report was not counted before.
    pub(super) fn is_new(&mut self, report: &Report) -> bool {
        let boot = self.boots.entry(report.boot).or_default();
        if !boot.seen.insert(report.seq) {
            return false;
        }
        let windows = u64::from(report.merged);
        let first = report.seq.saturating_sub(windows - windows.min(1));
        boot.first = if boot.windows == 0 { first } else { boot.first.min(first) };
        boot.last = boot.last.max(report.seq);
        boot.windows = boot.windows.saturating_add(windows);
        true
    }

    /// Adds what the report counts.
    pub(super) fn count(&mut self, report: &Report) {
        self.reports += 1;
        self.wakeup.add(&report.wakeup_us);
        self.response.add(&report.response_us);
        let run = &mut self.run;
        run.releases = run.releases.saturating_add(report.jobs);
        run.skipped = run.skipped.saturating_add(report.skipped);
        run.run = run.releases.saturating_sub(run.skipped);
        run.misses = run.misses.saturating_add(report.misses);
        run.lost_records = run.lost_records.saturating_add(report.lost.records);
        run.longest_miss_run = run.longest_miss_run.max(report.longest_miss_run);
        self.degraded += u64::from(report.mode == Mode::Degraded);
        run.mode_changes += u32::from(self.mode.is_some_and(|mode| mode != report.mode));
        self.mode = Some(report.mode);
        self.periods.insert(report.task.period_us);
        run.task = task(report);
        run.settings.schedule = Some(report.rt.schedule);
        run.settings.priority = report.rt.priority;
        run.settings.cpu = report.rt.cpu;
        run.settings.locked = report.rt.locked;
        self.temp_c = self.temp_c.into_iter().chain(report.host.temp_c).reduce(f32::max);
        // Under-voltage, capped or throttled now; the later bits tell of the time before.
        self.throttled |= report.host.throttled.is_some_and(|flags| flags & 0xf != 0);
    }

    /// A status came; what it means.
    pub(super) fn status(&mut self, at_ms: f64, status: &Status) -> Option<Happened> {
        if !status.online {
            // The broker keeps the status of devices that are gone for good.
            if self.away_since.is_some() || (self.boot.is_none() && self.reports == 0) {
                return None;
            }
            self.away_since = Some(at_ms);
            return Some(Happened::Away);
        }
        // Comes before the reports that were kept while the device was offline.
        if let Some(up_ms) = status.up_ms {
            self.boots.entry(status.boot).or_default().offset(at_ms, up_ms);
        }
        self.facts = facts(status);
        let refused = status.settings.iter().filter(|setting| setting.outcome == SettingOutcome::Refused);
        self.run.settings.refused = refused
            .map(|setting| Refusal {
                setting: format!("{}={}", setting.name, setting.asked),
                why: setting.why.to_string(),
                advice: String::new(),
            })
            .collect();
        let was_away = self.away_since.take();
        self.away_ms += was_away.map_or(0.0, |since| at_ms - since);
        let restarted = self.boot.is_some_and(|known| known != status.boot);
        self.boot = Some(status.boot);
        self.restarts += u64::from(restarted);
        if restarted { Some(Happened::Restart) } else { was_away.map(|_| Happened::Back) }
    }

    /// Whether it was there at all.
    pub(super) fn was_there(&self) -> bool {
        self.boot.is_some() || self.reports > 0
    }

    /// Windows between the first and the last one of a run of the agent that never came.
    pub(super) fn missing(&self) -> u64 {
        let missing = |boot: &Boot| boot.last.saturating_add(1).saturating_sub(boot.first).saturating_sub(boot.windows);
        self.boots.values().filter(|boot| boot.windows > 0).map(missing).fold(0, u64::saturating_add)
    }

    /// Nothing more comes.
    #[expect(clippy::cast_precision_loss, reason = "numbers of reports")]
    pub(super) fn finish(mut self, duration_ms: f64, label: &str) -> Device {
        let missing = self.missing();
        self.run.scenario = label.to_owned();
        self.run.elapsed_ms = duration_ms;
        self.run.epochs = u32::try_from(self.periods.len()).unwrap_or(u32::MAX);
        self.run.wakeup_us = self.wakeup.distribution();
        self.run.response_us = self.response.distribution();
        let last_silence_ms = self.last_ms.map_or(0.0, |last_ms| duration_ms - last_ms);
        Device {
            reports: self.reports,
            missing,
            restarts: self.restarts,
            away_ms: self.away_ms + self.away_since.map_or(0.0, |since| duration_ms - since),
            silence_ms: self.silence_ms.max(last_silence_ms),
            degraded: if self.reports == 0 { 0.0 } else { self.degraded as f64 / self.reports as f64 },
            temp_c: self.temp_c,
            throttled: self.throttled,
            facts: self.facts,
            run: self.run,
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "microseconds of a period")]
fn task(report: &Report) -> Task {
    Task {
        period_us: report.task.period_us as f64,
        deadline_us: report.task.deadline_us as f64,
        workload: report.task.name.to_string(),
        workload_ratio: 0.0,
        overrun: report.task.overrun,
    }
}

fn facts(status: &Status) -> Facts {
    let setting = |setting: &Setting| {
        let refused = if setting.outcome == SettingOutcome::Refused { " refused" } else { "" };
        format!("{}={}{refused}", setting.name, setting.asked)
    };
    let preemption = match status.preempt_rt {
        Some(true) => " PREEMPT_RT",
        Some(false) => " not PREEMPT_RT",
        None => "",
    };
    Facts {
        version: status.version.to_string(),
        model: status.model.as_ref().map(ToString::to_string).unwrap_or_default(),
        kernel: format!("{}{preemption}", status.kernel.as_ref().map(ToString::to_string).unwrap_or_default())
            .trim()
            .to_owned(),
        task: format!("{}, {} us, deadline {} us", status.task.name, status.task.period_us, status.task.deadline_us),
        settings: status.settings.iter().map(setting).collect(),
    }
}
