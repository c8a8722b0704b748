//! The statistics of comparisons. A sample is one figure a run; all functions take finite numbers.
//!
//! Everything here is deterministic: the tests are exact, and the bootstrap draws from a fixed seed.

mod bootstrap;
mod cliff;
mod equivalence;
mod holm;
mod median;
mod normal;
mod null_distribution;
mod rank_test;
mod sample_size;

pub use bootstrap::{Interval, LEAST_RUNS_FOR_INTERVAL, RESAMPLES, interval_of_medians};
pub use cliff::{Magnitude, cliffs_delta};
pub use equivalence::{equivalent_by_difference, equivalent_by_ratio};
pub use holm::holm;
pub use median::{median, ratio};
pub use rank_test::{Alternative, least_attainable_p, mann_whitney};
pub use sample_size::{POWER, runs_for_effect, runs_to_reach, variance};
