use shared_proto::histogram::Latency;
use shared_proto::ids::{BootId, SiteId};
use shared_proto::mode::Mode;
use shared_proto::text::Reason;
use shared_proto::units::Ratio;
use shared_proto::wire::{
    Census, Departure, EarlierRun, EarlierRuns, Occurrence, Site, SiteCounts, SiteMissing, SiteStatus, Version, What,
    Worst,
};

use super::{BOOT, device};

fn site() -> SiteId {
    "hall-3".parse().expect("a site name")
}

fn recorded(durations_ns: &[u64]) -> Latency {
    let mut latency = Latency::default();
    durations_ns.iter().for_each(|&ns| latency.record(ns));
    latency
}

fn occurrence(t_ms: u64, what: What) -> Occurrence {
    Occurrence { t_ms, device: Some(device()), what, mode: None, reason: Reason::default() }
}

/// The first window of a controller that has heard of no device.
pub(crate) fn empty_window() -> Site {
    Site {
        v: Version,
        site: site(),
        boot: BOOT,
        seq: 1,
        t_ms: 0,
        up_ms: 5_000,
        span_ms: 5_000,
        merged: 1,
        devices: Census::default(),
        counts: SiteCounts::default(),
        total: SiteCounts::default(),
        missing_jobs: 0,
        wakeup_us: Latency::default(),
        response_us: Latency::default(),
        worst: None,
        occurrences: heapless::Vec::new(),
        occurrences_left_out: 0,
    }
}

/// One device that kept all its deadlines, in a window without what may be left out.
pub(crate) fn minimal() -> Site {
    let counts = SiteCounts { reports: 1, jobs: 2, heard_bytes: 1_024, ..SiteCounts::default() };
    Site {
        seq: 2,
        t_ms: 1_767_225_595_000,
        up_ms: 10_000,
        devices: Census { known: 1, online: 1, offline: 0, degraded: 0 },
        counts,
        total: counts,
        wakeup_us: recorded(&[2_500, 4_100]),
        response_us: recorded(&[6_100_000, 6_200_000]),
        ..empty_window()
    }
}

/// Twelve releases: two skipped, four late, the times of one lost. One of everything that can happen, and two without room.
pub(crate) fn full() -> Site {
    let at = |seconds: u64| 1_767_225_600_000 + 1_000 * seconds;
    Site {
        seq: 42,
        t_ms: at(5),
        up_ms: 210_000,
        devices: Census { known: 5, online: 3, offline: 1, degraded: 2 },
        counts: SiteCounts {
            reports: 3,
            jobs: 12,
            misses: 4,
            skipped: 2,
            lost_records: 1,
            mode_changes: 2,
            alarms: 8,
            heard_bytes: 6_143,
        },
        total: SiteCounts {
            reports: 1_803,
            jobs: 7_204,
            misses: 91,
            skipped: 17,
            lost_records: 1,
            mode_changes: 14,
            alarms: 25,
            heard_bytes: 3_690_881,
        },
        missing_jobs: 40,
        wakeup_us: recorded(&[3_150, 4_020, 4_333, 5_230, 6_004, 9_120, 12_048, 31_500, 812_007]),
        response_us: recorded(&[
            6_012_400, 6_031_007, 6_050_000, 6_058_333, 6_070_499, 6_180_555, 6_820_640, 9_004_500, 12_400_250,
        ]),
        worst: Some(Worst { device: device(), miss_rate: Ratio::of(3, 25) }),
        occurrences: [
            Occurrence { device: None, ..occurrence(at(0), What::LinkLost) },
            Occurrence { device: None, ..occurrence(at(1), What::LinkBack) },
            Occurrence {
                mode: Some(Mode::Degraded),
                reason: "miss rate 0.1200 > 0.05".into(),
                ..occurrence(at(2), What::Mode)
            },
            occurrence(at(2), What::Lost),
            Occurrence { mode: Some(Mode::Normal), ..occurrence(at(3), What::Back) },
            Occurrence {
                mode: Some(Mode::Degraded),
                reason: "held by the operator".into(),
                ..occurrence(at(3), What::Held)
            },
            Occurrence { reason: "\"c-7\" is not of this gateway".into(), ..occurrence(at(4), What::Contested) },
            Occurrence { reason: "version 2 is unknown: allowed is 1".into(), ..occurrence(at(4), What::Rejected) },
        ]
        .into_iter()
        .collect(),
        occurrences_left_out: 2,
        ..empty_window()
    }
}

