//! The two modes of a device, and who decided.

use core::fmt;
use core::str::FromStr;

use serde::{Deserialize, Serialize};

/// What a device does: its full work, or less of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Mode {
    /// The full work.
    #[default]
    Normal,
    /// Less work, so that deadlines hold.
    Degraded,
}

impl Mode {
    /// The word on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Normal => "NORMAL",
            Self::Degraded => "DEGRADED",
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A word that is not a mode.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("unknown mode: allowed are normal and degraded")]
pub struct UnknownMode;

impl FromStr for Mode {
    type Err = UnknownMode;

    /// Reads a mode in upper or lower case, as people type it. (On the wire only upper case counts.)
    fn from_str(text: &str) -> Result<Self, UnknownMode> {
        [Self::Normal, Self::Degraded].into_iter().find(|m| text.eq_ignore_ascii_case(m.as_str())).ok_or(UnknownMode)
    }
}

/// Who decided the mode, strongest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ModeSource {
    /// A person at the device (`hold`).
    Operator,
    /// The device protects itself: real-time thread stalled, under-voltage, over-temperature.
    Safety,
    /// The gateway, by a command whose lease is valid.
    Gateway,
    /// The device's own policy, without a valid lease.
    Local,
    /// Nobody: the device is in NORMAL because nothing says otherwise.
    Default,
}

impl ModeSource {
    /// The word on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Operator => "operator",
            Self::Safety => "safety",
            Self::Gateway => "gateway",
            Self::Local => "local",
            Self::Default => "default",
        }
    }
}

impl fmt::Display for ModeSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
