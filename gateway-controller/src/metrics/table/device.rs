//! Families with series for each device.

use shared_proto::mode::Mode;
use shared_proto::units::Ratio;
use shared_proto::wire::Host;

use super::super::device::{self, Presence};
use super::super::family::{Family, Samples::Device};
use super::super::write::{Number, Writer};
use super::super::{InfoLabel, Reports};
use super::fleet::mode;
use super::{by, counter, gauge, histogram};

pub(super) const FAMILIES: &[Family] = &[
    gauge(
        "edge_device_up",
        "1: the device is there. 0: it has said good-bye, or the broker says that it is lost. A silent device is up until then: see edge_device_last_report_timestamp_seconds.",
        Device(|device, out| out.value(device.presence == Some(Presence::Up))),
    ),
    by(
        &["version", "model", "kernel", "preempt_rt", "task"],
        gauge(
            "edge_device_info",
            "Always 1: what the device says of itself, as far as metrics.info has it.",
            Device(info),
        ),
    ),
    by(
        &["mode"],
        gauge(
            "edge_device_mode",
            "1 for the mode that the device told last, 0 for the other.",
            Device(|device, out| {
                for one in [Mode::Normal, Mode::Degraded] {
                    if let Some(told) = device.mode {
                        out.labelled(&[mode(one)], told == one);
                    }
                }
            }),
        ),
    ),
    by(
        &["source"],
        gauge(
            "edge_device_mode_source",
            "Always 1: who decided the mode; operator, safety, gateway, local or default.",
            Device(|device, out| {
                if let Some(source) = device.source {
                    out.labelled(&[source.as_str()], true);
                }
            }),
        ),
    ),
    counter(
        "edge_device_mode_changes_total",
        "Changes of the mode that were noticed.",
        Device(|device, out| out.value(device.counts.mode_changes)),
    ),
    gauge(
        "edge_device_miss_ratio",
        "Misses per job over the device's last jobs (report.miss_window there), as it told last.",
        Device(|device, out| out.known(device.miss_ratio.map(Ratio::get))),
    ),
    counter(
        "edge_device_jobs_total",
        "Releases, run or skipped, in the reports received; each window once.",
        Device(|device, out| out.value(device.counts.received.jobs)),
    ),
    counter(
        "edge_device_deadline_misses_total",
        "Jobs that missed their deadline, skipped releases included.",
        Device(|device, out| out.value(device.counts.received.misses)),
    ),
    counter(
        "edge_device_skipped_releases_total",
        "Releases that passed while an earlier job still ran.",
        Device(|device, out| out.value(device.counts.received.skipped)),
    ),
    gauge(
        "edge_device_missing_jobs",
        "Jobs that the device has counted and not yet delivered. They may still come. Not in a group of controllers.",
        Device(|device, out| out.known((out.settings.reports == Reports::All).then(|| device.missing().jobs))),
    ),
    gauge(
        "edge_device_longest_miss_run",
        "Longest run of consecutive misses that touched the newest report's window, in jobs.",
        Device(|device, out| out.known(device.newest.as_ref().map(|newest| newest.longest_miss_run))),
    ),
    counter(
        "edge_device_reports_total",
        "Reports accepted; what came twice counts once.",
        Device(|device, out| out.value(device.counts.reports)),
    ),
    counter(
        "edge_device_merged_windows_total",
        "Windows that came merged into the report of a later one, after a time offline.",
        Device(|device, out| out.value(device.counts.merged_windows)),
    ),
    counter(
        "edge_device_reports_lost_total",
        "Reports that the device gave up since the controller heard of it, as it tells.",
        Device(|device, out| out.value(device.counts.reports_lost)),
    ),
    counter(
        "edge_device_records_lost_total",
        "Jobs that are counted but in no histogram, because the device's ring was full.",
        Device(|device, out| out.value(device.counts.records_lost)),
    ),
    gauge(
        "edge_device_last_report_timestamp_seconds",
        "When the newest report of the present run came, by the controller's clock; of a device of the classroom or EdgeX its newest word.",
        Device(|device, out| out.known(device.reported_ms.map(Number::millis))),
    ),
    gauge(
        "edge_device_report_interval_seconds",
        "Length of one window of the newest report.",
        Device(|device, out| out.known(device.newest.as_ref().map(|newest| Number::millis(newest.span_ms)))),
    ),
    gauge(
        "edge_device_task_period_seconds",
        "Period of the task.",
        Device(|device, out| out.known(device.newest.as_ref().map(|newest| Number::micros(newest.period_us)))),
    ),
    gauge(
        "edge_device_task_deadline_seconds",
        "Deadline of the task, counted from the release.",
        Device(|device, out| out.known(device.newest.as_ref().map(|newest| Number::micros(newest.deadline_us)))),
    ),
    histogram(
        "edge_device_wakeup_latency_seconds",
        "From release to start of the jobs that ran. Counts are exact, the sum within 5 % (from bucket middles).",
        Device(|device, out| out.histogram(&device.wakeup)),
    ),
    histogram(
        "edge_device_response_time_seconds",
        "From release to end of the jobs that ran. Counts are exact, the sum within 5 % (from bucket middles).",
        Device(|device, out| out.histogram(&device.response)),
    ),
    gauge(
        "edge_device_clock_synchronized",
        "Whether the device's kernel calls its wall clock synchronised.",
        Device(|device, out| out.known(device.newest.as_ref().map(|newest| newest.clock_synced))),
    ),
    gauge(
        "edge_device_temperature_celsius",
        "Temperature of the processor.",
        // As the device wrote it: 48.3, not the double next to the single.
        Device(|device, out| {
            out.known(
                host(device).and_then(|host| host.temp_c.and_then(|celsius| celsius.to_string().parse::<f64>().ok())),
            )
        }),
    ),
    gauge(
        "edge_device_cpu_ratio",
        "Busy share of all CPUs over the newest report's window.",
        Device(|device, out| out.known(host(device).and_then(|host| host.cpu.map(Ratio::get)))),
    ),
    gauge(
        "edge_device_cpu_steal_ratio",
        "Share of the time that a hypervisor took away.",
        Device(|device, out| out.known(host(device).and_then(|host| host.steal.map(Ratio::get)))),
    ),
    gauge(
        "edge_device_cpu_frequency_hertz",
        "Clock of the CPU that runs the task.",
        Device(|device, out| {
            out.known(host(device).and_then(|host| host.freq_mhz.map(|mhz| u64::from(mhz).saturating_mul(1_000_000))))
        }),
    ),
    gauge(
        "edge_device_resident_memory_bytes",
        "Resident memory of the agent.",
        Device(|device, out| out.known(host(device).and_then(|host| host.rss_kb.map(|kib| kib.saturating_mul(1024))))),
    ),
    by(
        &["reason"],
        gauge("edge_device_throttled", "Raspberry Pi: 1 while so.", Device(|device, out| throttled(device, out, 0))),
    ),
    by(
        &["reason"],
        gauge(
            "edge_device_throttled_since_boot",
            "Raspberry Pi: 1 if it was so since the machine's start.",
            Device(|device, out| throttled(device, out, 16)),
        ),
    ),
    gauge(
        "edge_device_settings_refused",
        "Real-time settings that the system refused the agent.",
        Device(|device, out| out.known(device.info.refused.and_then(|count| u64::try_from(count).ok()))),
    ),
    counter(
        "edge_device_preemptions_total",
        "Times that the real-time thread lost its CPU against its will.",
        Device(|device, out| out.value(device.counts.preemptions)),
    ),
    counter(
        "edge_device_page_faults_total",
        "Page faults of the real-time thread.",
        Device(|device, out| out.value(device.counts.faults)),
    ),
    counter(
        "edge_device_restarts_total",
        "Runs of the agent beside the first one heard of.",
        Device(|device, out| out.value(device.counts.restarts)),
    ),
];

