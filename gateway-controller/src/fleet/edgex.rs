//! Devices that are known through EdgeX: readings come in, core-command answers commands.
//!
//! A reading is judged once, however often and whichever way it comes. A device that tells no mode is in the one that
//! core-command last confirmed.

use std::time::Duration;

use shared_proto::ids::{CommandId, DeviceId};
use shared_proto::mode::{Mode, ModeSource};
use shared_proto::policy::Observation;
use shared_proto::text::Reason;
use shared_proto::units::Ratio;
use shared_proto::wire::{DialectName, ReportRef};

use super::commands::Wire;
use super::device::{Device, Newest, Presence, Reported};
use super::identity::Identity;
use super::take::{Turn, millis};
use super::{Action, Fleet, Freshness, Moment, Refused, Rule};
use crate::event::{CommandResult, Commanded, Event, Observed};

/// What EdgeX tells of a device, all of one moment. Fresh by the gateway's clock: who hands it in has judged that.
#[derive(Debug, Clone, PartialEq)]
pub struct EdgexObserved {
    /// Misses per job.
    pub miss_rate: Ratio,
    /// When EdgeX received it: nanoseconds since 1970.
    pub origin_ns: i64,
    /// Run of the agent and number of the report, if the device tells them.
    pub report: Option<ReportRef>,
    /// Jobs in the window, if the device tells: none is no evidence.
    pub jobs: Option<u64>,
    /// The effective mode, if the device tells.
    pub mode: Option<Mode>,
    /// Who decided it, if the device tells.
    pub mode_source: Option<ModeSource>,
    /// CPU load, if the device tells.
    pub cpu: Option<Ratio>,
}

/// What became of a reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EdgexTaken {
    /// It was new, and judged.
    New,
    /// It, or a later one, was judged before.
    Known,
    /// The device speaks another wire to this controller, which counts alone.
    OtherWire,
}

/// A command for core-command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EdgexCommand {
    /// Its name; EdgeX does not see it.
    pub id: CommandId,
    /// The mode to take.
    pub mode: Mode,
}

/// core-command's answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EdgexAnswer {
    /// To the device of the command.
    pub device: DeviceId,
    /// The command.
    pub command: CommandId,
    /// What became of it.
    pub result: CommandResult,
    /// The HTTP status, if there was an answer.
    pub status: Option<u16>,
    /// From request to answer.
    pub took: Duration,
}

/// The newest reading of a device.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mark {
    origin_ns: i64,
    report: Option<ReportRef>,
    at: Moment,
    mode: ModeFrom,
}

/// Where the mode of a device is known from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ModeFrom {
    /// It tells itself.
    Device,
    /// From what core-command confirmed.
    Commands,
}

impl Mark {
    /// Whether a reading is newer than the one marked.
    fn is_before(&self, now: Moment, silent_after_ms: u64, observed: &EdgexObserved) -> bool {
        let silent = now.millis_since(self.at) > silent_after_ms;
        if let (Some(known), Some(seen)) = (self.report, observed.report)
            && known.boot == seen.boot
        {
            // If nothing newer came for long, a number was forged, and the device goes on counting from its own.
            return seen.seq > known.seq || silent && observed.origin_ns > self.origin_ns;
        }
        // Without numbers, or of another run: by EdgeX' clock. If nothing newer came for long and this is of now, that clock was
        // set back.
        observed.origin_ns > self.origin_ns || silent && observed.origin_ns < self.origin_ns
    }
}

impl Fleet {
    /// Takes in a reading of now.
    ///
    /// # Errors
    /// [`Refused`] if there are too many devices.
    pub fn edgex(
        &mut self,
        now: Moment,
        id: &DeviceId,
        observed: &EdgexObserved,
        out: &mut Vec<Action>,
    ) -> Result<EdgexTaken, Refused> {
        // What is no news is no sign of life either.
        if let Some(device) = self.devices.get(id) {
            if device.wire != Wire::Edgex {
                return Ok(EdgexTaken::OtherWire);
            }
            if device.mark.is_some_and(|mark| !mark.is_before(now, device.tie.silent_after_ms, observed)) {
                return Ok(EdgexTaken::Known);
            }
        }
        let rule = self.common.settings.rule;
        self.with_device(now, id, Wire::Edgex, Freshness::Live, out, |device, out| {
            device.take_edgex(now, id, observed, rule, out)
        })
        .map(|_| EdgexTaken::New)
    }

