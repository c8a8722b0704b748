//! Many worlds, on all CPUs: each is its own, so the order in which they run does not matter.

use std::num::NonZero;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use super::{Happenings, Options, Violation, simulate};

/// A world in which a law was broken.
#[derive(Debug)]
pub struct Failure {
    /// Its seed.
    pub seed: u64,
    /// The law.
    pub violation: Violation,
}

/// What became of many worlds.
#[derive(Debug, Default)]
pub struct Sum {
    /// What happened in all of them together.
    pub seen: Happenings,
    /// Those in which a law was broken, by seed.
    pub failures: Vec<Failure>,
}

/// Lets the worlds of these seeds run.
#[must_use]
pub fn run_seeds(seeds: Range<u64>, options: Options) -> Sum {
    let next = AtomicU64::new(seeds.start);
    let work = || {
        let mut sum = Sum::default();
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds.end {
                return sum;
            }
            let outcome = simulate(seed, options);
            sum.seen.absorb(&outcome.seen);
            sum.failures.extend(outcome.violation.map(|violation| Failure { seed, violation }));
        }
    };
    let workers = thread::available_parallelism().map_or(1, NonZero::get);
    let mut sum = Sum::default();
    thread::scope(|scope| {
        let workers: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
        for part in workers.into_iter().filter_map(|worker| worker.join().ok()) {
            sum.seen.absorb(&part.seen);
            sum.failures.extend(part.failures);
        }
    });
    sum.failures.sort_by_key(|failure| failure.seed);
    sum
}
