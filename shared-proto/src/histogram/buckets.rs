//! Bucket bounds of the latency histogram, in whole nanoseconds.
//!
//! The scheme is OpenTelemetry's base-2 exponential histogram at scale 3
//! (<https://opentelemetry.io/docs/specs/otel/metrics/data-model/#exponentialhistogram>): bucket `i` holds the values in
//! `(2^(i/8), 2^((i+1)/8)]` microseconds. Inside, durations are whole nanoseconds, so every bound is rounded down to the
//! nanosecond once, at compile time, and no floating point decides where a value belongs.

/// Buckets per octave: 2 to the power of OpenTelemetry's scale 3.
pub const BUCKETS_PER_OCTAVE: i16 = 8;
/// Lowest bucket index. It also holds everything below it (values of up to 8 ns).
pub const MIN_BUCKET: i16 = -56;
/// Highest bucket index. It also holds everything above it (values beyond 67 s).
pub const MAX_BUCKET: i16 = 207;
/// Number of buckets.
pub const BUCKETS: usize = 264;

/// `2^(k/16)` in fixed point with 60 fractional bits; even entries bound buckets, odd ones are their geometric middle.
const ROOTS: [u64; 16] = [
    1152921504606846976,
    1203965700457697122,
    1257269815929830108,
    1312933906212862054,
    1371062456318104877,
    1431764577203528245,
    1495154210581915421,
    1561350342796650840,
    1630477228166597776,
    1702664622219298519,
    1778048025250290523,
    1856768936665714716,
    1938975120585633118,
    2024820883206609954,
    2114467362444183333,
    2208082830398904709,
];

/// Largest value of each bucket, in nanoseconds; the last one is open.
static UPPER_NS: [u64; BUCKETS] = bounds(2);
/// Geometric middle of each bucket, in nanoseconds.
static MIDDLE_NS: [u64; BUCKETS] = bounds(1);

/// `1000 · 2^((index + half/2) / 8)` for every bucket, rounded down: `half` 1 is the middle, 2 the upper bound.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::indexing_slicing,
    reason = "evaluated at compile time: an index or a value out of range fails the build"
)]
const fn bounds(half: i32) -> [u64; BUCKETS] {
    let mut table = [0u64; BUCKETS];
    let mut slot = 0;
    while slot < BUCKETS {
        let sixteenths = (slot as i32 + MIN_BUCKET as i32) * 2 + half;
        let octave = sixteenths.div_euclid(16);
        let scaled = 1000 * ROOTS[sixteenths.rem_euclid(16) as usize] as u128;
        table[slot] = if octave >= 0 { (scaled << octave) >> 60 } else { scaled >> (60 - octave) } as u64;
        slot += 1;
    }
    table
}

/// Position in the table of the bucket that holds `value_ns`.
pub(super) fn slot_of(value_ns: u64) -> usize {
    UPPER_NS.partition_point(|&upper| upper < value_ns).min(BUCKETS - 1)
}

/// Largest value, in nanoseconds, that the bucket at `slot` holds (for the last bucket: its nominal bound).
pub(super) fn upper_ns(slot: usize) -> u64 {
    UPPER_NS.get(slot).copied().unwrap_or(u64::MAX)
}

/// Geometric middle, in nanoseconds, of the bucket at `slot`: at most 4.5 % from any value in it.
pub(super) fn middle_ns(slot: usize) -> u64 {
    MIDDLE_NS.get(slot).copied().unwrap_or(u64::MAX)
}

/// Table position of a bucket index on the wire, if it is in range.
pub(super) fn slot_of_index(index: i16) -> Option<usize> {
    usize::try_from(i32::from(index) - i32::from(MIN_BUCKET)).ok().filter(|&slot| slot < BUCKETS)
}

/// Bucket index on the wire of a table position.
#[expect(clippy::cast_possible_truncation, clippy::cast_possible_wrap, reason = "slots are below 264")]
pub(super) fn index_of_slot(slot: usize) -> i16 {
    slot as i16 + MIN_BUCKET
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_octaves_are_exact_powers_of_two_microseconds() {
        for octave in 0..=25u32 {
            let slot = slot_of_index(i16::try_from(octave * 8).unwrap() - 1).unwrap();
            assert_eq!(upper_ns(slot), 1000 << octave, "upper bound of bucket {}", octave * 8 - 1);
        }
    }

    #[test]
    fn bounds_agree_with_floating_point_powers() {
        for slot in 0..BUCKETS {
            let exact = 1000.0 * 2f64.powf((f64::from(index_of_slot(slot)) + 1.0) / 8.0);
            #[expect(clippy::cast_precision_loss)]
            let table = upper_ns(slot) as f64;
            assert!(table <= exact * (1.0 + 1e-12) && table > exact - 1.001, "slot {slot}: {table} against {exact}");
        }
    }

    #[test]
    fn the_bound_itself_belongs_to_the_bucket_below() {
        for slot in 0..BUCKETS - 1 {
            assert_eq!(slot_of(upper_ns(slot)), slot);
            assert_eq!(slot_of(upper_ns(slot) + 1), slot + 1);
        }
        assert_eq!(slot_of(0), 0);
        assert_eq!(slot_of(u64::MAX), BUCKETS - 1);
    }
}
