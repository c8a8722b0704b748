use shared_proto::histogram::Latency;
use shared_proto::ids::BootId;
use shared_proto::mode::{Mode, ModeSource};
use shared_proto::policy::PolicyState;
use shared_proto::units::Ratio;
use shared_proto::wire::{
    Host, Lost, MissBurst, MissWindow, OverrunPolicy, Report, RtContext, Schedule, Task, Totals, Version,
};

use super::{BOOT, device, task};

/// The greatest whole number that every JSON implementation reads exactly.
const GREATEST: u64 = (1 << 53) - 1;

fn recorded(durations_ns: &[u64]) -> Latency {
    let mut latency = Latency::default();
    durations_ns.iter().for_each(|&ns| latency.record(ns));
    latency
}

/// The first report of an agent that has done nothing and knows nothing about its machine.
pub(crate) fn empty_window() -> Report {
    Report {
        v: Version,
        device: device(),
        boot: BOOT,
        seq: 1,
        t_ms: 0,
        up_ms: 0,
        clock_synced: false,
        span_ms: 200,
        task: task(),
        epoch: 0,
        mode: Mode::Normal,
        mode_source: ModeSource::Default,
        mode_age_ms: 200,
        jobs: 0,
        misses: 0,
        skipped: 0,
        miss_rate: Ratio::ZERO,
        miss_window: MissWindow::default(),
        longest_miss_run: 0,
        worst_burst: MissBurst::default(),
        wakeup_us: Latency::default(),
        response_us: Latency::default(),
        workload: Ratio::ZERO,
        host: Host::default(),
        rt: RtContext {
            schedule: Schedule::Other,
            priority: 0,
            cpu: None,
            locked: false,
            self_overhead_ns: 0,
            preemptions: 0,
            faults: 0,
        },
        lost: Lost::default(),
        merged: 1,
        total: Totals::default(),
        policy: PolicyState { quiet_ms: 200, ..PolicyState::default() },
    }
}

/// Twenty releases: one skipped, two late, the times of one lost.
pub(crate) fn full() -> Report {
    Report {
        seq: 42,
        t_ms: 1_767_225_600_123,
        up_ms: 86_400_100,
        clock_synced: true,
        epoch: 3,
        mode: Mode::Degraded,
        mode_source: ModeSource::Gateway,
        mode_age_ms: 1_400,
        jobs: 20,
        misses: 3,
        skipped: 1,
        miss_rate: Ratio::of(3, 250),
        miss_window: MissWindow { jobs: 250, misses: 3 },
        longest_miss_run: 2,
        worst_burst: MissBurst { misses: 2, jobs: 10 },
        wakeup_us: recorded(&[
            3_150, 3_480, 3_702, 3_911, 4_020, 4_180, 4_333, 4_512, 4_705, 4_990, 5_230, 5_611, 6_004, 7_345, 9_120,
            12_048, 31_500, 812_007,
        ]),
        response_us: recorded(&[
            6_012_400, 6_020_150, 6_031_007, 6_044_812, 6_050_000, 6_058_333, 6_061_250, 6_070_499, 6_082_111,
            6_090_001, 6_101_777, 6_133_020, 6_180_555, 6_240_900, 6_395_010, 6_820_640, 9_004_500, 12_400_250,
        ]),
        workload: Ratio::of(6, 10),
        host: Host {
            cpu: Some(Ratio::of(35, 100)),
            steal: Some(Ratio::ZERO),
            temp_c: Some(51.5),
            throttled: Some(0x5_0000),
            freq_mhz: Some(1_800),
            rss_kb: Some(4_312),
        },
        rt: RtContext {
            schedule: Schedule::Fifo,
            priority: 80,
            cpu: Some(3),
            locked: true,
            self_overhead_ns: 140,
            preemptions: 2,
            faults: 0,
        },
        lost: Lost { records: 1, reports: 0 },
        total: Totals { jobs: 840, misses: 5, skipped: 2 },
        policy: PolicyState {
            mode: Mode::Degraded,
            in_mode_ms: Some(1_400),
            calm: 2,
            backoff: 1,
            ..PolicyState::default()
        },
        ..empty_window()
    }
}

