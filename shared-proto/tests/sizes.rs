//! The longest messages there can be fit the limits that buffers are made from, signed or not.

#![expect(clippy::expect_used, reason = "helpers of tests fail by panicking")]

use std::fmt::Write;

use serde::Serialize;
use shared_proto::histogram::{Latency, MAX_BUCKET, MIN_BUCKET};
use shared_proto::ids::{BootId, CommandId, DeviceId, SiteId};
use shared_proto::limits::{
    MAX_ACK, MAX_COMMAND, MAX_LEASE_MS, MAX_REPORT, MAX_SITE, MAX_SITE_MISSING, MAX_SITE_STATUS, MAX_STATUS,
};
use shared_proto::mode::{Mode, ModeSource};
use shared_proto::policy::PolicyState;
use shared_proto::sign::OVERHEAD;
use shared_proto::text::Text;
use shared_proto::units::Ratio;
use shared_proto::wire::{
    Ack, Census, Departure, DialectName, Dialects, EarlierRun, Fresh, Host, Lease, Lost, MissBurst, MissWindow,
    Missing, Occurrence, Outcome, OverrunPolicy, Report, ReportRef, RtContext, Schedule, SetMode, Setting,
    SettingOutcome, Settings, Site, SiteCounts, SiteMissing, SiteStatus, Status, Task, Totals, Version, What, Worst,
};

/// No number of this type has more characters in JSON: sign, 17 digits, point and exponent.
const LONGEST_F64: f64 = -2.225_073_858_507_201_4e-308;
const LONGEST_F32: f32 = -1.175_494_4e-38;

/// JSON writes two bytes for each of these; control characters, which would take six, become blanks.
fn longest_text<const N: usize>() -> Text<N> {
    "\"".repeat(N).as_str().into()
}

fn longest_device() -> DeviceId {
    "d".repeat(32).parse().expect("a device name")
}

fn longest_site_name() -> SiteId {
    "s".repeat(32).parse().expect("a site name")
}

/// JSON writes two bytes for each of these.
fn longest_command_id() -> CommandId {
    "\"".repeat(36).parse().expect("a command id")
}

fn longest_ratio() -> Ratio {
    Ratio::try_from(LONGEST_F64.abs()).expect("a ratio")
}

