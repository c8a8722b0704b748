//! Device to gateway, retained: who is there. Also the will, which the broker publishes when the device is lost.

use heapless::Vec;
use serde::{Deserialize, Serialize};

use super::{Task, Version};
use crate::ids::{BootId, DeviceId};
use crate::mode::{Mode, ModeSource};
use crate::text::{Name, Reason, Text};

/// Who is there, since when, and with what.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Status {
    /// Version of the wire.
    pub v: Version,
    /// The device.
    pub device: DeviceId,
    /// Run of the agent.
    pub boot: BootId,
    /// Connection attempts of that run. A will with an older `(boot, conn)` than the current one is stale news.
    pub conn: u64,
    /// Device time when this was sent, see [`Report::up_ms`](super::Report::up_ms). A will has none: nobody knows when it is sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub up_ms: Option<u64>,
    /// Whether the device is there.
    pub online: bool,
    /// How it went, if it is not there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub departure: Option<Departure>,
    /// Version of the agent.
    pub version: Name,
    /// Effective mode.
    pub mode: Mode,
    /// Who decided it.
    pub mode_source: ModeSource,
    /// Why.
    #[serde(default)]
    pub reason: Reason,
    /// What the device protects itself against at present, also when its task cannot follow because it is stalled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub danger: Option<Reason>,
    /// The task.
    pub task: Task,
    /// Message formats that the device speaks on this connection.
    #[serde(default)]
    pub dialects: Dialects,
    /// Real-time settings, asked and granted.
    #[serde(default)]
    pub settings: Settings,
    /// The board, or the processor of a machine that is none. A device does not have to tell, here and below.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<Text<64>>,
    /// Release of its kernel.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kernel: Option<Text<64>>,
    /// Whether that kernel is built with PREEMPT_RT.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preempt_rt: Option<bool>,
}

/// How a device went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Departure {
    /// It said good-bye.
    Stopped,
    /// The connection broke: the broker's words, not the device's.
    Lost,
}

/// Message formats on one connection.
pub type Dialects = Vec<DialectName, 4>;

/// A message format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DialectName {
    /// This crate's own.
    Native,
    /// The classroom's, see [`crate::dialect::lab`].
    Lab,
    /// EdgeX Foundry's, see [`crate::dialect::edgex`].
    Edgex,
}

/// Real-time settings of the task's thread.
pub type Settings = Vec<Setting, 10>;

/// One real-time setting: what was asked, and what came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Setting {
    /// Which, for example `scheduler`.
    pub name: Name,
    /// What was asked, for example `fifo 80`.
    pub asked: Name,
    /// What came of it.
    pub outcome: SettingOutcome,
    /// Why it was refused.
    #[serde(default, skip_serializing_if = "Text::is_empty")]
    pub why: Text<64>,
}

/// What came of a setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SettingOutcome {
    /// The system took it.
    Granted,
    /// The system refused it.
    Refused,
}
