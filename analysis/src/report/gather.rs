//! From the lines of an experiment file to what a report needs.

use std::collections::BTreeMap;
use std::path::Path;

use shared_proto::mode::Mode;
use shared_proto::wire::Report;

use super::device::Gathered;
use super::recorded::{Event, Happened, Recorded, Second};
use super::times::Times;
use crate::experiment::{Begin, Gateway, Line, Reactions, Recording, RecordingError};
use crate::run::{GatewayFigures, Run};
use crate::stats;

/// Takes line after line.
#[derive(Debug)]
pub(super) struct Gathering {
    started_unix_ms: u64,
    devices: BTreeMap<String, Gathered>,
    seconds: BTreeMap<u64, Second>,
    gateway: Vec<Gateway>,
    events: Vec<Event>,
    reactions: Reactions,
    linked: bool,
    /// Reports with windows from before the beginning, or of an unknown time.
    early: u64,
    repeated: u64,
    lost: BTreeMap<String, u64>,
}

/// Reads a file.
pub(super) fn recorded(path: &Path) -> Result<Recorded, RecordingError> {
    let mut recording = Recording::read(path)?;
    let mut gathering = Gathering::new(recording.begin());
    for line in recording.by_ref() {
        gathering.take(&line?);
    }
    let mut recorded = gathering.finish(recording.begin().clone(), recording.last_ms());
    recorded.name = path.display().to_string();
    recorded.path = path.canonicalize().ok();
    recorded.ending = recording.end().map(|end| end.reason);
    recorded.notes.splice(0..0, recording.notes().iter().map(ToString::to_string));
    Ok(recorded)
}

impl Gathering {
    /// Nothing yet of the recording that begins so.
    pub(super) fn new(begin: &Begin) -> Self {
        Self {
            started_unix_ms: begin.started_unix_ms,
            devices: BTreeMap::new(),
            seconds: BTreeMap::new(),
            gateway: Vec::new(),
            events: Vec::new(),
            reactions: Reactions::new(begin.setup.degrade_above),
            linked: false,
            early: 0,
            repeated: 0,
            lost: BTreeMap::new(),
        }
    }

    /// Takes the next line.
    pub(super) fn take(&mut self, line: &Line) {
        self.reactions.take(line);
        match line {
            Line::Report(heard) => self.report(heard.at_ms, &heard.message),
            Line::Status(heard) => {
                let device = self.devices.entry(heard.message.device.to_string()).or_default();
                if let Some(what) = device.status(heard.at_ms, &heard.message) {
                    self.happened(heard.at_ms, what, heard.message.device.as_str());
                }
            }
            Line::Up(up) => {
                if self.linked {
                    self.happened(up.at_ms, Happened::LinkUp, "");
                }
                self.linked = true;
            }
            Line::Down(down) => self.happened(down.at_ms, Happened::LinkDown, ""),
            Line::Gateway(gateway) => self.gateway.push(gateway.clone()),
            Line::Lost(lost) => {
                let sum = self.lost.entry(lost.what.clone()).or_default();
                *sum = sum.saturating_add(lost.count);
            }
            Line::Begin(_) | Line::Command(_) | Line::Injected(_) | Line::Ack(_) | Line::End(_) => {}
        }
    }

