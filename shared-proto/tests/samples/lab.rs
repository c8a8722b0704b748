use shared_proto::dialect::lab::{Command, Metrics, Observed};
use shared_proto::mode::Mode;
use shared_proto::units::Ratio;

pub(crate) fn metrics() -> Metrics {
    Metrics {
        timestamp: 1_767_225_600.25,
        mode: Mode::Normal,
        jitter_mean: 0.125,
        jitter_max: 2.5,
        miss_rate: Ratio::of(3, 250),
        workload: Ratio::of(6, 10),
    }
}

pub(crate) fn command() -> Command {
    Command { mode: Mode::Degraded }
}

pub(crate) fn observed_minimal() -> Observed {
    Observed { mode: None, miss_rate: Ratio::of(1, 2) }
}

pub(crate) fn observed_foreign() -> Observed {
    Observed { mode: Some(Mode::Degraded), miss_rate: Ratio::ONE }
}
