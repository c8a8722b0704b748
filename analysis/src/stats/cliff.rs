//! Cliff's delta: how far two samples lie apart, from -1 to 1, by order alone (Cliff 1993).

use std::cmp::Ordering;

use serde::{Deserialize, Serialize};

/// The size of a delta in words. The limits 0.147, 0.33 and 0.474 are the usual ones; they were derived from Cohen's d.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Magnitude {
    /// Below 0.147.
    Negligible,
    /// Below 0.33.
    Small,
    /// Below 0.474.
    Medium,
    /// The rest.
    Large,
}

impl Magnitude {
    /// The word for a delta.
    #[must_use]
    pub fn of(delta: f64) -> Self {
        match delta.abs() {
            size if size < 0.147 => Self::Negligible,
            size if size < 0.33 => Self::Small,
            size if size < 0.474 => Self::Medium,
            _ => Self::Large,
        }
    }

    /// The word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Negligible => "negligible",
            Self::Small => "small",
            Self::Medium => "medium",
            Self::Large => "large",
        }
    }
}

/// Share of the pairs in which `a` is greater, less the share in which it is smaller; 0 if a side is empty.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "numbers of pairs of runs")]
pub fn cliffs_delta(a: &[f64], b: &[f64]) -> f64 {
    let (mut greater, mut smaller) = (0u64, 0u64);
    for x in a {
        for y in b {
            match x.total_cmp(y) {
                Ordering::Greater => greater += 1,
                Ordering::Less => smaller += 1,
                Ordering::Equal => {}
            }
        }
    }
    let pairs = (a.len() * b.len()).max(1) as f64;
    (greater as f64 - smaller as f64) / pairs
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn by_hand() {
        assert_eq!(cliffs_delta(&[4.0, 5.0], &[1.0, 2.0]), 1.0);
        assert_eq!(cliffs_delta(&[1.0, 3.0], &[2.0, 3.0]), -0.25);
        assert_eq!(cliffs_delta(&[], &[2.0]), 0.0);
    }

    #[test]
    fn words_change_at_their_limits() {
        let words = [(0.146, "negligible"), (-0.147, "small"), (0.33, "medium"), (-0.474, "large"), (1.0, "large")];
        for (delta, word) in words {
            assert_eq!(Magnitude::of(delta).word(), word, "{delta}");
        }
    }

    proptest! {
        #[test]
        fn swapping_the_sides_changes_the_sign(
            a in prop::collection::vec(0u8..9, 1..8),
            b in prop::collection::vec(0u8..9, 1..8),
        ) {
            let (a, b): (Vec<f64>, Vec<f64>) = (a.into_iter().map(f64::from).collect(), b.into_iter().map(f64::from).collect());
            prop_assert_eq!(cliffs_delta(&a, &b), -cliffs_delta(&b, &a));
        }
    }
}
