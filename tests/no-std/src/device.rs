//! What a small device does with shared-proto between two reports.

use core::hint::black_box;

use shared_proto::dialect::native::{self, Kind};
use shared_proto::histogram::Latency;
use shared_proto::ids::{BootId, DeviceId, TopicRoot};
use shared_proto::limits::MAX_REPORT;
use shared_proto::mode::{Mode, ModeSource};
use shared_proto::policy::{Observation, PolicyConfig, PolicyState};
use shared_proto::sign::{self, Key};
use shared_proto::text::Reason;
use shared_proto::units::Ratio;
use shared_proto::wire::{
    Host, Lost, MissBurst, MissWindow, OverrunPolicy, Report, RtContext, Schedule, SetMode, Task, Totals, Version,
};

/// The step that failed; its number is the exit code.
#[derive(Debug, Clone, Copy)]
#[repr(u8)]
pub(crate) enum Step {
    Name = 1,
    ReadCommand,
    Policy,
    Merge,
    Validate,
    Write,
    ReadBack,
    Sign,
    Verify,
}

const COMMAND: &str = r#"{"v":1,"id":"c1","mode":"DEGRADED","lease_ms":5000,"reason":"say \"less\""}"#;

/// Every part once. Inputs come through `black_box`, so that nothing is worked out while compiling and then dropped.
pub(crate) fn run() -> Result<(), Step> {
    let root: TopicRoot = black_box("edge").parse().map_err(|_| Step::Name)?;
    let device: DeviceId = black_box("mcu-1").parse().map_err(|_| Step::Name)?;
    let topic = native::topic(&root, &device, Kind::Report);
    native::parse(&root, black_box(&topic)).ok_or(Step::Name)?;

    let mut unescaped = [0; 256];
    let (command, _) = serde_json_core::from_str_escaped::<SetMode>(black_box(COMMAND), &mut unescaped)
        .map_err(|_| Step::ReadCommand)?;

    let mut policy = PolicyState::default();
    let seen = Observation { elapsed_ms: 200, jobs: 20, miss_rate: Ratio::of(black_box(3), 20), cpu: None };
    let change = policy.step(&PolicyConfig::default(), &seen).ok_or(Step::Policy)?;
    let reason = Reason::of(change.cause);
    if reason.as_str() != "miss rate 0.1500 > 0.05" || change.to != command.mode {
        return Err(Step::Policy);
    }

    let mut report = window(&device, 1, policy);
    report.absorb(&window(&device, 2, policy)).map_err(|_| Step::Merge)?;
    report.validate().map_err(|_| Step::Validate)?;

    let mut payload = [0; MAX_REPORT];
    let length = serde_json_core::to_slice(&report, &mut payload).map_err(|_| Step::Write)?;
    let written = payload.get(..length).ok_or(Step::Write)?;
    let (back, _) = serde_json_core::from_slice_escaped::<Report>(black_box(written), &mut unescaped)
        .map_err(|_| Step::ReadBack)?;
    if back != report {
        return Err(Step::ReadBack);
    }

    let key = Key::from_bytes(black_box(&[7; 32])).map_err(|_| Step::Sign)?;
    let length = sign::sign_in_place(&key, &topic, &mut payload, length).map_err(|_| Step::Sign)?;
    let signed = payload.get(..length).ok_or(Step::Sign)?;
    sign::verify(&key, &topic, black_box(signed)).map_err(|_| Step::Verify)?;
    Ok(())
}

/// Three jobs, one of them late.
fn window(device: &DeviceId, seq: u64, policy: PolicyState) -> Report {
    let (mut wakeup_us, mut response_us) = (Latency::default(), Latency::default());
    for (wakeup_ns, response_ns) in black_box([(4_000, 600_000), (5_000, 620_000), (90_000, 1_200_000)]) {
        wakeup_us.record(wakeup_ns);
        response_us.record(response_ns);
    }
    Report {
        v: Version,
        device: device.clone(),
        boot: BootId(black_box(7)),
        seq,
        t_ms: 0,
        up_ms: seq * 200,
        clock_synced: false,
        span_ms: 3,
        task: Task { name: "sample".into(), period_us: 1_000, deadline_us: 1_000, overrun: OverrunPolicy::SkipNext },
        epoch: 0,
        mode: Mode::Degraded,
        mode_source: ModeSource::Local,
        mode_age_ms: 0,
        jobs: 3,
        misses: 1,
        skipped: 0,
        miss_rate: Ratio::of(seq, 3 * seq),
        miss_window: MissWindow { jobs: 3, misses: 1 },
        longest_miss_run: 1,
        worst_burst: MissBurst { misses: 1, jobs: 3 },
        wakeup_us,
        response_us,
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
        total: Totals { jobs: 3 * seq, misses: seq, skipped: 0 },
        policy,
    }
}
