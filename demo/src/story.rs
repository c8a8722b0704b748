//! What happened, as the gateway saw it: per device, per mode change, with and without load.

use std::collections::{BTreeMap, HashMap};

use gateway_controller::event::Event;
use serde::Serialize;
use shared_proto::ids::{CommandId, DeviceId};
use shared_proto::mode::{Mode, ModeSource};
use shared_proto::text::Reason;
use shared_proto::units::Ratio;
use shared_proto::wire::{Outcome, Report, Totals};

/// Whether the hog burns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Load {
    /// It rests.
    Off,
    /// It burns.
    On,
}

/// Everything so far.
#[derive(Debug, Default)]
pub struct Story {
    devices: BTreeMap<DeviceId, Device>,
    changes: Vec<ModeChange>,
    /// Why the controller sent a command.
    reasons: HashMap<CommandId, Reason>,
}

/// One device.
#[derive(Debug, Default)]
pub struct Device {
    /// Its latest report.
    pub latest: Option<Box<Report>>,
    /// Reaction time of the latest mode change that the gateway commanded, in milliseconds.
    pub last_reaction_ms: Option<f64>,
    received: Totals,
    reports: u64,
    mode: Mode,
    under: BTreeMap<(Load, ModeName), Totals>,
}

/// A mode by its name: modes themselves have no order.
type ModeName = &'static str;

/// One change of mode.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ModeChange {
    /// The device.
    pub device: DeviceId,
    /// The mode before.
    pub from: Mode,
    /// The mode after.
    pub to: Mode,
    /// Who decided it.
    pub source: Option<ModeSource>,
    /// Why.
    pub reason: Reason,
    /// From the close of the window whose report led to it, to GPIO and workload having changed, in milliseconds on the
    /// device's clock; `null` for a change that the gateway did not command.
    pub reaction_ms: Option<f64>,
}

/// Jobs in one situation, summed over all devices.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Situation {
    /// Whether the hog burned.
    pub load: Load,
    /// The mode.
    pub mode: Mode,
    /// Releases, run or skipped.
    pub jobs: u64,
    /// Misses, skipped releases included.
    pub misses: u64,
    /// Misses per job.
    pub miss_rate: Ratio,
}

/// What the gateway received in all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Received {
    /// Counts of all reports.
    pub total: Totals,
    /// Reports; a merged one counts as many as it holds.
    pub reports: u64,
}

impl Story {
    /// Takes in an event. A mode change is given back, for the one who prints it.
    pub fn tell(&mut self, event: Event, load: Load) -> Option<ModeChange> {
        match event {
            Event::Report(report) => {
                self.report(report, load);
                None
            }
            Event::Decision(decision) => {
                if let Some(id) = decision.command_id {
                    self.reasons.insert(id, decision.reason);
                }
                None
            }
            Event::Applied(applied) if applied.result == Outcome::Applied => {
                let reason = self.reasons.remove(&applied.command_id).unwrap_or_default();
                let reaction_ms = applied.reaction_us.map(|us| us / 1000.0);
                self.devices.entry(applied.device.clone()).or_default().last_reaction_ms = reaction_ms;
                self.change(applied.device, applied.mode, Some(applied.mode_source), reason, reaction_ms)
            }
            Event::DeviceMode(seen) => self.change(seen.device, seen.to, seen.source, seen.reason, None),
            _ => None,
        }
    }

    fn change(
        &mut self,
        device: DeviceId,
        to: Mode,
        source: Option<ModeSource>,
        reason: Reason,
        reaction_ms: Option<f64>,
    ) -> Option<ModeChange> {
        let known = self.devices.entry(device.clone()).or_default();
        let from = std::mem::replace(&mut known.mode, to);
        // A change is told by its acknowledgement and again by the next report.
        if from == to {
            return None;
        }
        let change = ModeChange { device, from, to, source, reason, reaction_ms };
        self.changes.push(change.clone());
        Some(change)
    }

    fn report(&mut self, report: Box<Report>, load: Load) {
        let device = self.devices.entry(report.device.clone()).or_default();
        add(&mut device.received, &report);
        add(device.under.entry((load, report.mode.as_str())).or_default(), &report);
        device.reports += u64::from(report.merged);
        device.latest = Some(report);
    }

    /// The devices by name.
    pub fn devices(&self) -> impl Iterator<Item = (&DeviceId, &Device)> {
        self.devices.iter()
    }

    /// All mode changes.
    #[must_use]
    pub fn changes(&self) -> &[ModeChange] {
        &self.changes
    }

    /// What was received from one device.
    #[must_use]
    pub fn received(&self, device: &DeviceId) -> Received {
        self.devices.get(device).map_or_else(Received::default, |d| Received { total: d.received, reports: d.reports })
    }

    /// Jobs and misses with and without load, in both modes.
    #[must_use]
    pub fn situations(&self) -> Vec<Situation> {
        let situations = [
            (Load::Off, Mode::Normal),
            (Load::On, Mode::Normal),
            (Load::On, Mode::Degraded),
            (Load::Off, Mode::Degraded),
        ];
        situations
            .into_iter()
            .filter_map(|(load, mode)| {
                let counts = self.devices.values().filter_map(|device| device.under.get(&(load, mode.as_str())));
                let (jobs, misses) = counts.fold((0, 0), |(j, m), counts| (j + counts.jobs, m + counts.misses));
                (jobs > 0).then(|| Situation { load, mode, jobs, misses, miss_rate: Ratio::of(misses, jobs) })
            })
            .collect()
    }
}

fn add(total: &mut Totals, report: &Report) {
    total.jobs += report.jobs;
    total.misses += report.misses;
    total.skipped += report.skipped;
}
