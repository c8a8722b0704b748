//! Equivalence by two one-sided tests (Schuirmann 1987), on ranks: what would have to be true if the difference mattered is
//! rejected on either side.

use serde::{Deserialize, Serialize};

use super::{Alternative, mann_whitney};

/// The smallest difference that matters: a share of the figure or an amount, whichever is more.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Margin {
    /// As a share: 0.10 is from 1 to 1.10, or from 1.10 to 1.
    pub relative: f64,
    /// In the unit of the figure.
    pub absolute: f64,
}

impl Margin {
    /// The least figure that is greater than `value` by as much as matters.
    #[must_use]
    pub fn above(self, value: f64) -> f64 {
        (value * (1.0 + self.relative)).max(value + self.absolute)
    }
}

/// p of "`a` and `b` are at least the margin apart". Small p: they are not.
#[must_use]
pub fn equivalent(a: &[f64], b: &[f64], margin: Margin) -> f64 {
    let raise = |values: &[f64]| values.iter().map(|value| margin.above(*value)).collect::<Vec<_>>();
    let not_greater = mann_whitney(a, &raise(b), Alternative::Less);
    let not_smaller = mann_whitney(&raise(a), b, Alternative::Greater);
    not_greater.max(not_smaller)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn equivalent_by_ratio(a: &[f64], b: &[f64], relative: f64) -> f64 {
        equivalent(a, b, Margin { relative, absolute: 0.0 })
    }

    fn equivalent_by_difference(a: &[f64], b: &[f64], absolute: f64) -> f64 {
        equivalent(a, b, Margin { relative: 0.0, absolute })
    }

    const B: [f64; 5] = [100.0, 101.0, 99.0, 100.5, 99.5];

    #[test]
    fn close_samples_are_equivalent_and_distant_ones_are_not() {
        assert_eq!(equivalent_by_ratio(&B, &B, 0.10), 1.0 / 252.0);
        let at = |factor: f64| equivalent_by_ratio(&B.map(|value| value * factor), &B, 0.10);
        assert!(at(1.05) < 0.05 && at(0.95) < 0.05, "within the margin");
        assert!(at(1.10) > 0.4 && at(1.0 / 1.10) > 0.4, "at the margin");
        assert!(at(1.2) == 1.0 && at(0.8) == 1.0, "beyond the margin");
    }

    #[test]
    fn noise_wider_than_the_margin_is_no_equivalence() {
        let wide = [50.0, 80.0, 100.0, 120.0, 200.0];
        assert!(equivalent_by_ratio(&wide, &wide, 0.10) > 0.2);
    }

    #[test]
    fn differences_work_at_zero() {
        let (a, b) = ([0.0, 0.0, 0.0001, 0.0, 0.0], [0.0, 0.0002, 0.0, 0.0, 0.0]);
        assert_eq!(equivalent_by_difference(&a, &b, 0.001), 1.0 / 252.0);
        let noisy = [0.0, 0.0001, 0.0002, 0.0003, 0.0004];
        assert!(equivalent_by_difference(&noisy, &noisy, 0.00005) > 0.05);
    }

    #[test]
    fn the_greater_part_of_the_margin_counts() {
        let margin = Margin { relative: 0.10, absolute: 5.0 };
        assert_eq!((margin.above(0.0), margin.above(40.0)), (5.0, 45.0));
        assert!((margin.above(1000.0) - 1100.0).abs() < 1e-9);
        let raised = |by: f64| B.map(|value| value + by);
        let few = B.map(|value| value / 100.0);
        assert!(equivalent(&raised(8.0), &B, margin) < 0.05, "8 %");
        assert!(equivalent(&few.map(|value| value * 3.0), &few, margin) < 0.05, "three times, but by 2");
        assert!(equivalent(&few.map(|value| value * 8.0), &few, margin) > 0.9, "by 7");
    }

    proptest! {
        #[test]
        fn the_sides_may_be_swapped(
            a in prop::collection::vec(1u16..500, 1..9),
            b in prop::collection::vec(1u16..500, 1..9),
        ) {
            let (a, b): (Vec<f64>, Vec<f64>) = (a.into_iter().map(f64::from).collect(), b.into_iter().map(f64::from).collect());
            prop_assert!((equivalent_by_ratio(&a, &b, 0.5) - equivalent_by_ratio(&b, &a, 0.5)).abs() < 1e-12);
            prop_assert!((equivalent_by_difference(&a, &b, 5.0) - equivalent_by_difference(&b, &a, 5.0)).abs() < 1e-12);
        }
    }
}
