//! Valid messages at random.

pub(crate) mod site;

use proptest::prelude::*;
use shared_proto::histogram::Latency;
use shared_proto::ids::{BootId, DeviceId};
use shared_proto::mode::{Mode, ModeSource};
use shared_proto::policy::PolicyState;
use shared_proto::text::Text;
use shared_proto::units::Ratio;
use shared_proto::wire::{
    Host, Lost, MissBurst, MissWindow, OverrunPolicy, Report, RtContext, Schedule, Task, Totals, Version,
};

pub(crate) fn device() -> impl Strategy<Value = DeviceId> {
    "[A-Za-z0-9_.-]{1,32}".prop_map(|name| name.parse().expect("a device name"))
}

pub(crate) fn boot() -> impl Strategy<Value = BootId> {
    any::<u64>().prop_map(BootId)
}

/// Any characters at all, often more than fit.
pub(crate) fn text<const N: usize>() -> impl Strategy<Value = Text<N>> {
    proptest::collection::vec(any::<char>(), 0..N + 8).prop_map(|chars| Text::of(String::from_iter(chars)))
}

pub(crate) fn mode() -> impl Strategy<Value = Mode> {
    prop_oneof![Just(Mode::Normal), Just(Mode::Degraded)]
}

pub(crate) fn mode_source() -> impl Strategy<Value = ModeSource> {
    prop_oneof![
        Just(ModeSource::Operator),
        Just(ModeSource::Safety),
        Just(ModeSource::Gateway),
        Just(ModeSource::Local),
        Just(ModeSource::Default),
    ]
}

/// In whole millionths, which every reader of JSON takes exactly.
pub(crate) fn ratio() -> impl Strategy<Value = Ratio> {
    (0..=1_000_000u64).prop_map(|millionths| Ratio::of(millionths, 1_000_000))
}

pub(crate) fn task() -> impl Strategy<Value = Task> {
    let overrun = prop_oneof![Just(OverrunPolicy::SkipNext), Just(OverrunPolicy::CatchUp)];
    (text(), any::<u64>(), any::<u64>(), overrun).prop_map(|(name, period_us, deadline_us, overrun)| Task {
        name,
        period_us,
        deadline_us,
        overrun,
    })
}

fn host() -> impl Strategy<Value = Host> {
    let temp_c = proptest::option::of((-400..1_200i16).prop_map(|tenths| f32::from(tenths) / 10.0));
    (
        proptest::option::of(ratio()),
        proptest::option::of(ratio()),
        temp_c,
        any::<Option<u32>>(),
        any::<Option<u32>>(),
        any::<Option<u64>>(),
    )
        .prop_map(|(cpu, steal, temp_c, throttled, freq_mhz, rss_kb)| Host {
            cpu,
            steal,
            temp_c,
            throttled,
            freq_mhz,
            rss_kb,
        })
}

fn rt() -> impl Strategy<Value = RtContext> {
    let schedule = prop_oneof![Just(Schedule::Other), Just(Schedule::Fifo), Just(Schedule::Deadline)];
    let counts = (0..1u64 << 40, 0..1u64 << 40);
    (schedule, any::<u8>(), any::<Option<u16>>(), any::<bool>(), any::<u32>(), counts).prop_map(
        |(schedule, priority, cpu, locked, self_overhead_ns, (preemptions, faults))| RtContext {
            schedule,
            priority,
            cpu,
            locked,
            self_overhead_ns,
            preemptions,
            faults,
        },
    )
}

fn policy() -> impl Strategy<Value = PolicyState> {
    (mode(), any::<Option<u64>>(), any::<u64>(), any::<u16>(), any::<u16>(), any::<u8>()).prop_map(
        |(mode, in_mode_ms, quiet_ms, hot, calm, backoff)| PolicyState {
            mode,
            in_mode_ms,
            quiet_ms,
            hot,
            calm,
            backoff,
        },
    )
}

/// What happened in one window.
#[derive(Debug, Clone)]
struct Window {
    /// Wake-up latency and response time in nanoseconds of each job whose times were kept.
    jobs_ns: Vec<(u64, u64)>,
    lost_records: u64,
    skipped: u64,
    late_percent: u64,
    windows: u32,
    span_ms: u64,
    /// A report about another window, for whatever does not add up.
    rest: Box<Rest>,
}

