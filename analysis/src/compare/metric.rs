//! The figures that are compared. Lower is better in all of them.

use serde::{Deserialize, Serialize};

use crate::run::{Accounting, Distribution, NoQuantile, Run};

/// One figure of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Metric {
    /// Median of start minus release, in microseconds.
    WakeupP50Us,
    /// 99th percentile of it.
    WakeupP99Us,
    /// 99.9th percentile of it.
    #[serde(rename = "wakeup_p99_9_us")]
    WakeupP999Us,
    /// 99th percentile of end minus release, in microseconds.
    ResponseP99Us,
    /// Misses per release, 0 to 1.
    MissRate,
    /// Share of one CPU that the thread used.
    Cpu,
    /// Busy share of all CPUs of the gateway, 0 to 1.
    GatewayCpu,
    /// Memory of the gateway that was not available, in KiB.
    GatewayMemoryKb,
    /// Median time from a command to its acknowledgement, in milliseconds.
    ReactionMs,
}

impl Metric {
    /// All, in the order of the table.
    pub const ALL: [Self; 9] = [
        Self::WakeupP50Us,
        Self::WakeupP99Us,
        Self::WakeupP999Us,
        Self::ResponseP99Us,
        Self::MissRate,
        Self::Cpu,
        Self::GatewayCpu,
        Self::GatewayMemoryKb,
        Self::ReactionMs,
    ];

    /// Its name for people.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::WakeupP50Us => "wake-up p50",
            Self::WakeupP99Us => "wake-up p99",
            Self::WakeupP999Us => "wake-up p99.9",
            Self::ResponseP99Us => "response p99",
            Self::MissRate => "misses",
            Self::Cpu => "CPU",
            Self::GatewayCpu => "gateway CPU",
            Self::GatewayMemoryKb => "gateway memory",
            Self::ReactionMs => "SetMode reaction",
        }
    }

    /// The figure of a run, or why there is none.
    pub(crate) fn of(self, run: &Run) -> Result<f64, String> {
        let gateway = run.gateway.unwrap_or_default();
        match self {
            Self::WakeupP50Us => quantile(&run.wakeup_us, 0.5),
            Self::WakeupP99Us => quantile(&run.wakeup_us, 0.99),
            Self::WakeupP999Us => quantile(&run.wakeup_us, 0.999),
            Self::ResponseP99Us => quantile(&run.response_us, 0.99),
            Self::MissRate => miss_rate(run),
            Self::Cpu => known(run.cpu, "the tool does not tell it"),
            Self::GatewayCpu => known(gateway.cpu, "the gateway was not looked at"),
            Self::GatewayMemoryKb => known(gateway.memory_kb, "the gateway was not looked at"),
            Self::ReactionMs if gateway.reaction_ms == Some(f64::INFINITY) => {
                Err("half of the commands had no effect in time".to_owned())
            }
            Self::ReactionMs => known(gateway.reaction_ms, "no command was injected that changed a mode"),
        }
    }

    /// Whether it is listed if none of the runs has it.
    pub(super) fn is_always_listed(self) -> bool {
        !matches!(self, Self::ResponseP99Us | Self::GatewayCpu | Self::GatewayMemoryKb | Self::ReactionMs)
    }

    /// Width in microseconds of the bucket from which a time is told; 0 for other figures.
    pub(super) fn resolution_us(self, run: &Run) -> f64 {
        self.quantile(run).and_then(|(times, q)| times.resolution_us(q)).unwrap_or(0.0)
    }

    /// The times that it is a quantile of, and which one.
    fn quantile(self, run: &Run) -> Option<(&Distribution, f64)> {
        match self {
            Self::WakeupP50Us => Some((&run.wakeup_us, 0.5)),
            Self::WakeupP99Us => Some((&run.wakeup_us, 0.99)),
            Self::WakeupP999Us => Some((&run.wakeup_us, 0.999)),
            Self::ResponseP99Us => Some((&run.response_us, 0.99)),
            Self::MissRate | Self::Cpu | Self::GatewayCpu | Self::GatewayMemoryKb | Self::ReactionMs => None,
        }
    }
}

fn quantile(times: &Distribution, q: f64) -> Result<f64, String> {
    times.try_quantile_us(q).map_err(|why| match why {
        NoQuantile::TooFewSamples { .. } => format!("{why}: use a longer --duration"),
        NoQuantile::TooCoarse { .. } | NoQuantile::OutOfRange => why.to_string(),
    })
}

fn known(figure: Option<f64>, otherwise: &str) -> Result<f64, String> {
    match figure {
        Some(figure) if figure.is_finite() && figure >= 0.0 => Ok(figure),
        Some(figure) => Err(format!("a figure of {figure}")),
        None => Err(otherwise.to_owned()),
    }
}

#[expect(clippy::cast_precision_loss, reason = "numbers of releases are below 2^53")]
fn miss_rate(run: &Run) -> Result<f64, String> {
    match run.accounting {
        Accounting::PassedReleasesForgotten => Err("the tool does not count misses".to_owned()),
        Accounting::Complete if run.releases == 0 => Err("there were no releases".to_owned()),
        Accounting::Complete if run.misses > run.releases => {
            Err(format!("misses are {}, more than the {} releases", run.misses, run.releases))
        }
        Accounting::Complete => Ok(run.misses as f64 / run.releases as f64),
    }
}