    /// Takes in core-command's answer.
    pub fn edgex_answer(&mut self, now: Moment, answer: &EdgexAnswer, out: &mut Vec<Action>) {
        let Some(device) = self.devices.get_mut(&answer.device) else { return };
        device.take_answer(now, answer, out);
        self.settle(now, &answer.device, None, out);
    }
}

impl Device {
    fn take_edgex(
        &mut self,
        now: Moment,
        id: &DeviceId,
        observed: &EdgexObserved,
        rule: Rule,
        out: &mut Vec<Action>,
    ) -> Option<Turn> {
        if let Some(ReportRef { boot, .. }) = observed.report
            && self.identity.boot() != Some(boot)
        {
            self.start_boot(boot);
            self.identity = Identity::Reported { boot };
            self.presence = Presence::Unheard;
        }
        let from = if observed.mode.is_some() { ModeFrom::Device } else { ModeFrom::Commands };
        self.mark = Some(Mark { origin_ns: observed.origin_ns, report: observed.report, at: now, mode: from });
        self.prove_presence(id, out);
        self.newest = Some(Newest {
            seq: observed.report.map(|report| report.seq),
            miss_rate: observed.miss_rate,
            wakeup_ns: None,
        });
        if let Some(mode) = observed.mode {
            let reported = Reported { mode, source: observed.mode_source, reason: Reason::default() };
            out.extend(self.observe(id, reported).map(Event::DeviceMode).map(Action::Tell));
        }
        let mode = self.reported.as_ref().map(|reported| reported.mode);
        out.push(Action::Tell(Event::Observed(Observed {
            device: id.clone(),
            dialect: DialectName::Edgex,
            miss_rate: observed.miss_rate,
            mode: mode.unwrap_or_default(),
        })));
        let Rule::Decide(config) = rule else { return None };
        let from = self.wanted();
        let window = Observation {
            elapsed_ms: 0,
            jobs: observed.jobs.unwrap_or(1),
            miss_rate: observed.miss_rate,
            cpu: observed.cpu,
        };
        let change = self.judge_arrival(&config, now, mode, window);
        self.turn(from, mode.unwrap_or_default(), change, observed.report)
    }

    fn take_answer(&mut self, now: Moment, answer: &EdgexAnswer, out: &mut Vec<Action>) {
        let Some(sent) = self.commands.finished(now, &answer.command) else { return };
        match answer.result {
            CommandResult::Done => {
                self.commands.confirm();
                self.commands.close_change(sent.mode);
                if !self.tells_mode() {
                    let reported = Reported { mode: sent.mode, source: None, reason: Reason::default() };
                    out.extend(self.observe(&answer.device, reported).map(Event::DeviceMode).map(Action::Tell));
                }
            }
            // It may answer the next one, which goes out with its next reading.
            CommandResult::NoAnswer => {}
            CommandResult::Unavailable => self.commands.back_off(),
            CommandResult::Locked | CommandResult::Misfit | CommandResult::Unauthorized => self.commands.rest(),
        }
        let changed = answer.result == CommandResult::Done && sent.change_since.is_some();
        if self.told_result.replace(answer.result) == Some(answer.result) && !changed {
            return;
        }
        out.push(Action::Tell(Event::Commanded(Commanded {
            device: answer.device.clone(),
            command_id: answer.command.clone(),
            mode: sent.mode,
            result: answer.result,
            status: answer.status,
            put_ms: millis(u64::try_from(answer.took.as_micros()).unwrap_or(u64::MAX)),
            round_trip_ms: sent.change_since.map(|since| millis(now.micros_since(since))),
        })));
    }

    /// Whether its reports tell its mode, rather than what EdgeX confirmed.
    fn tells_mode(&self) -> bool {
        self.wire == Wire::Native || self.mark.is_some_and(|mark| mark.mode == ModeFrom::Device)
    }
}
