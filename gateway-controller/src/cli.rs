//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use shared_host::mqtt::BrokerUrl;
use shared_proto::ids::DeviceId;

use crate::protocol::WishWord;

/// Watches the miss rates of a fleet and commands NORMAL or DEGRADED.
#[derive(Debug, Parser)]
#[command(
    name = "gateway-controller",
    version,
    after_help = "\
Examples:
  gateway-controller init --output gateway.toml    write a commented configuration
  gateway-controller run --config gateway.toml     decisions as JSON lines on standard output
  gateway-controller devices                       what the running controller knows
  gateway-controller set-mode pi-01 degraded       until `set-mode pi-01 auto`
  gateway-controller health                        whether the running controller answers
  gateway-controller forget pi-01                  a device that is gone for good
  gateway-controller edgex check                   whether EdgeX is as the controller needs it
  gateway-controller experiment --label plain      record five minutes of the fleet and its gateway
  gateway-controller report A*.zst --against B*.zst -o ab.html   two recorded conditions side by side

Exit codes: 0 done, 1 failed, 2 usage or configuration."
)]
pub struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the controller until SIGTERM or SIGINT
    Run(RunArgs),
    /// Check a configuration and show the values in force, each with its source
    CheckConfig(CheckArgs),
    /// Write a commented configuration
    Init(InitArgs),
    /// Show the devices
    Devices(DevicesArgs),
    /// Ask the running controller whether it is well, for supervisors and probes
    Health(HealthArgs),
    /// Set the mode of a device, or leave it to the policy again
    SetMode(SetModeArgs),
    /// Forget a device that is gone for good
    Forget(ForgetArgs),
    /// Register devices with EdgeX, and see whether all is there
    Edgex(EdgexArgs),
    /// Record what is heard of the fleet and how the gateway is, for a comparison of conditions
    Experiment(ExperimentArgs),
    /// Write a report of experiments, or of measurement runs
    #[cfg(feature = "report")]
    Report(ReportArgs),
}

/// Arguments of `experiment`.
#[derive(Debug, Args)]
#[command(after_help = "\
A run is a file, LABEL-1.jsonl.zst and so on, numbered on from those that are there. It has a connection of its own to the broker, \
so it works beside a running controller, wherever that runs. docs/experiment-file.md has the format.

Every --inject-every one device in NORMAL, in turn, is commanded DEGRADED straight through the broker and given back after at most \
2 s. A controller that runs as well wants its own mode meanwhile: the device refuses it within its dwell, and crossings of the \
threshold wait for as long. --no-inject leaves the devices alone.

Examples:
  gateway-controller experiment --label plain --duration 5m --runs 3
  gateway-controller experiment --label kubeedge --broker mqtts://gateway.local --cgroup kubepods.slice
  gateway-controller experiment --label plain --no-inject --process my-service --note 'fan on'

Exit codes: 0 recorded, or ended by SIGINT or SIGTERM; 1 failed, or no report was heard; 2 usage or configuration.")]
pub(crate) struct ExperimentArgs {
    /// Name of the condition; a part of the files' names
    #[arg(long, value_name = "NAME")]
    pub(crate) label: String,
    /// Length of a run
    #[arg(long, value_name = "TIME", default_value = "5m", value_parser = duration)]
    pub(crate) duration: Duration,
    /// How many runs, one after another
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) runs: u32,
    /// Directory for the files; made if need be
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub(crate) output: PathBuf,
    /// Configuration file of the controller, for broker, credentials, certificates and topics
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Go to this broker instead of the configured one
    #[arg(long, value_name = "URL")]
    pub(crate) broker: Option<BrokerUrl>,
    /// How often the mode of a device is changed, to measure the reaction
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = duration)]
    pub(crate) inject_every: Duration,
    /// Change no modes
    #[arg(long, conflicts_with = "inject_every")]
    pub(crate) no_inject: bool,
    /// Record and change this device only; again for more
    #[arg(long = "device", value_name = "ID")]
    pub(crate) devices: Vec<DeviceId>,
    /// How often the gateway is looked at
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = duration)]
    pub(crate) sample_every: Duration,
    /// Processes of this name are looked at besides the usual ones (mosquitto, containerd, edgecore, …); a * at the end stands for
    /// any more
    #[arg(long = "process", value_name = "NAME")]
    pub(crate) processes: Vec<String>,
    /// Control group to look at, absolute or below /sys/fs/cgroup; again for more
    #[arg(long = "cgroup", value_name = "PATH")]
    pub(crate) cgroups: Vec<PathBuf>,
    /// Words about the condition, kept in the file
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub(crate) note: String,
    /// Replace files, from LABEL-1 on
    #[arg(long)]
    pub(crate) force: bool,
}

/// Arguments of `report`.
#[cfg(feature = "report")]
#[derive(Debug, Args)]
#[command(after_help = "\
Each file is one run, and the run is the unit: six a side are the least for a claim. Without --against the runs are described alone. \
Nothing is replaced without --force. docs/experiments.md says how to plan the runs and how to read the page.

