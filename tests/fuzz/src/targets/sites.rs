//! Messages between the gateway of a site and the one above it. What can be read can be written within its limit, and reads as the same again.

use shared_host::json;
use shared_proto::limits::{MAX_SITE, MAX_SITE_MISSING, MAX_SITE_STATUS};
use shared_proto::wire::{CannotMergeSites, Site, SiteCounts};

use super::messages::round_trip;

/// A window of a site; one that is valid merges with its neighbour without losing a count.
pub fn site(bytes: &[u8]) {
    if let Some(site) = round_trip(bytes, MAX_SITE, json::decode_site) {
        assert_eq!(site.validate(), Ok(()));
        merges_exactly(&site);
        merges_at_most_into_what_is_valid(&site);
    }
}

/// The status of a site.
pub fn site_status(bytes: &[u8]) {
    round_trip(bytes, MAX_SITE_STATUS, json::decode_site_status);
}

/// Which windows of a site are missing.
pub fn site_missing(bytes: &[u8]) {
    round_trip(bytes, MAX_SITE_MISSING, json::decode_site_missing);
}

/// Merges the window with a copy of itself as the next one.
fn merges_exactly(site: &Site) {
    let Some(next) = next_window(site) else { return };
    let mut sum = site.clone();
    match sum.absorb(&next) {
        Err(CannotMergeSites::Overflow) => return assert_eq!(&sum, site, "a refused merge changes nothing"),
        other => other.expect("neighbours whose totals follow each other merge"),
    }
    assert_eq!(sum.validate(), Ok(()));
    let counts = |s: &Site| {
        let SiteCounts { reports, jobs, misses, skipped, lost_records, mode_changes, alarms, heard_bytes } = s.counts;
        let told = s.occurrences.len() as u64 + s.occurrences_left_out;
        let values = [s.wakeup_us.count(), s.response_us.count(), u64::from(s.merged), told];
        ([reports, jobs, misses, skipped, lost_records, mode_changes, alarms, heard_bytes], values)
    };
    let twice = |count: u64| count.checked_mul(2).expect("counts below the totals, which do not overflow");
    let (of_reports, others) = counts(site);
    assert_eq!(counts(&sum), (of_reports.map(twice), others.map(twice)));
    assert_eq!((sum.seq, sum.after(), sum.total), (next.seq, site.after(), next.total));
    assert_eq!(sum.worst, site.worst);
    for (merged, own) in [(&sum.wakeup_us, &site.wakeup_us), (&sum.response_us, &site.response_us)] {
        assert_eq!((merged.min_ns(), merged.max_ns()), (own.min_ns(), own.max_ns()));
        assert_eq!((merged.quantile_ns(0.0), merged.quantile_ns(1.0)), (own.quantile_ns(0.0), own.quantile_ns(1.0)));
    }
}

/// The same with totals that do not follow each other: refused whole, or still valid.
fn merges_at_most_into_what_is_valid(site: &Site) {
    let Some(seq) = site.seq.checked_add(site.merged.into()) else { return };
    let next = Site { seq, ..site.clone() };
    let mut sum = site.clone();
    match sum.absorb(&next) {
        Ok(()) => assert_eq!(sum.validate(), Ok(())),
        Err(_) => assert_eq!(&sum, site, "a refused merge changes nothing"),
    }
}

/// The window that would follow if the next ones were just the same; `None` if a count would overflow.
fn next_window(site: &Site) -> Option<Site> {
    let (total, counts) = (&site.total, &site.counts);
    site.merged.checked_mul(2)?;
    let total = SiteCounts {
        reports: total.reports.checked_add(counts.reports)?,
        jobs: total.jobs.checked_add(counts.jobs)?,
        misses: total.misses.checked_add(counts.misses)?,
        skipped: total.skipped.checked_add(counts.skipped)?,
        lost_records: total.lost_records.checked_add(counts.lost_records)?,
        mode_changes: total.mode_changes.checked_add(counts.mode_changes)?,
        alarms: total.alarms.checked_add(counts.alarms)?,
        heard_bytes: total.heard_bytes.checked_add(counts.heard_bytes)?,
    };
    let next = Site { seq: site.seq.checked_add(site.merged.into())?, total, ..site.clone() };
    next.validate().is_ok().then_some(next)
}
