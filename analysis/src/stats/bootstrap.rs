//! Interval of a figure of two medians by the percentile bootstrap (Efron): the runs of both sides are drawn anew, with
//! replacement, and the figure is computed from each draw.

use fastrand::Rng;
use serde::{Deserialize, Serialize};

use super::median::median_in_place;

/// Draws of the interval.
pub const RESAMPLES: usize = 20_000;

/// The same input gives the same output.
const SEED: u64 = 0x0072_756e_735f_6162;

/// An interval that holds the true value with the confidence asked for.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// Lower end.
    pub low: f64,
    /// Upper end; infinite (JSON: `null`) if it is not bounded.
    pub high: f64,
}

/// Interval of `figure(median of a, median of b)` with `confidence` (0 to 1); `None` if a side is empty.
#[must_use]
pub fn interval_of_medians(
    a: &[f64],
    b: &[f64],
    figure: fn(f64, f64) -> f64,
    confidence: f64,
    resamples: usize,
) -> Option<Interval> {
    let mut rng = Rng::with_seed(SEED);
    let (mut drawn_a, mut drawn_b) = (a.to_vec(), b.to_vec());
    let mut figures = Vec::with_capacity(resamples);
    for _ in 0..resamples {
        draw(&mut rng, a, &mut drawn_a);
        draw(&mut rng, b, &mut drawn_b);
        figures.push(figure(median_in_place(&mut drawn_a)?, median_in_place(&mut drawn_b)?));
    }
    figures.sort_unstable_by(f64::total_cmp);
    let cut = tail_draws((1.0 - confidence) / 2.0, resamples);
    Some(Interval { low: *figures.get(cut)?, high: *figures.get(resamples.checked_sub(cut + 1)?)? })
}

/// Fills `drawn` with values drawn from `values` with replacement.
fn draw(rng: &mut Rng, values: &[f64], drawn: &mut [f64]) {
    for slot in drawn {
        if let Some(value) = values.get(rng.usize(..values.len())) {
            *slot = *value;
        }
    }
}

#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a share of a number of draws; `as` saturates"
)]
fn tail_draws(share: f64, resamples: usize) -> usize {
    (share * resamples as f64) as usize
}

#[cfg(test)]
mod tests {
    use super::super::{median, ratio};
    use super::*;

    /// Log-normal with median 1: a sum of 12 uniform numbers is near enough to normal.
    fn log_normal(rng: &mut Rng, spread: f64) -> f64 {
        ((0..12).map(|_| rng.f64()).sum::<f64>() - 6.0).mul_add(spread, 0.0).exp()
    }

    #[test]
    fn the_interval_holds_the_true_ratio_about_as_often_as_it_says() {
        let mut rng = Rng::with_seed(7);
        let trials = 400;
        let covered = (0..trials)
            .filter(|_| {
                let a: Vec<f64> = (0..9).map(|_| 1.5 * log_normal(&mut rng, 0.3)).collect();
                let b: Vec<f64> = (0..9).map(|_| log_normal(&mut rng, 0.3)).collect();
                let interval = interval_of_medians(&a, &b, ratio, 0.95, 1000).unwrap();
                (interval.low..=interval.high).contains(&1.5)
            })
            .count();
        assert!((360..=400).contains(&covered), "{covered} of {trials}");
    }

    #[test]
    fn the_interval_is_the_same_every_time_and_within_the_range_of_ratios() {
        let (a, b) = ([12.0, 13.0, 11.0, 15.0, 12.5], [10.0, 9.0, 11.0, 10.5, 9.5]);
        let first = interval_of_medians(&a, &b, ratio, 0.95, RESAMPLES).unwrap();
        assert_eq!(interval_of_medians(&a, &b, ratio, 0.95, RESAMPLES), Some(first));
        assert!(11.0 / 11.0 <= first.low && first.high <= 15.0 / 9.0, "{first:?}");
        let point = ratio(median(&a).unwrap(), median(&b).unwrap());
        assert!((first.low..=first.high).contains(&point));
    }

    #[test]
    fn no_interval_of_nothing_and_a_point_of_one() {
        assert_eq!(interval_of_medians(&[], &[1.0], ratio, 0.95, 10), None);
        assert_eq!(interval_of_medians(&[1.0], &[], ratio, 0.95, 10), None);
        assert_eq!(interval_of_medians(&[3.0], &[2.0], ratio, 0.95, 10), Some(Interval { low: 1.5, high: 1.5 }));
    }
}
