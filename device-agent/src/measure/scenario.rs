//! The conditions under which a task is measured.

use clap::ValueEnum;

/// Under what conditions; each differs from `nominal` in what its name says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum Scenario {
    /// Ordinary scheduler, not bound to a CPU, no load
    Nominal,
    /// A CPU hog on every CPU
    CpuStress,
    /// Niceness -10
    Nice,
    /// Niceness -10, and a CPU hog on every CPU
    NiceStress,
    /// Bound to one CPU
    Pinned,
    /// Bound to one CPU, and a CPU hog on every CPU
    PinnedStress,
    /// SCHED_FIFO
    Fifo,
    /// SCHED_FIFO, and a CPU hog on every CPU
    FifoStress,
    /// SCHED_DEADLINE (never bound to a CPU: the kernel refuses that)
    Deadline,
    /// SCHED_DEADLINE, and a CPU hog on every CPU
    DeadlineStress,
    /// The device's own policy switches to DEGRADED and back
    Adaptive,
    /// The device's own policy, and a CPU hog on every CPU
    AdaptiveStress,
    /// A load on the disk: a thread for each CPU writes, flushes and reads
    IoStress,
    /// CPU frequency governor "performance", restored afterwards
    GovernorPerformance,
    /// CPU frequency governor "powersave", restored afterwards
    GovernorPowersave,
    /// Scheduler, CPU and policy as --config says
    Configured,
}

/// Which scheduling.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scheduling {
    Ordinary,
    Nice,
    Pinned,
    Fifo,
    Deadline,
    Configured,
}

/// What disturbs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Disturbance {
    None,
    Cpu,
    Io,
}

/// Who decides the mode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Modes {
    Fixed,
    Policy,
    Configured,
}

impl Scenario {
    /// What runs without a choice.
    pub const STANDARD: [Self; 9] = [
        Self::Nominal,
        Self::CpuStress,
        Self::Nice,
        Self::Pinned,
        Self::Fifo,
        Self::Deadline,
        Self::Adaptive,
        Self::AdaptiveStress,
        Self::IoStress,
    ];

    /// Its name on the command line and in run files.
    #[must_use]
    pub fn name(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }

    pub(super) fn scheduling(self) -> Scheduling {
        match self {
            Self::Nice | Self::NiceStress => Scheduling::Nice,
            Self::Pinned | Self::PinnedStress => Scheduling::Pinned,
            Self::Fifo | Self::FifoStress => Scheduling::Fifo,
            Self::Deadline | Self::DeadlineStress => Scheduling::Deadline,
            Self::Configured => Scheduling::Configured,
            _ => Scheduling::Ordinary,
        }
    }

    pub(super) fn disturbance(self) -> Disturbance {
        match self {
            Self::CpuStress
            | Self::NiceStress
            | Self::PinnedStress
            | Self::FifoStress
            | Self::DeadlineStress
            | Self::AdaptiveStress => Disturbance::Cpu,
            Self::IoStress => Disturbance::Io,
            _ => Disturbance::None,
        }
    }

    pub(super) fn modes(self) -> Modes {
        match self {
            Self::Adaptive | Self::AdaptiveStress => Modes::Policy,
            Self::Configured => Modes::Configured,
            _ => Modes::Fixed,
        }
    }

    /// The frequency governor that it wants.
    pub(super) fn governor(self) -> Option<&'static str> {
        match self {
            Self::GovernorPerformance => Some("performance"),
            Self::GovernorPowersave => Some("powersave"),
            _ => None,
        }
    }
}
