//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use shared_proto::mode::Mode;

use crate::measure::Options;

/// Runs a periodic real-time task, measures its deadline misses, reports them over MQTT and switches between NORMAL and
/// DEGRADED.
#[derive(Debug, Parser)]
#[command(name = "device-agent", version, max_term_width = 100)]
#[command(
    after_help = "Exit codes: 0 done, 1 failed, 2 usage or configuration, 3 a limit given to measure is exceeded.\n\
    Every configuration key can be overridden by environment: AGENT_MQTT__URL overrides mqtt.url."
)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the task and report, until SIGTERM or Ctrl-C
    Run(ConfigFile),
    /// Check a configuration, and show every value with its source
    CheckConfig {
        /// The file to check; without one: the defaults and the environment
        file: Option<PathBuf>,
    },
    /// Look whether this device is fit to run, and say what mends what is not
    Doctor {
        /// Print JSON
        #[arg(long)]
        json: bool,
        /// Where the configuration is.
        #[command(flatten)]
        file: ConfigFile,
    },
    /// Write a commented configuration
    Init(Init),
    /// Measure how well a task keeps its time on this machine, without any network
    Measure(Box<Options>),
    /// Compare runs with runs: of two machines, settings or versions, or with cyclictest's
    #[cfg(feature = "compare")]
    Compare(Compare),
    /// Show how the running agent is
    Status {
        /// Print JSON
        #[arg(long)]
        json: bool,
        /// Which agent.
        #[command(flatten)]
        agent: Running,
    },
    /// Put the GPIO lines to their safe levels, after an agent that was killed
    Safe(ConfigFile),
    /// Check the signature of a program that is to be installed
    Verify(Verify),
    /// Hold a mode on the running agent, whatever the gateway says, or let go
    Hold {
        /// What to hold
        mode: HoldWhat,
        /// Which agent.
        #[command(flatten)]
        agent: Running,
    },
}

/// Where the configuration is.
#[derive(Debug, Args)]
pub struct ConfigFile {
    /// Configuration file; without one: the defaults and the environment
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

/// What to compare with what.
#[cfg(feature = "compare")]
#[derive(Debug, Args)]
pub struct Compare {
    /// Files of `measure --output`, or of `cyclictest --nsecs --json=FILE --histogram=N`: their runs are A
    #[arg(value_name = "A.json", required = true)]
    pub files: Vec<PathBuf>,
    /// Files whose runs are B; ratios are A/B, so "worse" means that A is worse
    #[arg(long, value_name = "B.json", required = true, num_args = 1..)]
    pub against: Vec<PathBuf>,
    /// Only this scenario
    #[arg(long, value_name = "NAME")]
    pub scenario: Option<String>,
    /// Another scenario on the side of B; needs --scenario
    #[arg(long, value_name = "NAME", requires = "scenario")]
    pub against_scenario: Option<String>,
    /// Smallest effect that matters, as a share: 0.1 is a ratio of 1.1
    #[arg(long, value_name = "SHARE", default_value_t = analysis::Question::default().smallest_effect)]
    pub smallest_effect: f64,
    /// Smallest difference of miss rates that matters: 0.001 is one release in a thousand
    #[arg(long, value_name = "RATE", default_value_t = analysis::Question::default().smallest_miss_rate)]
    pub smallest_miss_rate: f64,
    /// Risk of a false claim in each scenario, above 0 and at most 0.2
    #[arg(long, value_name = "P", default_value_t = analysis::Question::default().alpha)]
    pub alpha: f64,
    /// Exit with 3 if a metric is worse or has outlying runs; not if there are too few runs to tell
    #[arg(long)]
    pub fail_if_worse: bool,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// Where to write a configuration.
#[derive(Debug, Args)]
pub struct Init {
    /// File to write; without one: standard output
    #[arg(long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Replace the file if it is there
    #[arg(long, requires = "output")]
    pub force: bool,
    /// Name of the device; without one: the host name
    #[arg(long, value_name = "NAME")]
    pub device: Option<String>,
    /// Address of the gateway's broker: mqtts://HOST, or mqtt://HOST without encryption
    #[arg(long, value_name = "URL")]
    pub broker: Option<String>,
    /// Take mqtt:// to another machine, though anybody on the network can then read and forge messages
    #[arg(long, requires = "broker")]
    pub insecure: bool,
}

/// What to check the signature of.
#[derive(Debug, Args)]
pub struct Verify {
    /// Public key that is trusted, as `minisign -G` writes it
    #[arg(long, value_name = "FILE")]
    pub public_key: PathBuf,
    /// Signature; without one: the file's name with .minisig
    #[arg(long, value_name = "FILE")]
    pub signature: Option<PathBuf>,
    /// The file to check
    #[arg(value_name = "FILE")]
    pub artefact: PathBuf,
}

/// Which running agent.
#[derive(Debug, Args)]
pub struct Running {
    /// Its configuration file
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Its control socket
    #[arg(long, value_name = "PATH", conflicts_with = "config")]
    pub socket: Option<PathBuf>,
}

/// What to hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum HoldWhat {
    /// NORMAL
    Normal,
    /// DEGRADED
    Degraded,
    /// Let go
    Release,
}

impl HoldWhat {
    /// The mode to hold, if one is to be held.
    #[must_use]
    pub fn mode(self) -> Option<Mode> {
        match self {
            Self::Normal => Some(Mode::Normal),
            Self::Degraded => Some(Mode::Degraded),
            Self::Release => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