#[derive(Debug, Clone)]
struct Rest {
    host: Host,
    rt: RtContext,
    policy: PolicyState,
    mode: Mode,
    mode_source: ModeSource,
    miss_rate: Ratio,
    workload: Ratio,
    miss_window: MissWindow,
    worst_burst: MissBurst,
    longest_miss_run: u64,
    clock: (u64, bool),
    up_ms: u64,
    mode_age_ms: u64,
    lost_reports: u64,
}

/// Any duration, each power of two as likely as any other.
fn duration_ns() -> impl Strategy<Value = u64> {
    (any::<u64>(), 0..64u32).prop_map(|(bits, shift)| bits >> shift)
}

fn rest() -> impl Strategy<Value = Rest> {
    let states = (host(), rt(), policy(), mode(), mode_source(), ratio(), ratio());
    let counts = (any::<(u32, u32)>(), any::<(u32, u32)>(), any::<u64>());
    let other = (any::<(u64, bool)>(), any::<u64>(), any::<u64>(), any::<u64>());
    (states, counts, other).prop_map(
        |(
            (host, rt, policy, mode, mode_source, miss_rate, workload),
            (seen, burst, longest_miss_run),
            (clock, up_ms, mode_age_ms, lost_reports),
        )| Rest {
            host,
            rt,
            policy,
            mode,
            mode_source,
            miss_rate,
            workload,
            miss_window: MissWindow { jobs: seen.0.max(seen.1), misses: seen.0.min(seen.1) },
            worst_burst: MissBurst { jobs: burst.0.max(burst.1), misses: burst.0.min(burst.1) },
            longest_miss_run,
            clock,
            up_ms,
            mode_age_ms,
            lost_reports,
        },
    )
}

fn window() -> impl Strategy<Value = Window> {
    let jobs_ns = proptest::collection::vec((duration_ns(), duration_ns()), 0..12);
    (jobs_ns, 0..3u64, 0..4u64, 0..=100u64, 1..4u32, 0..1u64 << 40, rest()).prop_map(
        |(jobs_ns, lost_records, skipped, late_percent, windows, span_ms, rest)| Window {
            jobs_ns,
            lost_records,
            skipped,
            late_percent,
            windows,
            span_ms,
            rest: Box::new(rest),
        },
    )
}

/// Neighbouring reports of one run and one epoch, some of them merged before.
pub(crate) fn history() -> impl Strategy<Value = Vec<Report>> {
    let begin = (device(), boot(), task(), any::<u32>(), 0..1u64 << 40, 0..1u64 << 40);
    (begin, proptest::collection::vec(window(), 1..7)).prop_map(
        |((device, boot, task, epoch, mut seq, total_jobs), windows)| {
            let mut total = Totals { jobs: total_jobs, misses: total_jobs / 3, skipped: total_jobs / 5 };
            let report = |window: Window| {
                let run = window.jobs_ns.len() as u64 + window.lost_records;
                let late = run * window.late_percent / 100;
                seq += u64::from(window.windows);
                total.jobs += run + window.skipped;
                total.misses += late + window.skipped;
                total.skipped += window.skipped;
                let (mut wakeup_us, mut response_us) = (Latency::default(), Latency::default());
                for (wakeup_ns, response_ns) in window.jobs_ns {
                    wakeup_us.record(wakeup_ns);
                    response_us.record(response_ns);
                }
                let rest = *window.rest;
                Report {
                    v: Version,
                    device: device.clone(),
                    boot,
                    seq,
                    t_ms: rest.clock.0,
                    up_ms: rest.up_ms,
                    clock_synced: rest.clock.1,
                    span_ms: window.span_ms,
                    task: task.clone(),
                    epoch,
                    mode: rest.mode,
                    mode_source: rest.mode_source,
                    mode_age_ms: rest.mode_age_ms,
                    jobs: run + window.skipped,
                    misses: late + window.skipped,
                    skipped: window.skipped,
                    miss_rate: rest.miss_rate,
                    miss_window: rest.miss_window,
                    longest_miss_run: rest.longest_miss_run,
                    worst_burst: rest.worst_burst,
                    wakeup_us,
                    response_us,
                    workload: rest.workload,
                    host: rest.host,
                    rt: rest.rt,
                    lost: Lost { records: window.lost_records, reports: rest.lost_reports },
                    merged: window.windows,
                    total,
                    policy: rest.policy,
                }
            };
            windows.into_iter().map(report).collect()
        },
    )
}
