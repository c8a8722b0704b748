//! Fixtures.

mod gathering;
mod spooling;
mod storing;

use shared_proto::histogram::Latency;
use shared_proto::ids::BootId;
use shared_proto::wire::{Census, Occurrences, Site, SiteCounts, Version};

/// Window `seq` of a run: each has two jobs, one of them missed, with times that tell the windows apart.
fn window(boot: u64, seq: u64) -> Site {
    let mut times = Latency::default();
    times.record(1_000 * seq);
    times.record(3_000_000 * boot + seq);
    let one = SiteCounts { reports: 1, jobs: 2, misses: 1, heard_bytes: 900, ..SiteCounts::default() };
    let total =
        SiteCounts { reports: seq, jobs: 2 * seq, misses: seq, heard_bytes: 900 * seq, ..SiteCounts::default() };
    Site {
        v: Version,
        site: "north".parse().unwrap(),
        boot: BootId(boot),
        seq,
        t_ms: 1_000_000 * boot + seq,
        up_ms: seq,
        span_ms: 1,
        merged: 1,
        devices: Census::default(),
        counts: one,
        total,
        missing_jobs: 0,
        wakeup_us: times.clone(),
        response_us: times,
        worst: None,
        occurrences: Occurrences::new(),
        occurrences_left_out: 0,
    }
}
