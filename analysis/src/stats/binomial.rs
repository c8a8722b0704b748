//! Bounds of a share that was counted: exact ones for one share, and a band for a whole distribution.

/// Interval of the probability behind `hits` of `trials` with at least the given confidence, 0 to 1 (Clopper & Pearson 1934): exact
/// for independent trials. 0 to 1 without trials.
#[must_use]
pub fn clopper_pearson(hits: u64, trials: u64, confidence: f64) -> (f64, f64) {
    if trials == 0 || hits > trials {
        return (0.0, 1.0);
    }
    let tail = (1.0 - confidence.clamp(0.0, 1.0)) / 2.0;
    let (x, n) = (real(hits), real(trials));
    let low = if hits == 0 { 0.0 } else { beta_quantile(tail, x, n - x + 1.0) };
    let high = if hits == trials { 1.0 } else { beta_quantile(1.0 - tail, x + 1.0, n - x) };
    (low, high)
}

/// Half width of a band around the empirical distribution function of `samples` independent values that holds all of the true one
/// with at least the given confidence (Dvoretzky, Kiefer, Wolfowitz 1956, with the constant of Massart 1990); at most 1.
#[must_use]
pub fn dkw_half_width(samples: usize, confidence: f64) -> f64 {
    if samples == 0 {
        return 1.0;
    }
    ((2.0 / (1.0 - confidence)).ln() / (2.0 * samples as f64)).sqrt().min(1.0)
}

fn real(count: u64) -> f64 {
    count as f64
}

/// The value below which a beta variable lies with probability `p`, by bisection on the logarithm of the odds.
fn beta_quantile(p: f64, a: f64, b: f64) -> f64 {
    let (mut low, mut high) = (-60.0f64, 60.0f64);
    for _ in 0..100 {
        let middle = f64::midpoint(low, high);
        if beta_below(expit(middle), a, b) < p { low = middle } else { high = middle }
    }
    expit(f64::midpoint(low, high))
}

fn expit(logit: f64) -> f64 {
    1.0 / (1.0 + (-logit).exp())
}

/// Probability that a beta variable is below `x`: the regularised incomplete beta function, by its continued fraction
/// (Abramowitz & Stegun 26.5.8) with the method of Lentz.
fn beta_below(x: f64, a: f64, b: f64) -> f64 {
    if x <= 0.0 || x >= 1.0 {
        return if x <= 0.0 { 0.0 } else { 1.0 };
    }
    // The fraction converges fast on one side of the mean.
    if x > (a + 1.0) / (a + b + 2.0) {
        return 1.0 - beta_below_fast(1.0 - x, b, a);
    }
    beta_below_fast(x, a, b)
}

/// Logarithm of the gamma function of a positive number, by Stirling's series (Abramowitz & Stegun 6.1.41) beyond 10.
fn ln_gamma(x: f64) -> f64 {
    let (mut x, mut shift) = (x, 0.0);
    while x < 10.0 {
        shift += x.ln();
        x += 1.0;
    }
    let inverse = 1.0 / (x * x);
    let series = (1.0 / 12.0 - inverse * (1.0 / 360.0 - inverse * (1.0 / 1260.0 - inverse / 1680.0))) / x;
    (x - 0.5) * x.ln() - x + 0.5 * (2.0 * std::f64::consts::PI).ln() + series - shift
}

fn beta_below_fast(x: f64, a: f64, b: f64) -> f64 {
    const TINY: f64 = 1e-300;
    let kept = |value: f64| if value.abs() < TINY { TINY } else { value };
    let front = (ln_gamma(a + b) - ln_gamma(a) - ln_gamma(b) + a * x.ln() + b * (-x).ln_1p()).exp() / a;
    let mut d = 1.0 / kept(1.0 - (a + b) * x / (a + 1.0));
    let (mut c, mut fraction) = (1.0, d);
    for m in 1..=5000u32 {
        let m = f64::from(m);
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        d = 1.0 / kept(1.0 + even * d);
        c = kept(1.0 + even / c);
        fraction *= d * c;
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        d = 1.0 / kept(1.0 + odd * d);
        c = kept(1.0 + odd / c);
        let step = d * c;
        fraction *= step;
        if (step - 1.0).abs() < 1e-13 {
            break;
        }
    }
    front * fraction
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(told: f64, expected: f64, within: f64) {
        assert!((told - expected).abs() <= within, "{told} instead of {expected}");
    }

    #[test]
    fn intervals_that_can_be_had_by_hand() {
        // No hit: 1 - (alpha/2)^(1/n); the rule of three for one side.
        let (low, high) = clopper_pearson(0, 10, 0.95);
        assert_eq!(low, 0.0);
        near(high, 1.0 - 0.025f64.powf(0.1), 1e-9);
        let (low, high) = clopper_pearson(10, 10, 0.95);
        near(low, 0.025f64.powf(0.1), 1e-9);
        assert_eq!(high, 1.0);
        // One of one million: the exact Poisson limits, 0.0253 and 5.57.
        let (low, high) = clopper_pearson(1, 1_000_000, 0.95);
        near(low * 1e6, 0.025_318, 1e-4);
        near(high * 1e6, 5.5716, 1e-3);
        assert_eq!(clopper_pearson(0, 0, 0.95), (0.0, 1.0));
    }

    #[test]
    fn the_interval_holds_the_share_at_least_as_often_as_it_says() {
        let mut random = fastrand::Rng::with_seed(7);
        for (trials, share) in [(20u64, 0.1), (200, 0.01), (200, 0.5)] {
            let intervals: Vec<(f64, f64)> = (0..=trials).map(|hits| clopper_pearson(hits, trials, 0.95)).collect();
            let held = (0..4000)
                .filter(|_| {
                    let hits = (0..trials).filter(|_| random.f64() < share).count();
                    (intervals[hits].0..=intervals[hits].1).contains(&share)
                })
                .count();
            assert!(held >= 3760, "{trials} trials of {share}: {held} of 4000");
        }
    }

    #[test]
    fn the_band_holds_the_whole_distribution_at_least_as_often_as_it_says() {
        let mut random = fastrand::Rng::with_seed(11);
        for samples in [5usize, 18, 60] {
            let half = dkw_half_width(samples, 0.95);
            let held = (0..4000)
                .filter(|_| {
                    // Uniform values, whose distribution function is the value itself.
                    let mut values: Vec<f64> = (0..samples).map(|_| random.f64()).collect();
                    values.sort_by(f64::total_cmp);
                    (0..samples).all(|i| {
                        let (below, at) = (i as f64 / samples as f64, (i + 1) as f64 / samples as f64);
                        (values[i] - below).abs() <= half && (values[i] - at).abs() <= half
                    })
                })
                .count();
            assert!(held >= 3760, "{samples} samples: {held} of 4000");
        }
        assert_eq!((dkw_half_width(0, 0.95), dkw_half_width(1, 0.95)), (1.0, 1.0));
    }
}
