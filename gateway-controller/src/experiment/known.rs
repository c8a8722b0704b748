//! What the recorder needs to know of a device to command it.

use std::collections::BTreeMap;

use shared_proto::ids::{BootId, DeviceId};
use shared_proto::mode::{Mode, ModeSource};
use shared_proto::wire::{Fresh, Report};

/// How long the last report holds true, in milliseconds.
const HOLDS_MS: f64 = 3_000.0;
/// How long after the device's time a command may be taken, in milliseconds: one that was held up measures nothing.
const TTL_MS: u32 = 2_000;

/// The newest report of each device.
pub(super) type Known = BTreeMap<DeviceId, Newest>;

/// The newest report of a device.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Newest {
    boot: BootId,
    up_ms: u64,
    /// When it arrived, in milliseconds since the start of the run.
    at_ms: f64,
    mode: Mode,
    source: ModeSource,
}

impl Newest {
    pub(super) fn of(report: &Report, at_ms: f64) -> Self {
        let Report { boot, up_ms, mode, mode_source, .. } = *report;
        Self { boot, up_ms, at_ms, mode, source: mode_source }
    }

    /// Whether this is news after `known`, of a device whose latest status is of the run `status`.
    pub(super) fn replaces(&self, known: &Self, status: Option<&BootId>) -> bool {
        if self.boot == known.boot { self.up_ms > known.up_ms } else { status.is_none_or(|boot| *boot == self.boot) }
    }

    /// Whether the device is there, in NORMAL, and would take a command.
    pub(super) fn takes_commands(&self, now_ms: f64) -> bool {
        let led = !matches!(self.source, ModeSource::Operator | ModeSource::Safety);
        now_ms - self.at_ms < HOLDS_MS && self.mode == Mode::Normal && led
    }

    /// Whether the device is known to be in NORMAL.
    pub(super) fn is_normal(&self, now_ms: f64) -> bool {
        now_ms - self.at_ms < HOLDS_MS && self.mode == Mode::Normal
    }

    /// Until when a command of now may be taken.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "not below 0, and saturating")]
    pub(super) fn fresh(&self, now_ms: f64) -> Fresh {
        let since_ms = (now_ms - self.at_ms).max(0.0) as u64;
        Fresh { boot: self.boot, up_ms: self.up_ms.saturating_add(since_ms), ttl_ms: TTL_MS }
    }
}

#[cfg(test)]
impl Newest {
    /// A device in this mode, heard at `at_ms`.
    pub(super) fn heard(mode: Mode, source: ModeSource, at_ms: f64) -> Self {
        Self { boot: BootId(7), up_ms: 1_000, at_ms, mode, source }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_kept_is_no_news() {
        let of =
            |boot, up_ms| Newest { boot: BootId(boot), up_ms, ..Newest::heard(Mode::Normal, ModeSource::Gateway, 0.0) };
        let known = of(7, 1_000);
        for (newest, status, news) in
            [(of(7, 1_200), 7, true), (of(7, 800), 7, false), (of(6, 9_000), 7, false), (of(8, 200), 8, true)]
        {
            assert_eq!(newest.replaces(&known, Some(&BootId(status))), news, "{newest:?}");
        }
        assert!(of(8, 200).replaces(&known, None), "nothing else is known");
    }
}
