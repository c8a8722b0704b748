//! How the rank sum of a sample is distributed if both samples come from the same source: every choice of ranks is equally
//! likely. Ranks are doubled, so that the mid-ranks of ties are whole and comparisons exact.

/// The pooled values of two samples as doubled mid-ranks.
#[derive(Debug)]
pub(super) struct Ranks {
    /// Doubled ranks, ascending.
    pub(super) doubled: Vec<usize>,
    /// Sum of those of the first sample.
    pub(super) sum_of_first: usize,
}

impl Ranks {
    pub(super) fn of(first: &[f64], second: &[f64]) -> Self {
        let mut pooled: Vec<(f64, bool)> =
            first.iter().map(|&value| (value, true)).chain(second.iter().map(|&value| (value, false))).collect();
        pooled.sort_unstable_by(|x, y| x.0.total_cmp(&y.0));
        let mut ranks = Self { doubled: Vec::with_capacity(pooled.len()), sum_of_first: 0 };
        for tied in pooled.chunk_by(|x, y| x.0 == y.0) {
            let before = ranks.doubled.len();
            // Ranks before+1 to before+n; their mean, doubled.
            let doubled = 2 * before + 1 + tied.len();
            ranks.doubled.extend(std::iter::repeat_n(doubled, tied.len()));
            ranks.sum_of_first += doubled * tied.iter().filter(|(_, of_first)| *of_first).count();
        }
        ranks
    }

    /// Expected doubled rank sum of `size` values, whole whatever the ties.
    pub(super) fn expected_sum(&self, size: usize) -> usize {
        size * (self.doubled.len() + 1)
    }

    /// In how many ways `size` of the ranks have each sum: entry `s` belongs to the doubled sum `s`. By dynamic programming,
    /// one rank after the other. Counts are exact up to 2^53 and accurate to the precision of `f64` above.
    pub(super) fn ways_by_sum(&self, size: usize) -> Vec<f64> {
        let greatest_sum: usize = self.doubled.iter().rev().take(size).sum();
        let mut ways = vec![vec![0.0; greatest_sum + 1]; size + 1];
        if let Some(nothing_chosen) = ways.first_mut().and_then(|row| row.first_mut()) {
            *nothing_chosen = 1.0;
        }
        for &rank in &self.doubled {
            for chosen in (1..=size).rev() {
                let (fewer, more) = ways.split_at_mut(chosen);
                if let (Some(without), Some(with)) = (fewer.last(), more.first_mut()) {
                    with.iter_mut().skip(rank).zip(without).for_each(|(with, without)| *with += without);
                }
            }
        }
        ways.pop().unwrap_or_default()
    }

    /// Variance of the doubled rank sum, ties considered.
    #[expect(clippy::cast_precision_loss, reason = "numbers of runs")]
    pub(super) fn variance_of_sum(&self, size: usize) -> f64 {
        let all = self.doubled.len() as f64;
        let (chosen, rest) = (size as f64, all - size as f64);
        let ties: f64 =
            self.doubled.chunk_by(|x, y| x == y).map(|tied| tied.len() as f64).map(|tied| tied.powi(3) - tied).sum();
        chosen * rest / 3.0 * (all + 1.0 - ties / (all * (all - 1.0)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ties_share_the_mean_of_their_ranks() {
        let ranks = Ranks::of(&[5.0, 7.0], &[5.0, 1.0, 9.0]);
        assert_eq!(ranks.doubled, [2, 5, 5, 8, 10]);
        assert_eq!(ranks.sum_of_first, 5 + 8);
        assert_eq!(ranks.expected_sum(2), 12);
    }

    #[test]
    fn without_ties_it_is_the_distribution_of_the_textbooks() {
        // U of 3 and 3 from 0 to 9, and how many of the 20 orders give it.
        let ways = Ranks::of(&[1.0, 2.0, 3.0], &[4.0, 5.0, 6.0]).ways_by_sum(3);
        let by_u: Vec<f64> = (0..=9).map(|u| ways[2 * (u + 6)]).collect();
        assert_eq!(by_u, [1.0, 1.0, 2.0, 3.0, 3.0, 3.0, 3.0, 2.0, 1.0, 1.0]);
    }

    #[test]
    fn the_variance_is_that_of_the_enumerated_distribution() {
        let ranks = Ranks::of(&[1.0, 2.0, 2.0, 3.0], &[2.0, 3.0, 8.0]);
        let ways = ranks.ways_by_sum(4);
        let all: f64 = ways.iter().sum();
        assert_eq!(all, 35.0);
        let expected = ranks.expected_sum(4) as f64;
        let variance: f64 =
            (0..).zip(&ways).map(|(sum, ways)| ways * (f64::from(sum) - expected).powi(2)).sum::<f64>() / all;
        assert!((variance - ranks.variance_of_sum(4)).abs() < 1e-9, "{variance}");
    }
}
