//! Device to gateway: what became of a command.

use serde::{Deserialize, Serialize};

use super::Version;
use crate::ids::{BootId, CommandId, DeviceId};
use crate::mode::{Mode, ModeSource};
use crate::text::Reason;

/// What became of a command; sent when the mode has taken effect, not when it was heard.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ack {
    /// Version of the wire.
    pub v: Version,
    /// The command.
    pub id: CommandId,
    /// The device.
    pub device: DeviceId,
    /// Run of the agent.
    pub boot: BootId,
    /// What became of it.
    pub result: Outcome,
    /// Why, if there is something to say.
    #[serde(default)]
    pub reason: Reason,
    /// The mode in effect now.
    pub mode: Mode,
    /// Who decided it: stronger than the gateway if the command was overruled.
    pub mode_source: ModeSource,
    /// `applied`: the first job in the new mode, counted in releases since the agent's start.
    #[serde(default)]
    pub job: Option<u64>,
    /// `applied`: from the arrival of the command to the GPIO lines and the workload having changed, in microseconds.
    #[serde(default)]
    pub receipt_to_effect_us: Option<f64>,
    /// `applied` with a `cause`: from the close of that report's window to the effect, in microseconds on the device's clock.
    #[serde(default)]
    pub reaction_us: Option<f64>,
}

/// What became of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// The mode changed.
    Applied,
    /// The command holds, but the effective mode stays: it was that already, or something stronger decides.
    Unchanged,
    /// The command was not taken; the reason says why.
    Rejected,
    /// The command came too late, or was meant for another run: it was not taken.
    Expired,
    /// The command was taken before, by an earlier run of the agent that ended before its answer was kept.
    Duplicate,
}
