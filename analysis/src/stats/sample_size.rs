//! How many runs it would take.

use super::{least_attainable_p, normal};

/// Probability with which an effect of the smallest size of interest should be found.
pub const POWER: f64 = 0.8;

/// Least number of runs a side for any claim or interval: with 5, six tests of a scenario can reach a p below 0.05 after
/// correction, and the range of a side holds its true median with `1 − 2^(1−n)`, 94 %; with 4 only with 88 %.
pub const LEAST_RUNS: usize = 5;

/// Efficiency of rank tests against the t test on normal values, 3/π.
const RANK_EFFICIENCY: f64 = 0.955;

/// Beyond this nobody measures.
const MOST_RUNS: u32 = 100_000;

/// Variance of the values about their mean; `None` for fewer than two.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "numbers of runs")]
pub fn variance(values: &[f64]) -> Option<f64> {
    if values.len() < 2 {
        return None;
    }
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    Some(values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (values.len() - 1) as f64)
}

/// About how many runs a side find a shift of `effect` with [`POWER`], two-sided at `alpha`, when the variances within the
/// sides add up to `variances`: the normal approximation for two samples, divided by the efficiency of rank tests. `None` if
/// that is no number or more than 100,000.
#[must_use]
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked to be between 0 and 100,000")]
pub fn runs_for_effect(effect: f64, variances: f64, alpha: f64) -> Option<u32> {
    let z = normal::quantile(1.0 - alpha / 2.0) + normal::quantile(POWER);
    let runs = (z * z * variances / (effect * effect) / RANK_EFFICIENCY).ceil();
    (0.0..=f64::from(MOST_RUNS)).contains(&runs).then_some(runs as u32)
}

/// Least number of runs a side with which a two-sided p below `alpha` can be reached at all.
#[must_use]
pub fn runs_to_reach(alpha: f64) -> Option<u32> {
    (1..=60u16).find(|&runs| least_attainable_p(runs.into(), runs.into()) < alpha).map(u32::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_runs_a_side_reach_six_tests() {
        assert_eq!(runs_to_reach(0.05), Some(4));
        assert_eq!(runs_to_reach(0.05 / 6.0), Some(5));
        assert_eq!(runs_to_reach(0.001), Some(7));
        assert_eq!(runs_to_reach(0.0), None);
    }

    #[test]
    fn the_textbook_sample_size() {
        // 2 (1.96 + 0.84)^2 = 15.7 a side for a shift of one standard deviation, 16.4 for ranks.
        assert_eq!(runs_for_effect(1.0, 2.0, 0.05), Some(17));
        assert_eq!(runs_for_effect(0.5, 2.0, 0.05), Some(66));
        assert_eq!(runs_for_effect(1.0, 0.0, 0.05), Some(0));
        assert_eq!(runs_for_effect(0.0, 1.0, 0.05), None);
        assert_eq!(runs_for_effect(1.0, f64::NAN, 0.05), None);
    }

    #[test]
    fn the_usual_variance() {
        assert_eq!(variance(&[1.0, 3.0]), Some(2.0));
        assert_eq!(variance(&[1.0]), None);
    }
}