fn host(device: &device::Device) -> Option<&Host> {
    device.newest.as_ref().map(|newest| &newest.host)
}

fn info(device: &device::Device, out: &mut Writer<'_>) {
    let shown = |label, text| if out.settings.info.contains(&label) { text } else { "" };
    let info = &device.info;
    let preempt_rt = info.preempt_rt.map_or("", |holds| if holds { "true" } else { "false" });
    let values = [
        shown(InfoLabel::Version, info.version.as_str()),
        shown(InfoLabel::Model, info.model.as_ref().map_or("", |model| model.as_str())),
        shown(InfoLabel::Kernel, info.kernel.as_ref().map_or("", |kernel| kernel.as_str())),
        shown(InfoLabel::PreemptRt, preempt_rt),
        shown(InfoLabel::Task, info.task.as_str()),
    ];
    out.labelled(&values, true);
}

/// The flags from this bit on, if the machine tells.
fn throttled(device: &device::Device, out: &mut Writer<'_>, first: u32) {
    let Some(flags) = device.newest.as_ref().and_then(|newest| newest.host.throttled) else { return };
    for (bit, reason) in (first..).zip(["under-voltage", "frequency-capped", "throttled", "soft-temperature-limit"]) {
        out.labelled(&[reason], flags.checked_shr(bit).unwrap_or(0) & 1 == 1);
    }
}
