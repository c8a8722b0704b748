//! Thousands of worlds of the simulation: see `system_tests::simulation`.

use system_tests::simulation::{Happening, Keep, Options, Sum, Trouble, run_seeds, simulate};

/// Worlds in the test command. `cargo run -p system-tests --bin simulate -- --seeds N` is for more.
const SEEDS: u64 = 2_500;

/// Worlds in which nobody reaches anybody for half an hour.
const OUTAGES: u64 = 20;

/// Seeds of worlds in which a law was broken once, one a line, with what it was.
const REGRESSIONS: &str = include_str!("simulation-regressions.txt");

fn assert_lawful(sum: &Sum) {
    let told: Vec<_> = sum
        .failures
        .iter()
        .map(|failure| {
            let replay = "cargo run -p system-tests --bin simulate -- --trace --seed";
            format!("seed {}: {}\n  {replay} {}", failure.seed, failure.violation, failure.seed)
        })
        .collect();
    assert!(told.is_empty(), "{} broken laws:\n{}", told.len(), told.join("\n"));
}

#[test]
fn no_law_is_broken_and_everything_happens() {
    let sum = run_seeds(0..SEEDS, Options::default());
    println!("{}", sum.seen);
    assert_lawful(&sum);
    // In these worlds only the controller commands, and to another run it sends another command.
    let expected = Happening::ALL.iter().filter(|what| **what != Happening::TakenBefore);
    let never: Vec<_> = expected.filter(|what| sum.seen.of(**what) == 0).collect();
    assert!(never.is_empty(), "in {SEEDS} worlds there were none of these: {never:?}");
}

#[test]
fn half_an_hour_without_a_network_costs_no_count_and_no_judgement() {
    let sum = run_seeds(0..OUTAGES, Options { trouble: Trouble::Outage(30), ..Options::default() });
    println!("{}", sum.seen);
    assert_lawful(&sum);
    let expected = [Happening::Merged, Happening::LeaseEnd, Happening::LocalChange, Happening::OldReport];
    let never: Vec<_> = expected.into_iter().filter(|what| sum.seen.of(*what) == 0).collect();
    assert!(never.is_empty(), "there were none of these: {never:?}");
}

#[test]
fn what_was_broken_once_is_not_again() {
    let lines = REGRESSIONS.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let seeds: Vec<u64> = lines.map(|line| line.split_whitespace().next().unwrap().parse().unwrap()).collect();
    assert!(!seeds.is_empty());
    for seed in seeds {
        assert_lawful(&run_seeds(seed..seed + 1, Options::default()));
    }
}

#[test]
fn a_seed_is_a_world() {
    for seed in 0..20 {
        let (first, second) = (simulate(seed, Options::default()), simulate(seed, Options::default()));
        assert_eq!(first.hash, second.hash, "seed {seed}");
        let kept = simulate(seed, Options { keep: Keep::Lines, ..Options::default() });
        assert_eq!((kept.hash, kept.seen), (first.hash, first.seen), "seed {seed}: to look on changes nothing");
        assert!(!kept.trace.is_empty());
    }
    let hashes: std::collections::BTreeSet<u64> = (0..20).map(|seed| simulate(seed, Options::default()).hash).collect();
    assert_eq!(hashes.len(), 20, "every seed is another world");
}
