//! Lets worlds of the simulation run: many seeds, or one with its trace.

#![forbid(unsafe_code)]

use std::process::ExitCode;

use clap::Parser;
use system_tests::simulation::{Keep, Options, Trouble, run_seeds, simulate};

/// Agents, broker and controller in virtual time, one world for each seed.
#[derive(Parser)]
struct Cli {
    /// How many seeds, from 0 or from SEED on
    #[arg(long, default_value_t = 1_000)]
    seeds: u64,
    /// One seed; with --seeds the first of so many
    #[arg(long)]
    seed: Option<u64>,
    /// Number of agents; the seed decides without it
    #[arg(long, value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..=4))]
    agents: Option<usize>,
    /// Minutes for which nobody reaches anybody, instead of trouble of all kinds
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..=1_440))]
    outage: Option<u64>,
    /// Print what happens in the world of the one seed
    #[arg(long, requires = "seed")]
    trace: bool,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let first = cli.seed.unwrap_or(0);
    let trouble = cli.outage.map_or(Trouble::OfAllKinds, Trouble::Outage);
    let options = Options { agents: cli.agents, trouble, keep: if cli.trace { Keep::Lines } else { Keep::Hash } };
    if cli.trace {
        let outcome = simulate(first, options);
        outcome.trace.iter().for_each(|line| println!("{line}"));
        println!("seed {first}: hash {:016x}", outcome.hash);
        return outcome.violation.map_or(ExitCode::SUCCESS, |violation| {
            println!("seed {first}: {violation}");
            ExitCode::FAILURE
        });
    }
    let sum = run_seeds(first..first.saturating_add(cli.seeds), options);
    print!("{}", sum.seen);
    for failure in &sum.failures {
        println!("seed {}: {}", failure.seed, failure.violation);
    }
    println!("{} seeds, {} with a broken law", cli.seeds, sum.failures.len());
    if sum.failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
