//! How long it takes from a command, or from the report that led to it, until a device has another mode.

use std::collections::{HashMap, VecDeque};

use shared_proto::ids::{BootId, CommandId, DeviceId};
use shared_proto::mode::Mode;
use shared_proto::wire::{Ack, Outcome, Report, ReportRef};

use super::{Command, Heard, Injected, Line};

/// Reports of a device that are remembered for commands that name them: half a minute at ten a second.
const REMEMBERED: usize = 300;

/// Why a device was asked to change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ReactionKind {
    /// The recorder asked, to measure.
    Injected,
    /// A policy did, because of a report in NORMAL whose miss rate was above the threshold.
    Crossing,
}

/// A command that asks for a change, and what came of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Reaction {
    /// Why.
    pub kind: ReactionKind,
    /// The device.
    pub device: DeviceId,
    /// The command; the first one where a policy repeated it.
    pub id: CommandId,
    /// The mode that it asks for.
    pub mode: Mode,
    /// When it was handed to the recorder's connection or, of another's command, when it arrived here; in milliseconds since the
    /// start of the run.
    pub at_ms: f64,
    /// Crossing: from the arrival of the report that the command names until the command arrived here, in milliseconds.
    pub report_to_command_ms: Option<f64>,
    /// Crossing: the same from the first of the reports in a row that were above the threshold.
    pub streak_to_command_ms: Option<f64>,
    /// Injected: until the command came back from the broker, which sent it to the device at that time as well, in milliseconds.
    pub sent_to_broker_ms: Option<f64>,
    /// From `at_ms` to the arrival of the first acknowledgement, in milliseconds; `None` if there is none.
    pub sent_to_ack_ms: Option<f64>,
    /// What the device made of it; `None` if it has not answered.
    pub outcome: Option<Outcome>,
    /// The first job in the new mode, if it was applied.
    pub job: Option<u64>,
    /// On the device's clock, from the arrival of the command to its effect, in microseconds, if it was applied.
    pub receipt_to_effect_us: Option<f64>,
    /// On the device's clock, from the close of the report's window to the effect, in microseconds, if it was applied and names a
    /// report.
    pub reaction_us: Option<f64>,
}

impl Reaction {
    /// Whether the device has the mode because of this command.
    #[must_use]
    pub fn is_applied(&self) -> bool {
        self.outcome == Some(Outcome::Applied)
    }
}

/// Pairs the lines of one recording, in their order. Of a report it keeps three numbers.
#[derive(Debug)]
pub struct Reactions {
    degrade_above: f64,
    devices: HashMap<DeviceId, Device>,
    list: Vec<Reaction>,
}

#[derive(Debug, Default)]
struct Device {
    /// Reports above the threshold in NORMAL, the latest last.
    above: VecDeque<Above>,
    /// When the first of those in a row arrived.
    streak_since: Option<f64>,
    /// Place in the list of every command that waits for its answer.
    open: HashMap<CommandId, usize>,
    /// The crossing that waits for its answer.
    crossing: Option<Crossing>,
    /// Place of the latest injected command.
    injected: Option<usize>,
}

#[derive(Debug, Clone, Copy)]
struct Crossing {
    place: usize,
    boot: BootId,
    streak_since: f64,
}

#[derive(Debug)]
struct Above {
    report: ReportRef,
    at_ms: f64,
    streak_since: f64,
}

impl Reactions {
    /// Nothing yet, with the threshold of [`Setup::degrade_above`](super::Setup::degrade_above).
    #[must_use]
    pub fn new(degrade_above: f64) -> Self {
        Self { degrade_above, devices: HashMap::new(), list: Vec::new() }
    }

    /// Takes the next line.
    pub fn take(&mut self, line: &Line) {
        match line {
            Line::Report(Heard { at_ms, message }) => self.report(*at_ms, message),
            Line::Injected(injected) => self.injected(injected),
            Line::Command(command) => self.command(command),
            Line::Ack(Heard { at_ms, message }) => self.ack(*at_ms, message),
            _ => {}
        }
    }

    /// All so far, in the order of their commands.
    #[must_use]
    pub fn list(&self) -> &[Reaction] {
        &self.list
    }

    /// How many have no answer.
    #[must_use]
    pub fn unanswered(&self) -> usize {
        self.list.iter().filter(|reaction| reaction.outcome.is_none()).count()
    }

