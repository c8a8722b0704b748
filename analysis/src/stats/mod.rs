//! The statistics of comparisons. A sample is one figure a run; all functions take finite numbers.
//!
//! Everything here is deterministic: the tests are exact, and the bootstrap draws from a fixed seed.

mod binomial;
mod bootstrap;
mod cliff;
mod equivalence;
mod holm;
mod median;
mod normal;
mod null_distribution;
mod rank_test;
mod sample_size;

pub use binomial::{clopper_pearson, dkw_half_width};
pub use bootstrap::{Interval, RESAMPLES, interval_of_medians};
pub use cliff::{Magnitude, cliffs_delta};
pub use equivalence::{Margin, equivalent};
pub use holm::holm;
pub use median::{median, ratio};
pub use rank_test::{Alternative, least_attainable_p, mann_whitney};
pub use sample_size::{LEAST_RUNS, POWER, runs_for_effect, runs_to_reach, variance};
