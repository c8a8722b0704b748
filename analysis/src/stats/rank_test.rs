//! The Mann-Whitney test (Mann & Whitney 1947), exact also with ties.

use super::normal;
use super::null_distribution::Ranks;

/// Up to this product of the two numbers of runs the test is exact (50 against 50); beyond it the normal approximation with
/// corrections for ties and continuity agrees to more digits than matter.
const EXACT_UP_TO: usize = 2500;

/// What is claimed of the first sample, against "both come from the same source".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Alternative {
    /// It is smaller or greater.
    Different,
    /// It is smaller.
    Less,
    /// It is greater.
    Greater,
}

/// Probability of a rank sum at least as extreme as the one observed if both samples come from the same source; 1 if a
/// sample is empty. "Extreme" of two sides means: at least as far from the expected sum.
#[must_use]
pub fn mann_whitney(a: &[f64], b: &[f64], alternative: Alternative) -> f64 {
    // The smaller sample is looked at: its table is the smaller one, and the result is the same to the last bit either way.
    let (few, many, alternative) = match alternative {
        _ if a.len() <= b.len() => (a, b, alternative),
        Alternative::Different => (b, a, Alternative::Different),
        Alternative::Less => (b, a, Alternative::Greater),
        Alternative::Greater => (b, a, Alternative::Less),
    };
    if few.is_empty() {
        return 1.0;
    }
    let ranks = Ranks::of(few, many);
    if few.len() * many.len() <= EXACT_UP_TO {
        exact(&ranks, few.len(), alternative)
    } else {
        approximate(&ranks, few.len(), alternative)
    }
}

fn exact(ranks: &Ranks, size: usize, alternative: Alternative) -> f64 {
    let observed = ranks.sum_of_first;
    let expected = ranks.expected_sum(size);
    let distance = observed.abs_diff(expected);
    let (mut extreme, mut all) = (0.0, 0.0);
    for (sum, ways) in ranks.ways_by_sum(size).into_iter().enumerate() {
        let counts = match alternative {
            Alternative::Different => sum.abs_diff(expected) >= distance,
            Alternative::Less => sum <= observed,
            Alternative::Greater => sum >= observed,
        };
        all += ways;
        extreme += if counts { ways } else { 0.0 };
    }
    extreme / all
}

#[expect(clippy::cast_precision_loss, reason = "rank sums of runs")]
fn approximate(ranks: &Ranks, size: usize, alternative: Alternative) -> f64 {
    let deviation = ranks.variance_of_sum(size).sqrt();
    if deviation == 0.0 {
        return 1.0;
    }
    // Sums are doubled, so half a rank of continuity is 1.
    let excess = ranks.sum_of_first as f64 - ranks.expected_sum(size) as f64;
    match alternative {
        Alternative::Different => (2.0 * normal::below(-(excess.abs() - 1.0).max(0.0) / deviation)).min(1.0),
        Alternative::Less => normal::below((excess + 1.0) / deviation),
        Alternative::Greater => normal::below(-(excess - 1.0) / deviation),
    }
}

