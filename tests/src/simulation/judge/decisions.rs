//! On which reports the controller decides.

use std::collections::BTreeMap;

use shared_proto::ids::BootId;
use shared_proto::wire::{Report, Status};

use super::super::time::Time;
use super::{Broken, Law};

/// How old a report may be that leads to a decision, in milliseconds.
const STALE_MS: u64 = 2_000;
/// What rounding and the slowest crystal may add, in milliseconds.
const SLACK_MS: u64 = 50;

/// What one controller can know of the device's times.
#[derive(Debug, Default)]
pub(in super::super) struct Decisions {
    /// By run: the latest device time that it was told, carried forward to time zero of the world.
    offsets: BTreeMap<BootId, i128>,
}

impl Decisions {
    pub(in super::super) fn report(&mut self, report: &Report, now: Time) {
        self.told(report.boot, report.up_ms, now);
    }

    pub(in super::super) fn status(&mut self, status: &Status, now: Time) {
        if let Some(up_ms) = status.up_ms {
            self.told(status.boot, up_ms, now);
        }
    }

    fn told(&mut self, boot: BootId, up_ms: u64, now: Time) {
        let offset = i128::from(up_ms) - i128::from(now.us() / 1_000);
        let best = self.offsets.entry(boot).or_insert(offset);
        *best = offset.max(*best);
    }

    /// The controller has changed its mind because of a report that the device closed at `up_ms` on its clock.
    pub(in super::super) fn decided(&self, boot: BootId, up_ms: u64, now: Time) -> Result<(), Broken> {
        let Some(offset) = self.offsets.get(&boot) else { return Ok(()) };
        let age_ms = i128::from(now.us() / 1_000) + offset - i128::from(up_ms);
        if age_ms <= i128::from(STALE_MS + SLACK_MS) {
            return Ok(());
        }
        let how = format!("it decided on a report of {age_ms} ms ago, and had been told a later time of the device");
        Err(Broken::new(Law::NoOldDecision, how))
    }

    /// Whether a report is too old to decide by.
    pub(in super::super) fn is_old(&self, report: &Report, now: Time) -> bool {
        self.decided(report.boot, report.up_ms, now).is_err()
    }
}
