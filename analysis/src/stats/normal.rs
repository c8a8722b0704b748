//! The standard normal distribution.

/// Probability of a value below `z`, with a relative error below 2e-7: the rational Chebyshev fit of erfc in Numerical
/// Recipes (Press et al.).
pub(super) fn below(z: f64) -> f64 {
    const FIT: [f64; 10] = [
        0.170_872_77,
        -0.822_152_23,
        1.488_515_87,
        -1.135_203_98,
        0.278_868_07,
        -0.186_288_06,
        0.096_784_18,
        0.374_091_96,
        1.000_023_68,
        -1.265_512_23,
    ];
    let x = z.abs() / std::f64::consts::SQRT_2;
    let t = 1.0 / (1.0 + 0.5 * x);
    let exponent = FIT.into_iter().fold(0.0, |sum: f64, term| sum.mul_add(t, term)) - x * x;
    let tail = 0.5 * t * exponent.exp();
    if z > 0.0 { 1.0 - tail } else { tail }
}

/// The value below which the probability is `p`; within ±10, by bisection.
pub(super) fn quantile(p: f64) -> f64 {
    let (mut low, mut high) = (-10.0f64, 10.0f64);
    for _ in 0..60 {
        let middle = low.midpoint(high);
        if below(middle) < p { low = middle } else { high = middle }
    }
    low.midpoint(high)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_values() {
        for (z, p) in
            [(0.0, 0.5), (1.0, 0.841_344_75), (1.959_963_98, 0.975), (-2.575_829_3, 0.005), (-5.0, 2.866_5e-7)]
        {
            assert!((below(z) - p).abs() < 2e-7, "{z}: {}", below(z));
        }
        for (p, z) in [(0.8, 0.841_621), (0.975, 1.959_964), (0.995, 2.575_829)] {
            assert!((quantile(p) - z).abs() < 1e-5, "{p}: {}", quantile(p));
        }
    }
}
