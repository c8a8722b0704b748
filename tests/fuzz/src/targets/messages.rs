//! JSON messages. What can be read can be written within its limit, and reads as the same again.

use std::fmt::{Debug, Display};

use serde::Serialize;
use shared_host::json;
use shared_proto::limits::{MAX_ACK, MAX_COMMAND, MAX_REPORT, MAX_STATUS};
use shared_proto::wire::{CannotMerge, Report};

/// An acknowledgement.
pub fn ack(bytes: &[u8]) {
    round_trip(bytes, MAX_ACK, json::decode_ack);
}

/// A command of the native wire.
pub fn command(bytes: &[u8]) {
    round_trip(bytes, MAX_COMMAND, json::decode_command);
}

/// A status.
pub fn status(bytes: &[u8]) {
    round_trip(bytes, MAX_STATUS, json::decode_status);
}

/// A report; one that is valid merges with its neighbour without losing a count.
pub fn report(bytes: &[u8]) {
    if let Some(report) = round_trip(bytes, MAX_REPORT, json::decode_report) {
        merges_exactly(&report);
    }
}

/// A command of the classroom's wire.
pub fn lab_command(bytes: &[u8]) {
    round_trip(bytes, MAX_COMMAND, json::decode_lab_command);
}

/// What a classroom client publishes: it is read only, so all that it promises is its range.
pub fn lab_observed(bytes: &[u8]) {
    match json::decode_lab_observed(bytes) {
        Ok(observed) => assert!((0.0..=1.0).contains(&observed.miss_rate.get()), "{observed:?}"),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

pub(super) fn round_trip<T: Serialize + PartialEq + Debug, E: Display + Debug>(
    bytes: &[u8],
    limit: usize,
    decode: fn(&[u8]) -> Result<T, E>,
) -> Option<T> {
    let message = match decode(bytes) {
        Ok(message) => message,
        Err(error) => {
            assert!(!error.to_string().is_empty());
            return None;
        }
    };
    assert!(bytes.len() <= limit, "{} bytes were read; allowed are {limit}", bytes.len());
    let written = json::encode(&message, limit).expect("what was read fits its limit");
    assert_eq!(decode(&written).expect("what was written can be read"), message);
    let short = written.len().checked_sub(1).expect("JSON is never empty");
    assert!(json::encode(&message, short).is_err(), "a message was cut");
    Some(message)
}

/// Merges the report with a copy of itself as the next window.
fn merges_exactly(report: &Report) {
    let Some(next) = next_window(report) else { return };
    let mut sum = report.clone();
    match sum.absorb(&next) {
        Err(CannotMerge::Overflow) => return assert_eq!(&sum, report, "a refused merge changes nothing"),
        other => other.expect("neighbours of one epoch merge"),
    }
    assert_eq!(sum.validate(), Ok(()));
    let counts = |r: &Report| [r.jobs, r.misses, r.skipped, r.lost.records, r.wakeup_us.count(), r.response_us.count()];
    let doubled =
        counts(report).map(|count| count.checked_mul(2).expect("counts below the totals, which do not overflow"));
    assert_eq!(counts(&sum), doubled);
    assert_eq!(u64::from(sum.merged), 2 * u64::from(report.merged));
    assert_eq!((sum.seq, sum.total), (next.seq, next.total));
    assert_eq!(
        (sum.wakeup_us.min_ns(), sum.wakeup_us.max_ns()),
        (report.wakeup_us.min_ns(), report.wakeup_us.max_ns())
    );
}

/// The report that would follow if the next windows were just the same; `None` if a count would overflow.
fn next_window(report: &Report) -> Option<Report> {
    let mut next = report.clone();
    next.seq = report.seq.checked_add(report.merged.into())?;
    report.merged.checked_mul(2)?;
    next.total.jobs = report.total.jobs.checked_add(report.jobs)?;
    next.total.misses = report.total.misses.checked_add(report.misses)?;
    next.total.skipped = report.total.skipped.checked_add(report.skipped)?;
    Some(next)
}
