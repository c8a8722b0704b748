//! The fault suite: what happens to counts, modes and the real-time loop when broker, link, agent or controller fail.
//!
//! Each scenario has a broker, a controller, an agent behind a [`crate::proxy`] and a recorder of its own. It lets a quiet time
//! pass, provokes its fault, lets everything come back, ends the agent in good order, and compares what the device counted with
//! what was received.

pub(crate) mod balance;
mod broker;
mod clock;
mod disk;
mod flood;
mod link;
mod namespace;
mod netem;
mod outcome;
mod phase;
mod programs;
mod relay;
mod scale;
mod stage;
mod table;
mod tunnel;

use clap::ValueEnum;

pub use outcome::{Figure, Outcome, Suite, Verdict};
pub use scale::Scale;
pub use table::table;

use crate::site::Trouble;

/// A fault that is provoked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Scenario {
    /// The broker is killed and started again, many times
    BrokerKill,
    /// The link is cut, by FIN and RST in turn, many times
    LinkCut,
    /// Nothing arrives and nobody answers for a while
    Outage,
    /// What the agent says is lost, what the broker says arrives
    HalfOpenUp,
    /// What the broker says is lost, what the agent says arrives
    HalfOpenDown,
    /// Everything comes 200 ± 100 ms late
    Delay,
    /// 2 kB/s, less than the reports need
    Throttle,
    /// Flipped bits
    Corrupt,
    /// Flipped bits in encrypted traffic
    CorruptTls,
    /// Packets are lost, late, out of order and doubled
    Netem,
    /// The device's clock is set back by an hour, and forward by two
    Clock,
    /// The agent is killed and started again, many times
    AgentKill,
    /// The agent is killed and what is kept in memory is gone, many times
    PowerCut,
    /// The disk is full
    DiskFull,
    /// The disk takes no writes
    DiskReadOnly,
    /// The controller is killed and started again
    ControllerKill,
    /// 10,000 messages/s of rubbish on the command topic
    Flood,
}

impl Scenario {
    /// All of them, in the order in which they are played.
    #[must_use]
    pub fn all() -> &'static [Self] {
        Self::value_variants()
    }

    /// Its name on the command line.
    #[must_use]
    pub fn name(self) -> String {
        self.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
    }

    /// Plays it. What keeps it from its end is an outcome, too.
    ///
    /// # Errors
    /// [`Trouble::Interrupted`] alone.
    pub fn play(self, scale: Scale) -> Result<Outcome, Trouble> {
        let start = std::time::Instant::now();
        let played = match self {
            Self::BrokerKill => broker::kill(scale),
            Self::LinkCut => link::cut(scale),
            Self::Outage => link::outage(scale),
            Self::HalfOpenUp => link::half_open(scale, crate::proxy::Faults::half_open_up()),
            Self::HalfOpenDown => link::half_open(scale, crate::proxy::Faults::half_open_down()),
            Self::Delay => link::delay(scale),
            Self::Throttle => link::throttle(scale),
            Self::Corrupt => link::corrupt(scale),
            Self::CorruptTls => link::corrupt_tls(scale),
            Self::Netem => netem::netem(scale),
            Self::Clock => clock::clock(scale),
            Self::AgentKill => programs::agent_kill(scale),
            Self::PowerCut => programs::power_cut(scale),
            Self::DiskFull => disk::full(scale),
            Self::DiskReadOnly => disk::read_only(scale),
            Self::ControllerKill => programs::controller_kill(scale),
            Self::Flood => flood::flood(scale),
        };
        let mut outcome = match played {
            Ok(outcome) => outcome,
            Err(Trouble::Interrupted) => return Err(Trouble::Interrupted),
            Err(Trouble::NotHere(why)) => Outcome::not_run(why),
            Err(trouble) => Outcome::failed(trouble.to_string()),
        };
        outcome.fault = self.name();
        outcome.took_s = start.elapsed().as_secs_f64();
        Ok(outcome)
    }
}
