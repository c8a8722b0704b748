//! Holm's correction (Holm 1979): several tests, and still at most `alpha` chance of any false claim.

/// The corrected p of each, in the order given.
#[must_use]
pub fn holm(p: &[f64]) -> Vec<f64> {
    let mut ascending: Vec<(usize, f64)> = p.iter().copied().enumerate().collect();
    ascending.sort_by(|x, y| x.1.total_cmp(&y.1));
    let mut least = 0.0f64;
    let mut corrected = Vec::with_capacity(p.len());
    for ((position, p), tests_left) in ascending.into_iter().zip((1..=u32::try_from(p.len()).unwrap_or(u32::MAX)).rev())
    {
        least = least.max((p * f64::from(tests_left)).min(1.0));
        corrected.push((position, least));
    }
    corrected.sort_by_key(|&(position, _)| position);
    corrected.into_iter().map(|(_, p)| p).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_counts_most_and_the_order_is_kept() {
        let corrected = holm(&[0.01, 0.04, 0.03, 0.005]);
        for (told, expected) in corrected.iter().zip([0.03, 0.06, 0.06, 0.02]) {
            assert!((told - expected).abs() < 1e-15, "{corrected:?}");
        }
        assert_eq!(holm(&[0.9, 0.6]), [1.0, 1.0]);
        assert_eq!(holm(&[0.03]), [0.03]);
        assert!(holm(&[]).is_empty());
    }
}
