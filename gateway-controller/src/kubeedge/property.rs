//! The properties that a device can report.

use serde::Deserialize;

use crate::fleet::Brief;

use super::value::TwinValue;

/// A property, by the name that a KubeEdge device declares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Property {
    /// `mode`: NORMAL or DEGRADED; the only one that can be desired.
    Mode,
    /// `mode_source`: who decided it.
    ModeSource,
    /// `miss_rate`: 0 to 1.
    MissRate,
    /// `seq`: number of the newest report.
    Seq,
    /// `version`: of the agent.
    Version,
}

/// When a value is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cadence {
    /// As soon as it is another one.
    OnChange,
    /// When it is clearly another one, and not often.
    Calmly,
    /// With the next full report.
    Slowly,
}

/// A miss rate is clearly another one when it differs by so much.
const CLEARLY: f64 = 0.01;

impl Property {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Mode, Self::ModeSource, Self::MissRate, Self::Seq, Self::Version];

    /// The name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Mode => "mode",
            Self::ModeSource => "mode_source",
            Self::MissRate => "miss_rate",
            Self::Seq => "seq",
            Self::Version => "version",
        }
    }

    /// The property of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|property| property.name() == name)
    }

    /// The type, as twins call it.
    #[must_use]
    pub fn kind(self) -> &'static str {
        match self {
            Self::Mode | Self::ModeSource | Self::Version => "string",
            Self::MissRate => "double",
            Self::Seq => "int",
        }
    }

    /// Its value; `None` while it is not known.
    #[must_use]
    pub fn of(self, brief: &Brief) -> Option<TwinValue> {
        match self {
            Self::Mode => brief.mode.map(TwinValue::of),
            Self::ModeSource => brief.mode_source.map(TwinValue::of),
            Self::MissRate => brief.miss_rate.map(|rate| TwinValue::of(format_args!("{:.4}", rate.get()))),
            Self::Seq => brief.seq.map(TwinValue::of),
            Self::Version => brief.version.as_ref().map(TwinValue::of),
        }
    }

    pub(crate) fn cadence(self) -> Cadence {
        match self {
            Self::Mode | Self::ModeSource | Self::Version => Cadence::OnChange,
            Self::MissRate => Cadence::Calmly,
            Self::Seq => Cadence::Slowly,
        }
    }
}

/// Whether two numbers are clearly different ones; what is no number is.
pub(crate) fn clearly_differ(a: &TwinValue, b: &TwinValue) -> bool {
    match (a.as_str().parse::<f64>(), b.as_str().parse::<f64>()) {
        (Ok(a), Ok(b)) => (a - b).abs() >= CLEARLY,
        _ => true,
    }
}