/// Least two-sided p that samples of these sizes can reach: 2 of all ways to choose. 1 if a size is 0.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "numbers of runs")]
pub fn least_attainable_p(a: usize, b: usize) -> f64 {
    let few = a.min(b);
    let ways: f64 = (1..=few).map(|i| (a.max(b) + i) as f64 / i as f64).product();
    (2.0 / ways).min(1.0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn separate(a: usize, b: usize) -> (Vec<f64>, Vec<f64>) {
        ((0..a).map(|i| i as f64).collect(), (100..100 + b).map(|i| i as f64).collect())
    }

    /// All choices of the places of `a` in the pooled values, one by one.
    fn by_enumeration(a: &[f64], b: &[f64], alternative: Alternative) -> f64 {
        let pooled: Vec<f64> = a.iter().chain(b).copied().collect();
        let rank = |value: f64| {
            let below = pooled.iter().filter(|&&x| x < value).count();
            let equal = pooled.iter().filter(|&&x| x == value).count();
            below as f64 + (equal as f64 + 1.0) / 2.0
        };
        let ranks: Vec<f64> = pooled.iter().map(|&value| rank(value)).collect();
        let observed: f64 = ranks[..a.len()].iter().sum();
        let expected = a.len() as f64 * (pooled.len() as f64 + 1.0) / 2.0;
        let (mut extreme, mut all) = (0u32, 0u32);
        for choice in 0u32..1 << pooled.len() {
            if choice.count_ones() as usize != a.len() {
                continue;
            }
            let sum: f64 = ranks.iter().enumerate().filter(|(i, _)| choice >> i & 1 == 1).map(|(_, rank)| rank).sum();
            all += 1;
            extreme += u32::from(match alternative {
                Alternative::Different => (sum - expected).abs() >= (observed - expected).abs(),
                Alternative::Less => sum <= observed,
                Alternative::Greater => sum >= observed,
            });
        }
        f64::from(extreme) / f64::from(all)
    }

    #[test]
    fn complete_separation_gives_the_least_p_there_is() {
        for (n, m, p) in [(5, 5, 2.0 / 252.0), (3, 3, 0.1), (4, 4, 2.0 / 70.0), (1, 1, 1.0), (2, 7, 2.0 / 36.0)] {
            let (a, b) = separate(n, m);
            assert_eq!(mann_whitney(&a, &b, Alternative::Different), p, "{n} and {m}");
            assert_eq!(mann_whitney(&a, &b, Alternative::Less), p / 2.0, "{n} and {m}");
            assert_eq!(mann_whitney(&a, &b, Alternative::Greater), 1.0, "{n} and {m}");
            assert!((least_attainable_p(n, m) - p).abs() < 1e-15, "{n} and {m}");
        }
        assert_eq!(least_attainable_p(0, 9), 1.0);
    }

    #[test]
    fn critical_values_of_the_published_table() {
        // Two-sided 5 %: U = 2 of 5 and 5 is significant (p = 0.032), U = 3 is not (0.056).
        let b = [1.0, 2.0, 3.0, 4.0, 5.0];
        let with_u2 = [5.5, 6.0, 7.0, 8.0, 3.5];
        assert_eq!(mann_whitney(&with_u2, &b, Alternative::Different), 8.0 / 252.0);
        let with_u3 = [5.5, 6.0, 7.0, 8.0, 2.5];
        assert_eq!(mann_whitney(&with_u3, &b, Alternative::Different), 14.0 / 252.0);
    }

    #[test]
    fn nothing_can_be_said_of_no_runs_or_of_equal_ones() {
        assert_eq!(mann_whitney(&[], &[1.0], Alternative::Different), 1.0);
        for runs in [5, 80] {
            let equal = vec![3.0; runs];
            assert_eq!(mann_whitney(&equal, &equal, Alternative::Different), 1.0);
        }
    }

    #[test]
    fn the_approximation_takes_over_smoothly() {
        let a: Vec<f64> = (0..50).map(|i| f64::from(i * 7 % 50)).collect();
        let b: Vec<f64> = (0..50).map(|i| f64::from(i * 11 % 50) + 6.5).collect();
        let ranks = Ranks::of(&a, &b);
        for alternative in [Alternative::Different, Alternative::Less, Alternative::Greater] {
            let (exact, near) = (exact(&ranks, 50, alternative), approximate(&ranks, 50, alternative));
            assert!((exact - near).abs() < 5e-4, "{alternative:?}: {exact} against {near}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn with_ties_it_is_what_enumeration_gives(
            a in prop::collection::vec(0u8..5, 1..6),
            b in prop::collection::vec(0u8..5, 1..6),
        ) {
            let (a, b): (Vec<f64>, Vec<f64>) = (a.into_iter().map(f64::from).collect(), b.into_iter().map(f64::from).collect());
            for alternative in [Alternative::Different, Alternative::Less, Alternative::Greater] {
                let told = mann_whitney(&a, &b, alternative);
                prop_assert!((told - by_enumeration(&a, &b, alternative)).abs() < 1e-12, "{:?}: {}", alternative, told);
            }
        }

        #[test]
        fn the_sides_may_be_swapped(
            a in prop::collection::vec(0u16..40, 1..25),
            b in prop::collection::vec(0u16..40, 1..25),
        ) {
            let (a, b): (Vec<f64>, Vec<f64>) = (a.into_iter().map(f64::from).collect(), b.into_iter().map(f64::from).collect());
            let p = |x: &[f64], y: &[f64], alternative| mann_whitney(x, y, alternative);
            prop_assert!((p(&a, &b, Alternative::Different) - p(&b, &a, Alternative::Different)).abs() < 1e-12);
            prop_assert!((p(&a, &b, Alternative::Less) - p(&b, &a, Alternative::Greater)).abs() < 1e-12);
        }
    }
}
