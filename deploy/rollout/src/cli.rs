//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

/// Pushes releases of the device agent onto devices over ssh, and takes back what keeps its time worse.
#[derive(Debug, Parser)]
#[command(name = "fleet", version, max_term_width = 100)]
#[command(
    after_help = "Exit codes: 0 all done, 1 failed and every device is left with a good release, 2 usage or inventory, \
    3 a device needs a person (the output says which)."
)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Install a release on one device, and keep it only if it is healthy
    Push(Push),
    /// Go back to the release before, on one device
    Rollback(One),
    /// Show what runs on devices
    Status(Status),
    /// Install a release on all devices of an inventory, in waves
    Rollout(Rollout),
    /// Write a commented inventory to standard output
    Init,
}

/// What to install.
#[derive(Debug, Args)]
pub struct What {
    /// The program to install
    #[arg(long, value_name = "FILE")]
    pub artefact: PathBuf,
    /// Its signature, by minisign; without one: the artefact's name with .minisig
    #[arg(long, value_name = "FILE")]
    pub signature: Option<PathBuf>,
    /// Send no signature; taken only by a device without a key to check one with
    #[arg(long, conflicts_with = "signature")]
    pub unsigned: bool,
}

/// One device.
#[derive(Debug, Args)]
pub struct One {
    /// The device: [USER@]HOST as ssh takes it, or a name of the inventory
    #[arg(value_name = "HOST")]
    pub host: String,
    /// How it is reached.
    #[command(flatten)]
    pub reach: Reach,
}

/// How devices are reached, where no inventory says it.
#[derive(Debug, Args)]
pub struct Reach {
    /// Takes all settings of the device, and the policy, from this inventory
    #[arg(long, value_name = "FILE", conflicts_with_all = ["port", "ssh_option", "sudo", "dir"])]
    pub inventory: Option<PathBuf>,
    /// Port of ssh
    #[arg(long, value_name = "PORT")]
    pub port: Option<u16>,
    /// More options for ssh and scp
    #[arg(short = 'o', long, value_name = "KEY=VALUE")]
    pub ssh_option: Vec<String>,
    /// Get rights by `sudo -n`
    #[arg(long)]
    pub sudo: bool,
    /// Directory of the releases [default: /opt/device-agent]
    #[arg(long, value_name = "DIR")]
    pub dir: Option<String>,
}

/// One device and what to install.
#[derive(Debug, Args)]
pub struct Push {
    /// The device.
    #[command(flatten)]
    pub device: One,
    /// The artefact.
    #[command(flatten)]
    pub what: What,
}

/// Which devices to show.
#[derive(Debug, Args)]
pub struct Status {
    /// Devices, as [USER@]HOST; or one inventory; or names of the inventory given by --inventory
    #[arg(value_name = "HOST|INVENTORY", required_unless_present = "inventory")]
    pub hosts: Vec<String>,
    /// How they are reached.
    #[command(flatten)]
    pub reach: Reach,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// What to install where.
#[derive(Debug, Args)]
pub struct Rollout {
    /// The inventory; `fleet init` writes one
    pub inventory: PathBuf,
    /// The artefact.
    #[command(flatten)]
    pub what: What,
    /// Address of the broker, in place of the inventory's mqtt.url
    #[arg(long, value_name = "URL")]
    pub broker: Option<String>,
    /// Write what is done, step by step, as JSON lines to this new file
    #[arg(long, value_name = "FILE")]
    pub record: Option<PathBuf>,
    /// Go on with the rollout of this record, which must be of the same artefact
    #[arg(long, requires = "record")]
    pub resume: bool,
    /// Look at the devices, tell the plan, and change nothing
    #[arg(long)]
    pub dry_run: bool,
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
