//! Which commands are believed, and what is signed.

use shared_host::key_file::DeviceKeys;
use shared_proto::sign::{NotSigned, OVERHEAD, Refusal, sign_in_place, verify};

/// Whom the device believes.
#[derive(Debug, Clone, Default)]
pub enum Trust {
    /// Whoever may publish on its command topic: the broker sees to that.
    #[default]
    Broker,
    /// Whoever has the key.
    Key {
        /// Shared with the gateway.
        keys: Box<DeviceKeys>,
        /// Commands that are taken.
        commands: Commands,
        /// What the device itself publishes.
        own: Own,
    },
}

/// Commands that are taken by a device with a key. One with a wrong signature never is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Commands {
    /// Signed ones and unsigned ones.
    Any,
    /// Signed ones that say until when they may be taken.
    Signed,
}

/// What a device with a key publishes: reports, status, answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Own {
    /// As it is.
    Plain,
    /// Signed.
    Signed,
}

/// Why a message is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Doubt {
    #[error(transparent)]
    Signature(Refusal),
    #[error("signed, but it does not say until when it may be taken (`fresh`): anybody could repeat it later")]
    Unlimited,
}

impl Trust {
    /// Whether a payload on a topic is believed as far as its signature goes.
    pub(super) fn believe(&self, topic: &str, payload: &[u8]) -> Result<(), Doubt> {
        let Self::Key { keys, commands, .. } = self else { return Ok(()) };
        match verify(&keys.native, topic, payload) {
            Ok(_) => Ok(()),
            Err(Refusal::Unsigned) if *commands == Commands::Any => Ok(()),
            Err(refusal) => Err(Doubt::Signature(refusal)),
        }
    }

    /// Whether a command must say until when it may be taken.
    pub(super) fn wants_a_limit(&self) -> bool {
        matches!(self, Self::Key { commands: Commands::Signed, .. })
    }

    /// Signs what the device publishes, if it does.
    pub(super) fn seal(&self, topic: &str, mut payload: Vec<u8>) -> Result<Vec<u8>, NotSigned> {
        let Self::Key { keys, own: Own::Signed, .. } = self else { return Ok(payload) };
        let length = payload.len();
        payload.resize(length + OVERHEAD, 0);
        let signed = sign_in_place(&keys.native, topic, &mut payload, length)?;
        payload.truncate(signed);
        Ok(payload)
    }
}