/// Three windows, made one after a time without the broker above: twenty devices lost, two that missed alike, fifteen devices back.
pub(crate) fn merged() -> Site {
    let named = |number: u64| Some(format!("pi-{number:02}").parse().expect("a device name"));
    let at = |seconds: u64| 1_767_225_605_000 + 1_000 * seconds;
    let next = |earlier: &Site, counts: SiteCounts| Site {
        seq: earlier.seq + 1,
        t_ms: earlier.t_ms + 5_000,
        up_ms: earlier.up_ms + 5_000,
        counts,
        total: earlier.total.plus(&counts),
        worst: None,
        occurrences: heapless::Vec::new(),
        occurrences_left_out: 0,
        ..earlier.clone()
    };

    let counts =
        SiteCounts { reports: 1, jobs: 3, lost_records: 1, alarms: 20, heard_bytes: 2_000, ..Default::default() };
    let first = Site {
        devices: Census { known: 20, online: 0, offline: 20, degraded: 0 },
        missing_jobs: 60,
        wakeup_us: recorded(&[2_500, 4_100]),
        response_us: recorded(&[6_100_000, 6_200_000]),
        occurrences: (1..=20).map(|n| Occurrence { device: named(n), ..occurrence(at(0), What::Lost) }).collect(),
        ..next(&full(), counts)
    };
    let counts = SiteCounts { reports: 2, jobs: 4, misses: 2, skipped: 1, heard_bytes: 2_100, ..Default::default() };
    let second = Site {
        missing_jobs: 30,
        wakeup_us: recorded(&[3_000, 4_200, 70_000]),
        response_us: recorded(&[6_300_000, 6_400_000, 8_200_000]),
        worst: Some(Worst { device: device(), miss_rate: Ratio::of(1, 2) }),
        ..next(&first, counts)
    };
    let counts = SiteCounts { reports: 1, jobs: 2, misses: 1, alarms: 15, heard_bytes: 2_050, ..Default::default() };
    let third = Site {
        devices: Census { known: 20, online: 15, offline: 5, degraded: 1 },
        missing_jobs: 6,
        wakeup_us: recorded(&[2_000, 5_000]),
        response_us: recorded(&[6_150_000, 8_100_000]),
        worst: Some(Worst { device: "pi-02".parse().expect("a device name"), miss_rate: Ratio::of(1, 2) }),
        occurrences: (1..=15).map(|n| Occurrence { device: named(n), ..occurrence(at(12), What::Back) }).collect(),
        ..next(&second, counts)
    };

    let mut sum = first;
    sum.absorb(&second).expect("neighbours");
    sum.absorb(&third).expect("neighbours");
    sum
}

pub(crate) fn status_online() -> SiteStatus {
    SiteStatus {
        v: Version,
        site: site(),
        boot: BOOT,
        conn: 2,
        up_ms: Some(210_150),
        online: true,
        departure: None,
        version: "0.1.0".into(),
        every_ms: 5_000,
        earlier: [EarlierRun { boot: BootId(0x0102_0304_0506_0708), up_to: 7_201 }].into_iter().collect(),
    }
}

pub(crate) fn status_will() -> SiteStatus {
    let earlier = EarlierRuns::new();
    SiteStatus { up_ms: None, online: false, departure: Some(Departure::Lost), earlier, ..status_online() }
}

pub(crate) fn missing() -> SiteMissing {
    SiteMissing { v: Version, boot: BOOT, after: 40, up_to: 42 }
}
