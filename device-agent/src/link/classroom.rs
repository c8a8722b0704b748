//! The classroom's wire, signed or not.

use shared_host::json::{DecodeError, decode_lab_command, encode};
use shared_host::lab_sign::{self, MetricsMessage, Nonce, NotFresh, Now, ReplayGuard, Wall};
use shared_proto::dialect::lab;
use shared_proto::ids::{BootId, DeviceId};
use shared_proto::limits::MAX_ACK;

use crate::agent::Refused;

use super::trust::{Commands, Own, Trust};

/// What is remembered of the commands, and what makes nonces.
#[derive(Debug)]
pub(super) struct Classroom {
    device: DeviceId,
    /// Nothing before the first signed command of this run.
    guard: Option<ReplayGuard>,
    nonces: fastrand::Rng,
}

/// Why a classroom command is not taken.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refusal {
    #[error(transparent)]
    Unreadable(#[from] DecodeError),
    #[error(transparent)]
    Signature(#[from] lab_sign::Refusal),
    #[error(transparent)]
    NotFresh(#[from] NotFresh),
}

impl Refusal {
    /// How it is counted.
    pub(super) fn kind(&self) -> Refused {
        match self {
            Self::Unreadable(error) => super::kind(error),
            Self::Signature(lab_sign::Refusal::Unsigned) => Refused::Unsigned,
            Self::Signature(lab_sign::Refusal::Oversize(_)) => Refused::Oversize,
            Self::Signature(lab_sign::Refusal::Malformed(_) | lab_sign::Refusal::TooDeep) => Refused::Malformed,
            Self::Signature(_) => Refused::Forged,
            Self::NotFresh(_) => Refused::Expired,
        }
    }
}

impl Classroom {
    /// `boot` is random, so nonces of one run differ from those of others.
    pub(super) fn new(device: DeviceId, boot: BootId) -> Self {
        Self { device, guard: None, nonces: fastrand::Rng::with_seed(boot.0) }
    }

    /// The command in a message, if it is to be believed. `kept` is what [`Self::to_keep`] gave to an earlier run.
    pub(super) fn command(
        &mut self,
        trust: &Trust,
        payload: &[u8],
        (up_ms, wall): (u64, Wall),
        kept: impl Fn() -> Option<String>,
    ) -> Result<lab::Command, Refusal> {
        let Trust::Key { keys, commands, .. } = trust else { return Ok(decode_lab_command(payload)?) };
        match lab_sign::verify(&keys.lab, &self.device, payload) {
            Ok(message) => {
                let command = message.command()?;
                let restore = || {
                    let mark = kept().and_then(|text| serde_json::from_slice(text.as_bytes()).ok());
                    mark.map_or_else(ReplayGuard::default, ReplayGuard::restored)
                };
                let guard = self.guard.get_or_insert_with(restore);
                guard.admit(message.stamp(), Now { up_ms, wall })?;
                Ok(command)
            }
            Err(lab_sign::Refusal::Unsigned) if *commands == Commands::Any => Ok(decode_lab_command(payload)?),
            Err(refusal) => Err(refusal.into()),
        }
    }

    /// What a later run needs to know, so that no recording of today is taken then.
    pub(super) fn to_keep(&self) -> Option<String> {
        serde_json::to_string(&self.guard.as_ref()?.mark()?).ok()
    }

    /// Metrics as they go out; `None` cannot happen, as they fit their limit.
    pub(super) fn metrics(&mut self, trust: &Trust, metrics: &lab::Metrics) -> Option<Vec<u8>> {
        let Trust::Key { keys, own: Own::Signed, .. } = trust else { return encode(metrics, MAX_ACK).ok() };
        let message = MetricsMessage {
            device_id: self.device.clone(),
            ts_ms: millis(metrics.timestamp),
            nonce: Nonce(self.nonces.u32(..)),
            data: metrics.into(),
        };
        lab_sign::sign(&keys.lab, &message).ok()
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a time of day since 1970")]
fn millis(seconds: f64) -> u64 {
    (seconds * 1000.0).round() as u64
}
