//! The live table: a line per device, twice a second, and a line for whatever happens.

use std::fmt::Write;

use shared_proto::histogram::Latency;
use shared_proto::ids::DeviceId;

use crate::story::{Device, Load, ModeChange, Situation, Story};
use crate::summary::Summary;

/// The head of the table.
#[must_use]
pub fn head() -> String {
    format!(
        "{:>7}  {:<10} {:<9} {:<9} {:>6}  {:>8} {:>8} {:>8}  {:>6} {:>7}  {}\n{:>7}  {:<10} {:<9} {:<9} {:>6}  {:>26}  {:>6} {:>7}  {}\n",
        "time",
        "device",
        "mode",
        "decided",
        "miss",
        "wake-up",
        "latency",
        "(us)",
        "jobs",
        "skipped",
        "last reaction",
        "(s)",
        "",
        "",
        "by",
        "rate",
        "p50      p99      max",
        "",
        "",
        "(ms)"
    )
}

/// One line per device that has reported.
#[must_use]
pub fn rows(seconds: f64, story: &Story) -> String {
    story.devices().filter_map(|(id, device)| row(seconds, id, device)).collect()
}

fn row(seconds: f64, id: &DeviceId, device: &Device) -> Option<String> {
    let report = device.latest.as_ref()?;
    let wakeup = &report.wakeup_us;
    Some(format!(
        "{seconds:>7.1}  {:<10} {:<9} {:<9} {:>6.3}  {:>8} {:>8} {:>8}  {:>6} {:>7}  {}\n",
        id,
        report.mode,
        report.mode_source,
        report.miss_rate.get(),
        micros(wakeup.quantile_ns(0.5)),
        micros(wakeup.quantile_ns(0.99)),
        micros(max_ns(wakeup)),
        report.total.jobs,
        report.total.skipped,
        device.last_reaction_ms.map_or("-".into(), |ms| format!("{ms:.1}")),
    ))
}

fn max_ns(latency: &Latency) -> Option<u64> {
    latency.max_ns()
}

fn micros(ns: Option<u64>) -> String {
    ns.map_or("-".into(), |ns| (ns / 1000).to_string())
}

/// The load begins or ends.
#[must_use]
pub fn load(seconds: f64, load: Load) -> String {
    let what = match load {
        Load::On => "begins: a CPU hog shares the CPU of each task",
        Load::Off => "ends",
    };
    format!("{seconds:>7.1}  ---- load {what} ----\n")
}

/// A device changed its mode.
#[must_use]
pub fn change(seconds: f64, change: &ModeChange) -> String {
    let by = change.source.map_or(String::new(), |source| format!(" by {source}"));
    let reaction = change.reaction_ms.map_or(String::new(), |ms| format!("; {ms:.1} ms from report to effect"));
    let ModeChange { device, from, to, reason, .. } = change;
    format!("{seconds:>7.1}  ==== {device}: {from} -> {to}{by}: {reason}{reaction} ====\n")
}

/// The summary for people.
#[must_use]
pub fn summary(summary: &Summary) -> String {
    let mut text = String::new();
    let mut line = |line: std::fmt::Arguments<'_>| {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{line}");
    };
    line(format_args!(
        "\n{} device(s): {} releases = {} run + {} skipped; {} misses",
        summary.devices, summary.releases, summary.jobs_run, summary.skipped, summary.misses
    ));
    let agree = if summary.totals_agree { "agree" } else { "DO NOT AGREE" };
    line(format_args!(
        "{} reports sent, {} received; the totals of device and gateway {agree}",
        summary.reports_sent, summary.reports_received
    ));
    for Situation { load, mode, jobs, misses, miss_rate } in &summary.situations {
        let load = match load {
            Load::Off => "without load",
            Load::On => "under load",
        };
        line(format_args!("  {load:<12} in {mode:<8}: {misses:>5} misses in {jobs:>6} jobs = {:.3}", miss_rate.get()));
    }
    line(format_args!("{} mode changes", summary.mode_changes.len()));
    text
}
