//! What the measuring thread asked of the kernel, and what it got.

use serde::{Deserialize, Serialize};
use shared_proto::wire::Schedule;

/// Settings of the thread, asked and granted.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// What was asked for, like `scheduler=fifo 80`.
    pub asked: Vec<String>,
    /// What was granted, in the same words.
    pub granted: Vec<String>,
    /// What was refused.
    pub refused: Vec<Refusal>,
    /// Scheduling granted; `null` if not known.
    pub schedule: Option<Schedule>,
    /// Priority granted; 0 without a real-time scheduler.
    pub priority: u8,
    /// CPU that the thread is bound to; `null` if it is not.
    pub cpu: Option<u16>,
    /// Whether memory is locked.
    pub locked: bool,
}

/// One setting that the machine refused.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Refusal {
    /// The setting, in the words of [`Settings::asked`].
    pub setting: String,
    /// What the kernel said.
    #[serde(default)]
    pub why: String,
    /// What would help.
    #[serde(default)]
    pub advice: String,
}