Examples:
  gateway-controller report kubeedge-*.jsonl.zst --against plain-*.jsonl.zst -o report.html
  gateway-controller report plain-1.jsonl.zst -o plain.html --plots figures --csv tables
  gateway-controller report after.json --against before.json -o after.html      files of device-agent measure

Exit codes: 0 written, whatever the verdicts; 1 it cannot be written; 2 a file that cannot be used, or wrong arguments.")]
pub(crate) struct ReportArgs {
    /// Files of the condition A: of `experiment`, of `device-agent measure`, or of `cyclictest --json`
    #[arg(value_name = "FILE", required = true)]
    pub(crate) files: Vec<PathBuf>,
    /// Files of the condition B that A is compared against
    #[arg(long, value_name = "FILE", num_args = 1..)]
    pub(crate) against: Vec<PathBuf>,
    /// Page to write: one file of HTML that loads nothing
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Directory for the figures, each as SVG and PNG
    #[arg(long, value_name = "DIR")]
    pub(crate) plots: Option<PathBuf>,
    /// Directory for the tables as CSV
    #[arg(long, value_name = "DIR")]
    pub(crate) csv: Option<PathBuf>,
    /// Print JSON instead of the verdicts
    #[arg(long)]
    pub(crate) json: bool,
    /// Name of A; without it: the label in its files
    #[arg(long, value_name = "NAME")]
    pub(crate) label_a: Option<String>,
    /// Name of B; without it: the label in its files
    #[arg(long, value_name = "NAME", requires = "against")]
    pub(crate) label_b: Option<String>,
    /// Smallest relative difference that matters
    #[arg(long, value_name = "SHARE", default_value_t = 0.10)]
    pub(crate) smallest_effect: f64,
    /// Replace files that exist
    #[arg(long)]
    pub(crate) force: bool,
}

/// Arguments of `edgex`.
#[derive(Debug, Args)]
pub(crate) struct EdgexArgs {
    #[command(subcommand)]
    pub(crate) command: EdgexAction,
}

#[derive(Debug, Subcommand)]
pub(crate) enum EdgexAction {
    /// Register the profile and devices with core-metadata; twice does no harm
    Provision(ProvisionArgs),
    /// Look at services, profile, devices, readings and commands, and say what mends them
    Check(EdgexCheckArgs),
}

/// Arguments of `edgex provision`.
#[derive(Debug, Args)]
#[command(after_help = "\
What is there and as wanted stays as it is; what differs is told, and the exit code is 1, unless --update is given.

Examples:
  gateway-controller edgex provision --device pi-1 --device pi-2
  gateway-controller edgex provision --device pi-1 --dry-run")]
pub(crate) struct ProvisionArgs {
    /// Name of a device, as in its agent's configuration; again for more. Without it: edgex.devices
    #[arg(long = "device", value_name = "DEVICE")]
    pub(crate) devices: Vec<DeviceId>,
    /// Profile to upload (JSON); without it: the agent's own, as edgex.profile
    #[arg(long, value_name = "FILE")]
    pub(crate) profile: Option<PathBuf>,
    /// Change what is there and differs
    #[arg(long)]
    pub(crate) update: bool,
    /// Print the requests and send nothing
    #[arg(long, conflicts_with = "update")]
    pub(crate) dry_run: bool,
    /// Configuration file of the controller, for the addresses of EdgeX
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
}

/// Arguments of `edgex check`.
#[derive(Debug, Args)]
pub(crate) struct EdgexCheckArgs {
    /// Name of a device; again for more. Without it: edgex.devices
    #[arg(long = "device", value_name = "DEVICE")]
    pub(crate) devices: Vec<DeviceId>,
    /// Configuration file of the controller, for the addresses of EdgeX
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
}

/// Arguments of `run`.
#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    /// Configuration file; without it: the defaults and the environment (GATEWAY_MQTT__URL=… for mqtt.url)
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
}

/// Arguments of `check-config`.
#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    /// Configuration file; without it: the defaults and the environment
    #[arg(value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
}

/// Arguments of `init`.
#[derive(Debug, Args)]
pub(crate) struct InitArgs {
    /// File to write; without it: standard output
    #[arg(long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Replace a file that exists
    #[arg(long)]
    pub(crate) force: bool,
    /// Address of the broker: mqtts://HOST, or mqtt://HOST without encryption
    #[arg(long, value_name = "URL")]
    pub(crate) broker: Option<BrokerUrl>,
    /// Take mqtt:// to another machine, though anybody on the network can then read and forge messages
    #[arg(long, requires = "broker")]
    pub(crate) insecure: bool,
}

/// Arguments of `devices`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  gateway-controller devices
  gateway-controller devices --json
  gateway-controller devices --broker mqtts://gateway.local --listen 5s    without a running controller")]
pub(crate) struct DevicesArgs {
    /// Print JSON, one object with all that is known
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) target: Target,
    /// With --broker: how long to listen
    #[arg(long, value_name = "TIME", default_value = "2s", value_parser = duration, requires = "broker")]
    pub(crate) listen: Duration,
}

