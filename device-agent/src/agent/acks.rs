//! Answers to commands: what is still to take effect, and the times that an answer tells.

use std::collections::VecDeque;

use shared_proto::ids::CommandId;
use shared_proto::mode::ModeSource;
use shared_proto::text::Reason;
use shared_proto::units::ns_to_micros;
use shared_proto::wire::{Ack, Outcome, SetMode, Version};

use super::{Identity, Order};
use crate::mode::Decision;
use crate::rt::Effect;
use crate::time::MonoTime;

/// Reports whose close is remembered: enough for a gateway that reacts within 12 s at 200 ms.
const CLOSES: usize = 64;

/// A command on its way to the next release.
#[derive(Debug)]
pub(super) struct Pending {
    pub(super) order: Order,
    pub(super) decision: Decision,
    pub(super) command: SetMode,
    pub(super) received: MonoTime,
}

impl Pending {
    /// The answer, now that `effect` is in effect.
    pub(super) fn answer(self, identity: &Identity, effect: &Effect, effective: &Decision, closes: &CloseTimes) -> Ack {
        if effect.change != self.order.change {
            return self.superseded(identity, effective);
        }
        let cause = self.command.cause.filter(|cause| cause.boot == identity.boot);
        let closed = cause.and_then(|cause| closes.of(cause.seq));
        Ack {
            job: Some(effect.job),
            receipt_to_effect_us: Some(ns_to_micros(effect.at.nanos_since(self.received))),
            reaction_us: closed.map(|closed| ns_to_micros(effect.at.nanos_since(closed))),
            // What it was when it took effect; something else may have been decided since.
            ..plain(identity, &self.command.id, Outcome::Applied, &self.decision)
        }
    }

    /// The answer to a command that another one overtook.
    pub(super) fn superseded(self, identity: &Identity, effective: &Decision) -> Ack {
        let mut ack = plain(identity, &self.command.id, Outcome::Unchanged, effective);
        ack.reason = Reason::from("superseded before the next release");
        ack
    }
}

/// Whether a mode that `source` decides is what the command asks for: the gateway's, or the device's own after it let go.
pub(super) fn leads_to(command: &SetMode, source: ModeSource) -> bool {
    match command.lease_ms.millis() {
        Some(_) => source == ModeSource::Gateway,
        None => matches!(source, ModeSource::Local | ModeSource::Default),
    }
}

/// An answer without times.
pub(super) fn plain(identity: &Identity, id: &CommandId, result: Outcome, effective: &Decision) -> Ack {
    Ack {
        v: Version,
        id: id.clone(),
        device: identity.device.clone(),
        boot: identity.boot,
        result,
        reason: Reason::default(),
        mode: effective.mode,
        mode_source: effective.source,
        job: None,
        receipt_to_effect_us: None,
        reaction_us: None,
    }
}

/// When the latest windows were closed.
#[derive(Debug, Default)]
pub(super) struct CloseTimes(VecDeque<(u64, MonoTime)>);

impl CloseTimes {
    pub(super) fn closed(&mut self, seq: u64, at: MonoTime) {
        if self.0.len() == CLOSES {
            self.0.pop_front();
        }
        self.0.push_back((seq, at));
    }

    fn of(&self, seq: u64) -> Option<MonoTime> {
        self.0.iter().find(|(known, _)| *known == seq).map(|&(_, at)| at)
    }
}
