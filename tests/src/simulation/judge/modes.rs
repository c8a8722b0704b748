//! Changes of mode, and agreement about it.

use device_agent::agent::Agent;
use device_agent::mode::Decision;
use device_agent::time::MonoTime;
use shared_host::mqtt::Token;
use shared_proto::mode::{Mode, ModeSource};

use super::super::time::Time;
use super::{Broken, Law};

/// What is ordered so shortly after somebody stronger let go is the way back, in milliseconds: two looks of the supervisor.
const WAY_BACK_MS: u64 = 50;

/// The changes of mode of one device.
#[derive(Debug, Default)]
pub(in super::super) struct Modes {
    mode: Mode,
    source: Option<ModeSource>,
    /// The mode has changed since the start.
    changed: bool,
    /// By policy, by the device's clock in milliseconds.
    changed_ms: Option<u64>,
    /// The change under way was ordered when somebody stronger let go.
    way_back: bool,
    is_switching: bool,
    /// When somebody stronger than a policy last had a say.
    meddled_ms: Option<u64>,
}

/// A change of mode.
#[derive(Debug, Clone, Copy)]
pub(in super::super) struct Change {
    pub(in super::super) to: Mode,
    pub(in super::super) source: ModeSource,
}

impl Modes {
    /// A new run begins in NORMAL.
    pub(in super::super) fn restarted(&mut self) {
        *self = Self::default();
    }

    /// An operator or the safety guard has a say.
    pub(in super::super) fn meddled(&mut self, now_ms: u64) {
        self.meddled_ms = Some(now_ms);
    }

    /// Whether a change of mode is under way.
    pub(in super::super) fn switching(&mut self, is_switching: bool, now_ms: u64) {
        if is_switching && !self.is_switching {
            self.way_back = self.meddled_ms.is_some_and(|meddled| now_ms <= meddled + WAY_BACK_MS);
        }
        self.is_switching = is_switching;
    }

    /// The mode, if by the device's own settings no policy may change it yet.
    pub(in super::super) fn settled(&self, agent: &Agent<Token>, now: MonoTime, dwell_ms: u64) -> Option<Mode> {
        let decision = agent.effective();
        let policys = matches!(decision.source, ModeSource::Gateway | ModeSource::Local);
        let young = self.changed && policys && !agent.is_switching() && agent.mode_age_ms(now) < dwell_ms;
        young.then_some(decision.mode)
    }

    /// The effective mode is this one since `since_ms`; the change, if it is one.
    pub(in super::super) fn see(
        &mut self,
        decision: &Decision,
        since_ms: u64,
        least_ms: u64,
    ) -> Result<Option<Change>, Broken> {
        let (mode, source) = (decision.mode, decision.source);
        self.changed |= mode != self.mode;
        let before = self.source.replace(source);
        if mode == self.mode {
            return Ok(None);
        }
        self.mode = mode;
        let change = Change { to: mode, source };
        // Neither what somebody stronger decides nor the way back from it is a policy's doing.
        let stronger = |source| matches!(source, Some(ModeSource::Operator | ModeSource::Safety));
        let person = decision.reason.as_str().starts_with("set-mode");
        let way_back = std::mem::take(&mut self.way_back);
        if stronger(before) || person || way_back || !matches!(source, ModeSource::Gateway | ModeSource::Local) {
            self.changed_ms = None;
            return Ok(Some(change));
        }
        let before = self.changed_ms.replace(since_ms);
        let free = before.filter(|before| self.meddled_ms.is_none_or(|meddled| meddled < *before));
        match free {
            Some(before) if since_ms.saturating_sub(before) < least_ms => Err(Broken::new(
                Law::NoFlap,
                format!(
                    "{mode} by {source} {} ms after the change before; {least_ms} ms must lie between",
                    since_ms.saturating_sub(before)
                ),
            )),
            _ => Ok(Some(change)),
        }
    }
}

/// How long device and controller have disagreed.
#[derive(Debug, Default)]
pub(in super::super) struct Agreement {
    since: Option<Time>,
}

impl Agreement {
    /// The device's mode and the controller's wish are these.
    pub(in super::super) fn see(
        &mut self,
        mode: Mode,
        wanted: Option<Mode>,
        now: Time,
        longest_ms: u64,
    ) -> Result<(), Broken> {
        if wanted == Some(mode) {
            self.since = None;
            return Ok(());
        }
        let since = *self.since.get_or_insert(now);
        if now.ms_since(since) <= longest_ms {
            return Ok(());
        }
        let wanted = wanted.map_or("nothing", Mode::as_str);
        let how = format!("it is {mode}, and the controller has wanted {wanted} for {} ms", now.ms_since(since));
        Err(Broken::new(Law::Agreement, how))
    }

    pub(in super::super) fn reset(&mut self) {
        self.since = None;
    }
}