/// Arguments of `health`.
#[derive(Debug, Args)]
#[command(after_help = "\
Exit code 0: it has answered within 5 s. 1: it has not; or, with --connected, it has no connection to the broker. A restart helps \
against the first only: do not restart a controller because its broker is away.")]
pub(crate) struct HealthArgs {
    /// Well is only who is connected to the broker
    #[arg(long)]
    pub(crate) connected: bool,
    /// Configuration file of the controller, for its control socket
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Control socket of the running controller
    #[arg(long, value_name = "PATH", conflicts_with = "config")]
    pub(crate) socket: Option<PathBuf>,
}

/// Arguments of `set-mode`.
#[derive(Debug, Args)]
#[command(after_help = "\
Through the running controller the wish holds until `auto` (or until the controller ends). With --broker one command goes \
straight to the device and holds for --lease; a controller that runs as well will set its own mode again.

Examples:
  gateway-controller set-mode pi-01 degraded
  gateway-controller set-mode pi-01 auto
  gateway-controller set-mode pi-01 normal --broker mqtts://gateway.local --lease 10m")]
pub(crate) struct SetModeArgs {
    /// Name of the device
    #[arg(value_name = "DEVICE")]
    pub(crate) device: DeviceId,
    /// normal or degraded; auto: what the policy wants; release: the gateway lets the device go
    #[arg(value_name = "MODE")]
    pub(crate) mode: WishArg,
    #[command(flatten)]
    pub(crate) target: Target,
    /// With --broker: how long the mode holds
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = duration, requires = "broker")]
    pub(crate) lease: Duration,
    /// How long to wait until the device has taken the mode; 0s: not at all
    #[arg(long, value_name = "TIME", default_value = "3s", value_parser = duration)]
    pub(crate) wait: Duration,
}

/// Arguments of `forget`.
#[derive(Debug, Args)]
#[command(after_help = "\
Its counts and what was wanted of it are forgotten, and the status that the broker keeps of it is cleared, so that it does not \
return. A device that is online is refused: it would be back at once.")]
pub(crate) struct ForgetArgs {
    /// Name of the device
    #[arg(value_name = "DEVICE")]
    pub(crate) device: DeviceId,
    /// Configuration file of the controller, for its control socket
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Control socket of the running controller
    #[arg(long, value_name = "PATH", conflicts_with = "config")]
    pub(crate) socket: Option<PathBuf>,
}

/// Whom to ask.
#[derive(Debug, Args)]
pub(crate) struct Target {
    /// Configuration file of the controller, for its control socket (or, with --broker, for credentials, certificates and topics)
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Control socket of the running controller
    #[arg(long, value_name = "PATH", conflicts_with_all = ["config", "broker"])]
    pub(crate) socket: Option<PathBuf>,
    /// Go to this broker instead of a running controller
    #[arg(long, value_name = "URL")]
    pub(crate) broker: Option<BrokerUrl>,
}

/// The word for a mode or for letting go of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum WishArg {
    Normal,
    Degraded,
    Auto,
    Release,
}

impl From<WishArg> for WishWord {
    fn from(word: WishArg) -> Self {
        match word {
            WishArg::Normal => Self::Normal,
            WishArg::Degraded => Self::Degraded,
            WishArg::Auto => Self::Auto,
            WishArg::Release => Self::Release,
        }
    }
}

/// Reads a time such as `500ms`, `3s`, `10m` or `1h`.
fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || "allowed are a whole number and a unit: 500ms, 3s, 10m or 1h, up to 24h".to_owned();
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let number: u64 = number.parse().map_err(|_| wrong())?;
    let millis = match unit {
        "ms" => Some(number),
        "s" => number.checked_mul(1_000),
        "m" => number.checked_mul(60_000),
        "h" => number.checked_mul(3_600_000),
        _ => None,
    };
    millis.filter(|millis| *millis <= 86_400_000).map(Duration::from_millis).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn times_have_a_unit_and_a_bound() {
        for (text, millis) in [("0s", 0), ("500ms", 500), ("3s", 3_000), ("10m", 600_000), ("24h", 86_400_000)] {
            assert_eq!(duration(text), Ok(Duration::from_millis(millis)), "{text}");
        }
        for wrong in ["", "s", "5", "-1s", "1.5s", "3 s", "25h", "99999999999999999999s", "5d"] {
            assert!(duration(wrong).unwrap_err().contains("500ms"), "{wrong}");
        }
    }

    #[test]
    fn what_needs_a_broker_says_so() {
        let parse = |line: &str| Cli::try_parse_from(line.split(' ')).map(drop).map_err(|error| error.to_string());
        parse("g set-mode pi-01 degraded --broker mqtt://x --lease 5s").unwrap();
        assert!(parse("g set-mode pi-01 degraded --lease 5s").unwrap_err().contains("--broker"));
        assert!(parse("g devices --socket /x --broker mqtt://x").unwrap_err().contains("cannot be used"));
        assert!(parse("g set-mode pi/1 degraded").unwrap_err().contains("1 to 32"));
        assert!(parse("g devices --broker wss://x").unwrap_err().contains("mqtts://"));
        assert!(parse("g edgex provision --device pi-1 --update --dry-run").unwrap_err().contains("cannot be used"));
        assert!(parse("g init --insecure").unwrap_err().contains("--broker"));
    }
}