/// Every bucket as full as it can be.
fn longest_latency() -> Latency {
    let mut hist = String::new();
    for bucket in MIN_BUCKET..=MAX_BUCKET {
        let separator = if bucket == MIN_BUCKET { "" } else { "," };
        write!(hist, "{separator}[{bucket},{}]", u32::MAX).expect("text");
    }
    let json = format!(r#"{{"min":123456.789,"max":123456789012.345,"hist":[{hist}]}}"#);
    serde_json::from_str(&json).expect("a latency")
}

fn longest_task() -> Task {
    Task { name: longest_text(), period_us: u64::MAX, deadline_us: u64::MAX, overrun: OverrunPolicy::SkipNext }
}

fn longest_report() -> Report {
    Report {
        v: Version,
        device: longest_device(),
        boot: BootId(u64::MAX),
        seq: u64::MAX,
        t_ms: u64::MAX,
        up_ms: u64::MAX,
        clock_synced: false,
        span_ms: u64::MAX,
        task: longest_task(),
        epoch: u32::MAX,
        mode: Mode::Degraded,
        mode_source: ModeSource::Operator,
        mode_age_ms: u64::MAX,
        jobs: u64::MAX,
        misses: u64::MAX,
        skipped: u64::MAX,
        miss_rate: longest_ratio(),
        miss_window: MissWindow { jobs: u32::MAX, misses: u32::MAX },
        longest_miss_run: u64::MAX,
        worst_burst: MissBurst { misses: u32::MAX, jobs: u32::MAX },
        wakeup_us: longest_latency(),
        response_us: longest_latency(),
        workload: longest_ratio(),
        host: Host {
            cpu: Some(longest_ratio()),
            steal: Some(longest_ratio()),
            temp_c: Some(LONGEST_F32),
            throttled: Some(u32::MAX),
            freq_mhz: Some(u32::MAX),
            rss_kb: Some(u64::MAX),
        },
        rt: RtContext {
            schedule: Schedule::Deadline,
            priority: u8::MAX,
            cpu: Some(u16::MAX),
            locked: false,
            self_overhead_ns: u32::MAX,
            preemptions: u64::MAX,
            faults: u64::MAX,
        },
        lost: Lost { records: u64::MAX, reports: u64::MAX },
        merged: u32::MAX,
        total: Totals { jobs: u64::MAX, misses: u64::MAX, skipped: u64::MAX },
        policy: PolicyState {
            mode: Mode::Degraded,
            in_mode_ms: Some(u64::MAX),
            quiet_ms: u64::MAX,
            hot: u16::MAX,
            calm: u16::MAX,
            backoff: u8::MAX,
        },
    }
}

fn longest_status() -> Status {
    let setting = || Setting {
        name: longest_text(),
        asked: longest_text(),
        outcome: SettingOutcome::Granted,
        why: longest_text(),
    };
    let (mut dialects, mut settings) = (Dialects::new(), Settings::new());
    while dialects.push(DialectName::Native).is_ok() {}
    while settings.push(setting()).is_ok() {}
    Status {
        v: Version,
        device: longest_device(),
        boot: BootId(u64::MAX),
        conn: u64::MAX,
        up_ms: Some(u64::MAX),
        online: false,
        departure: Some(Departure::Stopped),
        version: longest_text(),
        mode: Mode::Degraded,
        mode_source: ModeSource::Operator,
        reason: longest_text(),
        danger: Some(longest_text()),
        task: longest_task(),
        dialects,
        settings,
        model: Some(longest_text()),
        kernel: Some(longest_text()),
        preempt_rt: Some(false),
    }
}

fn longest_command() -> SetMode {
    SetMode {
        v: Version,
        id: longest_command_id(),
        mode: Mode::Degraded,
        lease_ms: Lease::try_from(MAX_LEASE_MS).expect("a lease"),
        reason: longest_text(),
        cause: Some(ReportRef { boot: BootId(u64::MAX), seq: u64::MAX }),
        missing: Some(Missing { boot: BootId(u64::MAX), after: u64::MAX, up_to: u64::MAX }),
        fresh: Some(Fresh { boot: BootId(u64::MAX), up_ms: u64::MAX, ttl_ms: u32::MAX }),
    }
}

fn longest_ack() -> Ack {
    Ack {
        v: Version,
        id: longest_command_id(),
        device: longest_device(),
        boot: BootId(u64::MAX),
        result: Outcome::Unchanged,
        reason: longest_text(),
        mode: Mode::Degraded,
        mode_source: ModeSource::Operator,
        job: Some(u64::MAX),
        receipt_to_effect_us: Some(LONGEST_F64),
        reaction_us: Some(LONGEST_F64),
    }
}

fn longest_site() -> Site {
    let counts = SiteCounts {
        reports: u64::MAX,
        jobs: u64::MAX,
        misses: u64::MAX,
        skipped: u64::MAX,
        lost_records: u64::MAX,
        mode_changes: u64::MAX,
        alarms: u64::MAX,
        heard_bytes: u64::MAX,
    };
    let mut site = Site {
        v: Version,
        site: longest_site_name(),
        boot: BootId(u64::MAX),
        seq: u64::MAX,
        t_ms: u64::MAX,
        up_ms: u64::MAX,
        span_ms: u64::MAX,
        merged: u32::MAX,
        devices: Census { known: u64::MAX, online: u64::MAX, offline: u64::MAX, degraded: u64::MAX },
        counts,
        total: counts,
        missing_jobs: u64::MAX,
        wakeup_us: longest_latency(),
        response_us: longest_latency(),
        worst: Some(Worst { device: longest_device(), miss_rate: longest_ratio() }),
        occurrences: heapless::Vec::new(),
        occurrences_left_out: 0,
    };
    // Until there is no more room.
    while site.occurrences_left_out == 0 {
        site.note(Occurrence {
            t_ms: u64::MAX,
            device: Some(longest_device()),
            what: What::Contested,
            mode: Some(Mode::Degraded),
            reason: longest_text(),
        });
    }
    site.occurrences_left_out = u64::MAX;
    site
}

fn longest_site_status() -> SiteStatus {
    SiteStatus {
        v: Version,
        site: longest_site_name(),
        boot: BootId(u64::MAX),
        conn: u64::MAX,
        up_ms: Some(u64::MAX),
        online: false,
        departure: Some(Departure::Stopped),
        version: longest_text(),
        every_ms: u64::MAX,
        earlier: [EarlierRun { boot: BootId(u64::MAX), up_to: u64::MAX }; 8].into_iter().collect(),
    }
}

fn fits(message: &impl Serialize, limit: usize) {
    let length = serde_json::to_vec(message).expect("JSON").len();
    assert!(length + OVERHEAD <= limit, "{length} bytes and a signature exceed {limit}");
    let mut buffer = vec![0; limit];
    serde_json_core::to_slice(message, &mut buffer).expect("room for what serde-json-core writes");
}

#[test]
fn the_longest_report_fits() {
    fits(&longest_report(), MAX_REPORT);
}

#[test]
fn the_longest_status_fits() {
    fits(&longest_status(), MAX_STATUS);
}

#[test]
fn the_longest_command_fits() {
    fits(&longest_command(), MAX_COMMAND);
}

#[test]
fn the_longest_acknowledgement_fits() {
    fits(&longest_ack(), MAX_ACK);
}

#[test]
fn the_longest_window_of_a_site_fits() {
    fits(&longest_site(), MAX_SITE);
}

#[test]
fn the_longest_status_of_a_site_fits() {
    fits(&longest_site_status(), MAX_SITE_STATUS);
}

#[test]
fn the_longest_request_for_windows_of_a_site_fits() {
    let missing = SiteMissing { v: Version, boot: BootId(u64::MAX), after: u64::MAX, up_to: u64::MAX };
    fits(&missing, MAX_SITE_MISSING);
}