    /// All, in the order of their commands.
    #[must_use]
    pub fn into_list(self) -> Vec<Reaction> {
        self.list
    }

    fn report(&mut self, at_ms: f64, report: &Report) {
        let device = self.devices.entry(report.device.clone()).or_default();
        if report.mode != Mode::Normal || report.miss_rate.get() <= self.degrade_above {
            device.streak_since = None;
            return;
        }
        let streak_since = *device.streak_since.get_or_insert(at_ms);
        if device.above.len() == REMEMBERED {
            device.above.pop_front();
        }
        let report = ReportRef { boot: report.boot, seq: report.seq };
        device.above.push_back(Above { report, at_ms, streak_since });
    }

    fn injected(&mut self, injected: &Injected) {
        let device = self.devices.entry(injected.device.clone()).or_default();
        // A mode that is not given back is given back again: one reaction, until there is an answer.
        let before = device.injected.and_then(|place| Some((place, self.list.get(place)?)));
        if let Some((place, before)) = before
            && injected.mode == Mode::Normal
            && before.mode == Mode::Normal
            && before.outcome.is_none()
        {
            device.open.insert(injected.id.clone(), place);
            return;
        }
        device.open.insert(injected.id.clone(), self.list.len());
        device.injected = Some(self.list.len());
        let Injected { device, id, at_ms, mode } = injected.clone();
        self.list.push(Reaction { at_ms, ..Reaction::new(ReactionKind::Injected, device, id, mode) });
    }

    fn command(&mut self, command: &Command) {
        let Command { at_ms, device: name, message } = command;
        let device = self.devices.entry(name.clone()).or_default();
        if let Some(sent) = device.open.get(&message.id).and_then(|place| self.list.get_mut(*place)) {
            sent.sent_to_broker_ms.get_or_insert(at_ms - sent.at_ms);
            return;
        }
        let Some(cause) = message.cause.filter(|_| message.mode == Mode::Degraded) else { return };
        let Some(above) = device.above.iter().rev().find(|above| above.report == cause) else { return };
        // A policy that has no answer asks again. Another run of the agent, or a later row of reports, is another crossing.
        let same = |open: &Crossing| open.boot == cause.boot && above.streak_since <= open.streak_since;
        if let Some(open) = device.crossing.filter(same) {
            device.open.insert(message.id.clone(), open.place);
            return;
        }
        let place = self.list.len();
        device.open.insert(message.id.clone(), place);
        device.crossing = Some(Crossing { place, boot: cause.boot, streak_since: above.streak_since });
        self.list.push(Reaction {
            at_ms: *at_ms,
            report_to_command_ms: Some(at_ms - above.at_ms),
            streak_to_command_ms: Some(at_ms - above.streak_since),
            ..Reaction::new(ReactionKind::Crossing, name.clone(), message.id.clone(), message.mode)
        });
    }

    fn ack(&mut self, at_ms: f64, ack: &Ack) {
        let Some(device) = self.devices.get_mut(&ack.device) else { return };
        let Some(place) = device.open.remove(&ack.id) else { return };
        device.crossing.take_if(|open| open.place == place);
        let Some(reaction) = self.list.get_mut(place).filter(|reaction| reaction.outcome.is_none()) else { return };
        reaction.sent_to_ack_ms = Some(at_ms - reaction.at_ms);
        reaction.outcome = Some(ack.result);
        reaction.job = ack.job;
        reaction.receipt_to_effect_us = ack.receipt_to_effect_us;
        reaction.reaction_us = ack.reaction_us;
    }
}

impl Reaction {
    /// Without any time.
    fn new(kind: ReactionKind, device: DeviceId, id: CommandId, mode: Mode) -> Self {
        Self {
            kind,
            device,
            id,
            mode,
            at_ms: 0.0,
            report_to_command_ms: None,
            streak_to_command_ms: None,
            sent_to_broker_ms: None,
            sent_to_ack_ms: None,
            outcome: None,
            job: None,
            receipt_to_effect_us: None,
            reaction_us: None,
        }
    }
}

/// Pairs commands with their acknowledgements in the lines of one recording. Those without an answer are in the list too.
#[must_use]
pub fn reactions<'a>(lines: impl IntoIterator<Item = &'a Line>, degrade_above: f64) -> Vec<Reaction> {
    let mut reactions = Reactions::new(degrade_above);
    lines.into_iter().for_each(|line| reactions.take(line));
    reactions.into_list()
}