    fn happened(&mut self, at_ms: f64, what: Happened, device: &str) {
        self.events.push(Event { at_ms, what, device: device.to_owned() });
    }

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "checked to be positive; `as` saturates"
    )]
    fn report(&mut self, at_ms: f64, report: &Report) {
        let device = self.devices.entry(report.device.to_string()).or_default();
        // Several windows in one report cannot be taken apart: all of them belong to the run, or none counts.
        let begins_before =
            |closed_ms: f64| closed_ms < 0.0 || (report.merged > 1 && closed_ms < report.span_ms as f64);
        let closed_ms = device.arrived(at_ms, report, self.started_unix_ms);
        let Some(closed_ms) = closed_ms.filter(|closed_ms| !begins_before(*closed_ms)) else {
            self.early += 1;
            return;
        };
        if !device.is_new(report) {
            self.repeated += 1;
            return;
        }
        device.count(report);
        let second = self.seconds.entry((closed_ms / 1000.0) as u64).or_default();
        second.wakeup.add(&report.wakeup_us);
        second.jobs = second.jobs.saturating_add(report.jobs);
        second.misses = second.misses.saturating_add(report.misses);
        second.windows += 1;
        second.degraded += u64::from(report.mode == Mode::Degraded);
        let greatest_us = report.wakeup_us.max_ns().map_or(0.0, shared_proto::units::ns_to_micros);
        if greatest_us > second.greatest_us {
            (second.greatest_us, second.greatest_at_ms) = (greatest_us, closed_ms);
        }
    }

    /// Nothing more comes.
    pub(super) fn finish(mut self, begin: Begin, duration_ms: f64) -> Recorded {
        self.devices.retain(|_, device| device.was_there());
        let mut notes = Vec::new();
        let lost = std::mem::take(&mut self.lost);
        notes.extend(lost.iter().map(|(what, count)| format!("the recorder lost {count}: {what}")));
        if self.early > 0 {
            notes.push(format!("{} reports of before the beginning, or of an unknown time, were left out", self.early));
        }
        if self.repeated > 0 {
            notes.push(format!("{} reports came twice and count once", self.repeated));
        }
        let (mut wakeup, mut response) = (Times::default(), Times::default());
        let mut all = Vec::new();
        for gathered in self.devices.values() {
            wakeup.merge(&gathered.wakeup);
            response.merge(&gathered.response);
            all.push(&gathered.run);
        }
        let mut run = together(&all);
        run.scenario.clone_from(&begin.label);
        run.repetition = begin.run;
        run.elapsed_ms = duration_ms;
        run.wakeup_us = wakeup.distribution();
        run.response_us = response.distribution();
        let missing = self.devices.values().map(Gathered::missing).fold(0, u64::saturating_add);
        if missing > 0 {
            notes.push(format!("{missing} windows of the devices never came"));
        }
        let figures = self.figures();
        let mut recorded = Recorded {
            name: String::new(),
            path: None,
            ending: None,
            duration_ms,
            notes,
            devices: self
                .devices
                .into_iter()
                .map(|(name, gathered)| (name, gathered.finish(duration_ms, &begin.label)))
                .collect(),
            run,
            begin,
            seconds: self.seconds,
            gateway: self.gateway,
            events: self.events,
            reactions: self.reactions.into_list(),
        };
        let reaction_ms = stats::median(&recorded.injected_ms());
        recorded.run.gateway = Some(GatewayFigures { reaction_ms, ..figures });
        recorded
    }

    /// One figure each of the gateway.
    fn figures(&self) -> GatewayFigures {
        let span: f64 = self.gateway.iter().map(|sample| sample.span_ms).sum();
        let mean = |figure: fn(&Gateway) -> f64| {
            (span > 0.0).then(|| self.gateway.iter().map(|sample| figure(sample) * sample.span_ms).sum::<f64>() / span)
        };
        GatewayFigures {
            cpu: mean(|sample| sample.cpu),
            memory_kb: mean(|sample| sample.memory_used_kb as f64),
            reaction_ms: None,
        }
    }
}

/// Counts of several devices added up; what they do not have in common is not known.
fn together(runs: &[&Run]) -> Run {
    let Some(first) = runs.first() else { return Run::default() };
    let sum = |figure: fn(&Run) -> u64| runs.iter().fold(0u64, |sum, run| sum.saturating_add(figure(run)));
    let mut whole = Run { task: first.task.clone(), settings: first.settings.clone(), ..Run::default() };
    whole.releases = sum(|run| run.releases);
    whole.run = sum(|run| run.run);
    whole.skipped = sum(|run| run.skipped);
    whole.misses = sum(|run| run.misses);
    whole.lost_records = sum(|run| run.lost_records);
    whole.longest_miss_run = runs.iter().map(|run| run.longest_miss_run).max().unwrap_or(0);
    whole.mode_changes = runs.iter().fold(0u32, |sum, run| sum.saturating_add(run.mode_changes));
    whole.epochs = runs.iter().map(|run| run.epochs).max().unwrap_or(0);
    for run in runs {
        if run.task.period_us != whole.task.period_us {
            whole.epochs = whole.epochs.max(2);
            whole.task.period_us = whole.task.period_us.min(run.task.period_us);
        }
        whole.task.deadline_us = whole.task.deadline_us.min(run.task.deadline_us);
        let (mine, theirs) = (&mut whole.settings, &run.settings);
        if mine.schedule != theirs.schedule {
            mine.schedule = None;
        }
        mine.priority = mine.priority.min(theirs.priority);
        mine.locked &= theirs.locked;
        if mine.cpu != theirs.cpu {
            mine.cpu = None;
        }
        for refusal in &theirs.refused {
            if !mine.refused.contains(refusal) {
                mine.refused.push(refusal.clone());
            }
        }
    }
    whole
}
