//! From the lines of an experiment file to what a report needs.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use shared_proto::ids::CommandId;
use shared_proto::mode::Mode;
use shared_proto::wire::{Ack, Outcome, Report};

use super::device::Gathered;
use super::recorded::{Caused, Event, Happened, Reacted, Recorded, Second};
use super::times::Times;
use crate::experiment::{Begin, Gateway, Line, Recording, RecordingError};
use crate::run::{GatewayFigures, Run};
use crate::stats;

/// Takes line after line.
#[derive(Debug, Default)]
pub(super) struct Gathering {
    devices: BTreeMap<String, Gathered>,
    seconds: BTreeMap<u64, Second>,
    gateway: Vec<Gateway>,
    events: Vec<Event>,
    /// Commands that wait for their answer.
    waiting: HashMap<CommandId, (f64, Caused)>,
    reactions: Vec<Reacted>,
    linked: bool,
    /// Windows from before the beginning.
    early: u64,
    repeated: u64,
    lost: BTreeMap<String, u64>,
}

/// Reads a file.
pub(super) fn recorded(path: &Path) -> Result<Recorded, RecordingError> {
    let mut recording = Recording::read(path)?;
    let mut gathering = Gathering::default();
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
    /// Takes the next line.
    pub(super) fn take(&mut self, line: &Line) {
        match line {
            Line::Report(heard) => self.report(heard.at_ms, &heard.message),
            Line::Status(heard) => {
                let device = self.devices.entry(heard.message.device.to_string()).or_default();
                if let Some(what) = device.status(heard.at_ms, &heard.message) {
                    self.happened(heard.at_ms, what, heard.message.device.as_str());
                }
            }
            Line::Command(command) if command.message.cause.is_some() => {
                self.waiting.entry(command.message.id.clone()).or_insert((command.at_ms, Caused::Crossing));
            }
            Line::Injected(injected) => {
                self.waiting.insert(injected.id.clone(), (injected.at_ms, Caused::Injected));
            }
            Line::Ack(heard) => self.ack(heard.at_ms, &heard.message),
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
            Line::Begin(_) | Line::Command(_) | Line::End(_) => {}
        }
    }

    fn happened(&mut self, at_ms: f64, what: Happened, device: &str) {
        self.events.push(Event { at_ms, what, device: device.to_owned() });
    }

    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked to be positive; `as` saturates")]
    fn report(&mut self, at_ms: f64, report: &Report) {
        let device = self.devices.entry(report.device.to_string()).or_default();
        let (closed_ms, what) = device.arrived(at_ms, report);
        if closed_ms < 0.0 {
            self.early += 1;
            return;
        }
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
        if let Some(what) = what {
            self.happened(at_ms, what, report.device.as_str());
        }
    }

    fn ack(&mut self, at_ms: f64, ack: &Ack) {
        let Some((sent_ms, cause)) = self.waiting.remove(&ack.id) else { return };
        // What was refused says nothing of how fast a mode changes.
        if matches!(ack.result, Outcome::Applied) {
            self.reactions.push(Reacted {
                at_ms: sent_ms,
                device: ack.device.to_string(),
                cause,
                to_ack_ms: at_ms - sent_ms,
                receipt_to_effect_us: ack.receipt_to_effect_us,
                reaction_us: ack.reaction_us,
            });
        }
    }

    /// Nothing more comes.
    pub(super) fn finish(mut self, begin: Begin, duration_ms: f64) -> Recorded {
        let mut notes = Vec::new();
        let lost = std::mem::take(&mut self.lost);
        notes.extend(lost.iter().map(|(what, count)| format!("the recorder lost {count}: {what}")));
        if self.early > 0 {
            notes.push(format!("{} reports of before the beginning were left out", self.early));
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
        run.gateway = Some(self.figures());
        let missing: u64 = self.devices.values().map(Gathered::missing).sum();
        if missing > 0 {
            notes.push(format!("{missing} windows of the devices never came"));
        }
        let unanswered = self.waiting.values().filter(|(_, cause)| *cause == Caused::Injected).count();
        Recorded {
            name: String::new(),
            path: None,
            ending: None,
            duration_ms,
            notes,
            devices: self.devices.into_iter().map(|(name, gathered)| (name, gathered.finish(duration_ms, &begin.label))).collect(),
            run,
            begin,
            seconds: self.seconds,
            gateway: self.gateway,
            events: self.events,
            reactions: self.reactions,
            unanswered: u64::try_from(unanswered).unwrap_or(u64::MAX),
        }
    }

    /// One figure each of the gateway.
    fn figures(&self) -> GatewayFigures {
        let span: f64 = self.gateway.iter().map(|sample| sample.span_ms).sum();
        let mean = |figure: fn(&Gateway) -> f64| {
            (span > 0.0).then(|| self.gateway.iter().map(|sample| figure(sample) * sample.span_ms).sum::<f64>() / span)
        };
        let reactions: Vec<f64> =
            self.reactions.iter().filter(|one| one.cause == Caused::Injected).map(|one| one.to_ack_ms).collect();
        GatewayFigures {
            cpu: mean(|sample| sample.cpu),
            memory_kb: mean(|sample| sample.memory_used_kb as f64),
            reaction_ms: stats::median(&reactions),
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
