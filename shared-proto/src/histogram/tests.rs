use std::vec::Vec;

use proptest::prelude::*;

use super::*;

fn recorded(values: &[u64]) -> Latency {
    let mut latency = Latency::default();
    for &value in values {
        latency.record(value);
    }
    latency
}

fn durations() -> impl Strategy<Value = Vec<u64>> {
    // From 1 ns to beyond the open last bucket, every octave as likely as any other.
    prop::collection::vec(
        (0u32..38, 0u64..1 << 20).prop_map(|(octave, mantissa)| ((1 << 20) + mantissa) << octave >> 20),
        0..200,
    )
}

#[test]
fn an_empty_histogram_has_no_quantile() {
    assert_eq!(Histogram::default().quantile_ns(0.5), None);
    assert_eq!(Latency::default().min_ns(), None);
}

#[test]
fn a_quantile_outside_zero_to_one_is_refused() {
    let latency = recorded(&[1_000]);
    assert_eq!(latency.quantile_ns(1.5), None);
    assert_eq!(latency.quantile_ns(f64::NAN), None);
}

#[test]
fn an_overflowing_merge_changes_nothing() {
    let mut full = Histogram::default();
    assert!(full.add(0, u32::MAX));
    let mut other = Histogram::default();
    assert!(other.add(0, 1) && other.add(-1, 5));
    let before = full.clone();
    assert_eq!(full.merge(&other), Err(CountOverflow));
    assert_eq!(full, before);
}

#[test]
fn an_unknown_bucket_is_refused() {
    let mut histogram = Histogram::default();
    assert!(!histogram.add(MIN_BUCKET - 1, 1));
    assert!(!histogram.add(MAX_BUCKET + 1, 1));
    assert_eq!(histogram.total(), 0);
}

proptest! {
    #[test]
    fn merging_equals_recording_everything_in_one(a in durations(), b in durations()) {
        let mut merged = recorded(&a);
        merged.merge(&recorded(&b)).unwrap();
        let together: Vec<u64> = a.iter().chain(&b).copied().collect();
        prop_assert_eq!(&merged, &recorded(&together));
        prop_assert_eq!(merged.count(), (a.len() + b.len()) as u64);
    }

    #[test]
    fn merge_is_commutative_and_associative(a in durations(), b in durations(), c in durations()) {
        let (a, b, c) = (recorded(&a), recorded(&b), recorded(&c));
        let merge = |x: &Latency, y: &Latency| { let mut sum = x.clone(); sum.merge(y).unwrap(); sum };
        prop_assert_eq!(merge(&a, &b), merge(&b, &a));
        prop_assert_eq!(merge(&merge(&a, &b), &c), merge(&a, &merge(&b, &c)));
    }

    #[test]
    fn a_quantile_is_within_the_bucket_bound(mut values in durations(), q in 0.0f64..=1.0) {
        prop_assume!(!values.is_empty());
        let latency = recorded(&values);
        values.sort_unstable();
        let rank = usize::try_from(nearest_rank(q, values.len() as u64).unwrap()).unwrap();
        let exact = values[rank - 1];
        let estimate = latency.quantile_ns(q).unwrap();
        // Below 1 µs whole nanoseconds are coarser than the bucket; beyond the last bound the bucket is open.
        if (1_000..60_000_000_000).contains(&exact) {
            let error = (estimate as f64 - exact as f64).abs() / exact as f64;
            prop_assert!(error <= 0.0455, "exact {exact}, estimate {estimate}, error {error}");
        }
        prop_assert!(estimate >= values[0] && estimate <= values[values.len() - 1]);
    }

    #[test]
    fn the_wire_form_gives_back_the_same_distribution(values in durations()) {
        let latency = recorded(&values);
        let text = serde_json::to_string(&latency).unwrap();
        prop_assert_eq!(serde_json::from_str::<Latency>(&text).unwrap(), latency);
    }
}
