//! The arms: what the agent does besides its real-time loop.

use std::fmt;

/// What is compared.
// To add one: a variant, its place in `ALL`, its name and its `Conditions`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Arm {
    /// The loop, and a supervisor that only reads its records.
    Alone,
    /// The whole agent, connected, with a report every 200 ms.
    Publishing,
    /// The same with a report every 20 ms.
    FastReports,
    /// As fast reports, through TLS: agent and broker know each other by certificate.
    Tls,
    /// The whole agent, and nobody at its broker's port.
    BrokerAway,
    /// Nobody at its broker's port either, a report every 20 ms, and what waits is written to a disk every second.
    Disk,
    /// As publishing, while another process publishes commands as fast as the broker takes them.
    Flood,
}

/// What a whole agent finds around it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Conditions {
    pub(super) report_interval_ms: u32,
    /// Reports that its spool holds.
    pub(super) spool: u32,
    pub(super) broker: BrokerIs,
    pub(super) commands: Commands,
    pub(super) kept: Kept,
}

/// Whether there is a broker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BrokerIs {
    There,
    /// There, and it wants TLS.
    Secured,
    Away,
}

/// Where reports outlive the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kept {
    InMemory,
    /// And on a disk, every second.
    OnDisk,
}

/// Whether commands come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Commands {
    None,
    Flood,
}

impl Arm {
    /// All, in the order of a round.
    pub const ALL: [Self; 7] =
        [Self::Alone, Self::Publishing, Self::FastReports, Self::Tls, Self::BrokerAway, Self::Disk, Self::Flood];

    /// Its name in tables, and the scenario of its runs.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Alone => "alone",
            Self::Publishing => "publishing",
            Self::FastReports => "fast-reports",
            Self::Tls => "tls",
            Self::BrokerAway => "broker-away",
            Self::Disk => "disk",
            Self::Flood => "flood",
        }
    }

    /// What the agent finds around it; `None` where there is no whole agent.
    pub(super) fn conditions(self) -> Option<Conditions> {
        let publishing = Conditions {
            report_interval_ms: 200,
            spool: 1024,
            broker: BrokerIs::There,
            commands: Commands::None,
            kept: Kept::InMemory,
        };
        match self {
            Self::Alone => None,
            Self::Publishing => Some(publishing),
            Self::FastReports => Some(Conditions { report_interval_ms: 20, ..publishing }),
            // As often as can be, so that what TLS adds shows.
            Self::Tls => Some(Conditions { report_interval_ms: 20, broker: BrokerIs::Secured, ..publishing }),
            // So small that reports merge from the first second on, as they do after minutes in a spool of ordinary size.
            Self::BrokerAway => Some(Conditions { broker: BrokerIs::Away, spool: 4, ..publishing }),
            // A delivered report needs no disk.
            Self::Disk => {
                Some(Conditions { report_interval_ms: 20, broker: BrokerIs::Away, kept: Kept::OnDisk, ..publishing })
            }
            Self::Flood => Some(Conditions { commands: Commands::Flood, ..publishing }),
        }
    }
}

impl fmt::Display for Arm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