/// Three windows of two jobs each, made one after a time offline.
pub(crate) fn merged() -> Report {
    let first = Report {
        seq: 43,
        jobs: 2,
        misses: 0,
        skipped: 0,
        longest_miss_run: 0,
        worst_burst: MissBurst { misses: 1, jobs: 10 },
        wakeup_us: recorded(&[2_500, 4_100]),
        response_us: recorded(&[6_100_000, 6_200_000]),
        host: Host { cpu: Some(Ratio::of(1, 4)), ..full().host },
        lost: Lost::default(),
        total: Totals { jobs: 842, misses: 5, skipped: 2 },
        ..full()
    };
    let second = Report {
        seq: 44,
        misses: 1,
        longest_miss_run: 1,
        wakeup_us: recorded(&[4_200, 3_000]),
        response_us: recorded(&[6_300_000, 8_100_000]),
        host: Host { cpu: Some(Ratio::of(1, 2)), throttled: Some(0x5_0004), ..full().host },
        rt: RtContext { preemptions: 3, faults: 1, ..full().rt },
        total: Totals { jobs: 844, misses: 6, skipped: 2 },
        ..first.clone()
    };
    let third = Report {
        seq: 45,
        t_ms: 1_767_225_600_723,
        mode_age_ms: 2_000,
        miss_rate: Ratio::of(5, 250),
        miss_window: MissWindow { jobs: 250, misses: 5 },
        longest_miss_run: 2,
        worst_burst: MissBurst { misses: 2, jobs: 10 },
        wakeup_us: recorded(&[5_000, 70_000]),
        response_us: recorded(&[8_200_000, 6_400_000]),
        host: Host {
            cpu: Some(Ratio::of(3, 4)),
            temp_c: Some(53.0),
            throttled: Some(0x5_0001),
            freq_mhz: Some(1_500),
            rss_kb: Some(4_400),
            ..full().host
        },
        rt: RtContext { preemptions: 4, faults: 2, ..full().rt },
        total: Totals { jobs: 846, misses: 7, skipped: 2 },
        policy: PolicyState { in_mode_ms: Some(2_000), calm: 0, ..full().policy },
        ..second.clone()
    };
    let mut sum = first;
    sum.absorb(&second).expect("neighbours");
    sum.absorb(&third).expect("neighbours");
    sum
}

/// Every field at an end of its range, and durations on both sides of bucket bounds.
pub(crate) fn extremes() -> Report {
    Report {
        device: "A.z_0-9.A.z_0-9.A.z_0-9.A.z_0-9.".parse().expect("a device name"),
        boot: BootId(u64::MAX),
        seq: GREATEST,
        t_ms: GREATEST,
        task: Task {
            name: "Ü \"x\" \\ 50 µs".into(), period_us: 50, deadline_us: 50, overrun: OverrunPolicy::CatchUp
        },
        epoch: u32::MAX,
        mode: Mode::Normal,
        mode_source: ModeSource::Safety,
        mode_age_ms: GREATEST,
        jobs: 8,
        misses: 1,
        skipped: 0,
        miss_rate: Ratio::ONE,
        miss_window: MissWindow { jobs: 1, misses: 1 },
        longest_miss_run: GREATEST,
        worst_burst: MissBurst { misses: u32::MAX, jobs: u32::MAX },
        wakeup_us: recorded(&[0, 7, 8, 9, 1_000, 1_001, 2_000, 2_001]),
        response_us: recorded(&[
            1,
            1_023,
            1_090,
            1_091,
            60_000_000_000,
            67_000_000_000,
            70_000_000_000,
            1_000_000_000_000_000,
        ]),
        workload: Ratio::ONE,
        host: Host {
            cpu: Some(Ratio::ONE),
            steal: Some(Ratio::ONE),
            temp_c: Some(-40.0),
            throttled: Some(u32::MAX),
            freq_mhz: Some(u32::MAX),
            rss_kb: Some(GREATEST),
        },
        rt: RtContext {
            schedule: Schedule::Deadline,
            priority: u8::MAX,
            cpu: Some(u16::MAX),
            locked: true,
            self_overhead_ns: u32::MAX,
            preemptions: GREATEST,
            faults: GREATEST,
        },
        lost: Lost { records: 0, reports: GREATEST },
        merged: u32::MAX,
        total: Totals { jobs: GREATEST, misses: GREATEST, skipped: GREATEST },
        policy: PolicyState {
            mode: Mode::Normal,
            in_mode_ms: Some(GREATEST),
            quiet_ms: GREATEST,
            hot: u16::MAX,
            calm: u16::MAX,
            backoff: u8::MAX,
        },
        ..full()
    }
}
