//! Medians and their ratio.

/// Median of the values; `None` if there are none.
#[must_use]
pub fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    median_in_place(&mut sorted)
}

/// As [`median`], and sorts.
pub(super) fn median_in_place(values: &mut [f64]) -> Option<f64> {
    values.sort_unstable_by(f64::total_cmp);
    let middle = values.len() / 2;
    let upper = *values.get(middle)?;
    if values.len() % 2 == 1 { Some(upper) } else { Some(values.get(middle - 1)?.midpoint(upper)) }
}

/// `a / b` of two figures that are not negative: 1 if both are 0, infinite if only `b` is.
#[must_use]
pub fn ratio(a: f64, b: f64) -> f64 {
    if a == b { 1.0 } else { a / b }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_one_or_the_mean_of_the_two() {
        assert_eq!(median(&[]), None);
        assert_eq!(median(&[3.0]), Some(3.0));
        assert_eq!(median(&[9.0, 1.0, 5.0]), Some(5.0));
        assert_eq!(median(&[9.0, 1.0, 5.0, 6.0]), Some(5.5));
    }

    #[test]
    fn the_ratio_of_nothing_to_nothing_is_one() {
        assert_eq!((ratio(0.0, 0.0), ratio(1.0, 0.0), ratio(3.0, 2.0)), (1.0, f64::INFINITY, 1.5));
    }
}
