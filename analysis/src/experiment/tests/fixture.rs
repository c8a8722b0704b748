//! Lines for tests.

use shared_proto::histogram::Latency;
use shared_proto::ids::BootId;
use shared_proto::mode::{Mode, ModeSource};
use shared_proto::policy::PolicyState;
use shared_proto::units::Ratio;
use shared_proto::wire::{
    Ack, Host, Lease, Lost as LostRecords, MissBurst, MissWindow, Outcome, OverrunPolicy, Report, RtContext, Schedule,
    SetMode, Task, Totals, Version,
};

use super::super::*;
use crate::run::Machine;

pub(super) fn begin() -> Begin {
    Begin {
        format: Format::FleetExperiment,
        version: FORMAT_VERSION,
        tool: "test 1".into(),
        label: "plain".into(),
        run: 1,
        started_unix_ms: 1_700_000_000_000,
        duration_ms: None,
        machine: Machine::default(),
        setup: Setup::default(),
    }
}

pub(super) fn end(at_ms: f64, reports: u64) -> End {
    End { at_ms, reason: Ending::Complete, reports }
}

/// The report of window `seq`, with `jobs` wake-ups.
pub(super) fn report(at_ms: f64, seq: u64, jobs: u64) -> Line {
    let mut latency = Latency::default();
    (0..jobs).for_each(|job| latency.record(50_000 + 977 * (job + seq)));
    let total = Totals { jobs: jobs * seq, misses: 0, skipped: 0 };
    let message = Report {
        v: Version,
        device: "pi-1".parse().unwrap(),
        boot: BootId(7),
        seq,
        t_ms: 1_700_000_000_000 + seq,
        up_ms: 200 * seq,
        clock_synced: true,
        span_ms: 200,
        task: Task { name: "spin".into(), period_us: 1000, deadline_us: 1000, overrun: OverrunPolicy::SkipNext },
        epoch: 0,
        mode: Mode::Normal,
        mode_source: ModeSource::Gateway,
        mode_age_ms: 200 * seq,
        jobs,
        misses: 0,
        skipped: 0,
        miss_rate: Ratio::of(1, 91),
        miss_window: MissWindow { jobs: 91, misses: 1 },
        longest_miss_run: 0,
        worst_burst: MissBurst::default(),
        wakeup_us: latency.clone(),
        response_us: latency,
        workload: Ratio::ZERO,
        host: Host { temp_c: Some(48.3), ..Host::default() },
        rt: RtContext {
            schedule: Schedule::Fifo,
            priority: 80,
            cpu: Some(3),
            locked: true,
            self_overhead_ns: 900,
            preemptions: 0,
            faults: 0,
        },
        lost: LostRecords::default(),
        merged: 1,
        total,
        policy: PolicyState::default(),
    };
    Line::Report(Heard { at_ms, message: Box::new(message) })
}

pub(super) fn command(at_ms: f64, number: u64) -> Line {
    let message = SetMode {
        v: Version,
        id: format!("c-{number}").parse().unwrap(),
        mode: Mode::Degraded,
        lease_ms: Lease::try_from(4_000).unwrap(),
        reason: "why \" \u{1f600}".into(),
        cause: None,
        fresh: None,
        missing: None,
    };
    Line::Command(Command { at_ms, device: "pi-1".parse().unwrap(), message: Box::new(message) })
}

pub(super) fn ack(at_ms: f64, number: u64) -> Line {
    let message = Ack {
        v: Version,
        id: format!("c-{number}").parse().unwrap(),
        device: "pi-1".parse().unwrap(),
        boot: BootId(7),
        result: Outcome::Applied,
        reason: "".into(),
        mode: Mode::Degraded,
        mode_source: ModeSource::Gateway,
        job: Some(number),
        receipt_to_effect_us: Some(412.123),
        reaction_us: None,
    };
    Line::Ack(Heard { at_ms, message: Box::new(message) })
}
