//! The command line.

use std::num::{NonZeroU16, NonZeroU64};

use clap::{Args, Parser, Subcommand};
use shared_host::mqtt::BrokerUrl;

use crate::disturbance::{FloodOptions, Options as Disturbance};
use crate::fleet::Options as Fleet;
use crate::page::Page;

/// The whole loop on one machine: broker, controller, agents, and a load that comes and goes. Watch a device degrade under
/// load and recover.
#[derive(Debug, Parser)]
#[command(name = "demo", version, max_term_width = 100, args_conflicts_with_subcommands = true)]
#[command(after_help = "Exit codes: 0 done, 1 failed, 2 usage.")]
pub struct Cli {
    /// What else to do.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// How to run the demo.
    #[command(flatten)]
    pub demo: Demo,
}

/// What else the program can do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Only serve the embedded broker on a port of the loopback interface, until standard input ends
    Broker {
        /// Port to listen on
        #[arg(long, value_name = "PORT")]
        port: NonZeroU16,
    },
    /// Measure the reaction time, from report to effect, over many mode changes on this machine
    Reaction(Reaction),
    /// Measure whether the agent disturbs its own real-time loop: the loop alone against the loop in a busy agent
    Disturbance(Disturbance),
    /// Load a broker and a controller with thousands of simulated devices, each with a connection of its own
    Fleet(Fleet),
    /// Publish commands to one device as fast as the broker takes them, until standard input ends
    #[command(hide = true)]
    Flood(FloodOptions),
}

/// How to measure the reaction time.
#[derive(Debug, Clone, Args)]
pub struct Reaction {
    /// Mode changes to measure
    #[arg(long, value_name = "N", default_value = "60")]
    pub changes: NonZeroU16,
    /// Use this broker instead of the embedded one
    #[arg(long, value_name = "mqtt://HOST:PORT")]
    pub broker: Option<BrokerUrl>,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
}

/// How to run the demo.
#[derive(Debug, Clone, Args)]
pub struct Demo {
    /// End by itself after this many seconds; without it: on Ctrl-C
    #[arg(long, value_name = "N")]
    pub seconds: Option<NonZeroU64>,
    /// Number of devices, 1 to 64
    #[arg(long, value_name = "N", default_value = "1", value_parser = clap::value_parser!(u16).range(1..=64))]
    pub agents: u16,
    /// Use this broker instead of the embedded one
    #[arg(long, value_name = "mqtt://HOST:PORT")]
    pub broker: Option<BrokerUrl>,
    /// Serve the live page here, or "off"; without it: on 127.0.0.1, port 8080 or a free one
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub page: Option<Page>,
    /// Run the tasks under SCHED_FIFO: see what it makes of the same load (needs the right to)
    #[arg(long)]
    pub realtime: bool,
    /// Print the summary as one JSON object on standard output; the table goes to standard error
    #[arg(long)]
    pub json: bool,
}
