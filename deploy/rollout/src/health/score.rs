//! Whether one share is larger than another by more than a margin, and not by chance.

use std::f64::consts::PI;

use crate::counts::Counts;
use crate::counts::float;

/// The value beyond which a difference is no chance any more: one-sided 0.1 %.
///
/// Misses come in bursts, so that jobs are less independent than the test believes; hence not 5 %.
pub const CRITICAL: f64 = 3.090_232_306_167_813_5;

/// The score statistic of Farrington and Manning (Statistics in Medicine 9, 1990, 1447-1454) for the hypothesis that the rate
/// `after` is at most `margin` (a share, 0 to 1) above the rate `before`:
///
/// `z = (p1 − p0 − margin) / sqrt(q1·(1−q1)/n1 + q0·(1−q0)/n0)`
///
/// where `q1` and `q0` are the most likely rates among those with `q1 − q0 = margin`. Unlike Wald's, it holds with few misses,
/// or none. Nothing is known without jobs: then it is 0.
#[must_use]
pub fn statistic(before: Counts, after: Counts, margin: f64) -> f64 {
    if before.jobs == 0 || after.jobs == 0 {
        return 0.0;
    }
    let (p1, p0) = (after.rate(), before.rate());
    let (n1, n0) = (float(after.jobs), float(before.jobs));
    let (q1, q0) = most_likely(p1, p0, n0 / n1, margin);
    let deviation = (q1 * (1.0 - q1) / n1 + q0 * (1.0 - q0) / n0).sqrt();
    let difference = p1 - p0 - margin;
    if deviation > 0.0 {
        difference / deviation
    } else if difference > 0.0 {
        f64::INFINITY
    } else {
        0.0
    }
}

/// The root of the likelihood's cubic equation, in closed form (their appendix).
fn most_likely(p1: f64, p0: f64, theta: f64, margin: f64) -> (f64, f64) {
    let a = 1.0 + theta;
    let b = -(1.0 + theta + p1 + theta * p0 + margin * (theta + 2.0));
    let c = margin * margin + margin * (2.0 * p1 + theta + 1.0) + p1 + theta * p0;
    let d = -p1 * margin * (1.0 + margin);
    let v = (b / (3.0 * a)).powi(3) - b * c / (6.0 * a * a) + d / (2.0 * a);
    let u = v.signum() * ((b / (3.0 * a)).powi(2) - c / (3.0 * a)).max(0.0).sqrt();
    let cosine = if u == 0.0 { 0.0 } else { (v / u.powi(3)).clamp(-1.0, 1.0) };
    let w = (PI + cosine.acos()) / 3.0;
    let q1 = (2.0 * u * w.cos() - b / (3.0 * a)).clamp(0.0, 1.0);
    (q1, (q1 - margin).clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(misses: u64, jobs: u64) -> Counts {
        Counts { jobs, misses }
    }

    /// The likelihood's maximum along `q1 − q0 = margin`, by trying.
    fn by_trying(before: Counts, after: Counts, margin: f64) -> f64 {
        let likelihood = |q1: f64| {
            let term = |count: f64, q: f64| if count == 0.0 { 0.0 } else { count * q.ln() };
            let both = |counts: Counts, q: f64| {
                term(float(counts.misses), q) + term(float(counts.jobs - counts.misses), 1.0 - q)
            };
            both(after, q1) + both(before, q1 - margin)
        };
        let steps = 200_000;
        let at = |step: u32| margin + (1.0 - margin) * f64::from(step) / f64::from(steps);
        (0..=steps).map(at).max_by(|a, b| likelihood(*a).total_cmp(&likelihood(*b))).unwrap()
    }

    #[test]
    fn the_closed_form_is_the_most_likely_one() {
        for (before, after) in [
            (counts(0, 3000), counts(60, 3000)),
            (counts(30, 3000), counts(20, 1000)),
            (counts(5, 150), counts(0, 150)),
            (counts(100, 200), counts(150, 200)),
        ] {
            for margin in [0.005, 0.05] {
                let theta = float(before.jobs) / float(after.jobs);
                let (q1, q0) = most_likely(after.rate(), before.rate(), theta, margin);
                assert!((q1 - by_trying(before, after, margin)).abs() < 1e-4, "{before:?} {after:?} {margin}: {q1}");
                assert!((q1 - q0 - margin).abs() < 1e-9);
            }
        }
    }

    #[test]
    fn clearly_worse_is_seen_and_chance_is_not() {
        let z = |before, after| statistic(before, after, 0.005);
        assert!(z(counts(0, 3000), counts(300, 3000)) > CRITICAL);
        assert!(z(counts(0, 100), counts(60, 100)) > CRITICAL);
        // Within the margin, or too few jobs to tell.
        assert!(z(counts(0, 3000), counts(15, 3000)) < CRITICAL);
        assert!(z(counts(0, 100), counts(2, 100)) < CRITICAL);
        // As bad as before, and better.
        assert!(z(counts(900, 3000), counts(910, 3000)) < CRITICAL);
        assert!(z(counts(900, 3000), counts(0, 3000)) < 0.0);
    }

    #[test]
    fn extremes_stay_finite_or_say_so() {
        assert_eq!(statistic(counts(0, 0), counts(5, 5), 0.005), 0.0);
        assert!(statistic(counts(0, 10), counts(10, 10), 0.0) > CRITICAL);
        assert!(statistic(counts(0, 1_000_000_000), counts(0, 1_000_000_000), 0.005) < 0.0);
        assert!(!statistic(counts(10, 10), counts(10, 10), 0.005).is_nan());
    }
}
