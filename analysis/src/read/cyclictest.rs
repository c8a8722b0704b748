//! Runs from the JSON of rt-tests' cyclictest, `"file_version": 1`.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::command_line::Options;
use crate::run::{Accounting, Bucket, Distribution, Machine, Run, RunFile, Settings, Task};

/// Its period unless `-i` says otherwise, in microseconds.
const DEFAULT_INTERVAL_US: u64 = 1000;

/// The file, as far as it matters here. The colons in two keys are cyclictest's.
#[derive(Debug, Deserialize)]
pub(super) struct Output {
    file_version: u64,
    #[serde(rename = "cmdline:", alias = "cmdline", default)]
    command_line: String,
    #[serde(rename = "rt_test_version:", alias = "rt_test_version", default)]
    version: String,
    #[serde(default)]
    sysinfo: SysInfo,
    #[serde(default)]
    resolution_in_ns: u8,
    thread: BTreeMap<u32, Thread>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct SysInfo {
    nodename: String,
    release: String,
    machine: String,
    realtime: Option<u8>,
}

#[derive(Debug, Clone, Deserialize)]
struct Thread {
    #[serde(default)]
    histogram: BTreeMap<u64, u64>,
    cycles: u64,
    min: u64,
    max: u64,
    cpu: Option<i64>,
}

impl Thread {
    /// With `-D` cyclictest stops a thread wherever it is: a cycle may be counted whose value is not in the histogram yet. One
    /// that cannot lie beyond the histogram, because no value does, is such a cycle.
    fn without_unfinished_cycle(&self, limit: Option<u64>) -> Self {
        let within = self.histogram.values().fold(0u64, |sum, count| sum.saturating_add(*count));
        let mut thread = self.clone();
        if within.checked_add(1) == Some(self.cycles) && limit.is_some_and(|limit| self.max < limit) {
            thread.cycles = within;
        }
        thread
    }

    /// The values of all of them; those that ran no cycle have none.
    fn merged(threads: &[Self]) -> Self {
        let ran = || threads.iter().filter(|thread| thread.cycles > 0);
        let mut histogram = BTreeMap::new();
        for (&value, &count) in ran().flat_map(|thread| &thread.histogram) {
            let sum: &mut u64 = histogram.entry(value).or_default();
            *sum = sum.saturating_add(count);
        }
        Self {
            histogram,
            cycles: ran().fold(0, |sum, thread| sum.saturating_add(thread.cycles)),
            min: ran().map(|thread| thread.min).min().unwrap_or(0),
            max: ran().map(|thread| thread.max).max().unwrap_or(0),
            cpu: None,
        }
    }
}

/// All threads become one run: they share machine, time and trouble, so they are no independent runs. A note tells it.
pub(super) fn import(output: &Output) -> Result<(RunFile, Vec<String>), String> {
    if output.file_version != 1 {
        return Err(format!("file_version is {}; of cyclictest's files 1 is known", output.file_version));
    }
    let program = output.command_line.split_whitespace().next().unwrap_or_default();
    if !program.is_empty() && !program.ends_with("cyclictest") {
        return Err(format!("cmdline: begins with {program:?}; of the rt-tests only cyclictest is known"));
    }
    let options = Options::parse(&output.command_line);
    let unit_ns = if output.resolution_in_ns == 0 { 1000 } else { 1 };
    let mut threads = Vec::with_capacity(output.thread.len());
    for (number, thread) in &output.thread {
        let thread = thread.without_unfinished_cycle(options.limit);
        distribution(&thread, options.limit, unit_ns).map_err(|why| format!("thread.{number}.{why}"))?;
        threads.push(thread);
    }
    let merged = Thread::merged(&threads);
    let wakeup_us = distribution(&merged, options.limit, unit_ns).map_err(|why| format!("all threads: {why}"))?;
    let machine = Machine {
        host: output.sysinfo.nodename.clone(),
        kernel: output.sysinfo.release.clone(),
        arch: output.sysinfo.machine.clone(),
        preempt_rt: output.sysinfo.realtime.map(|realtime| realtime != 0),
        ..Machine::default()
    };
    let tool = format!("cyclictest {}", output.version).trim_end().to_owned();
    let runs = if threads.is_empty() { Vec::new() } else { vec![run(&threads, &merged, wakeup_us, &options)] };
    let note = (threads.len() > 1).then(|| format!("{} threads of one file count as one run", threads.len()));
    Ok((RunFile { tool, machine, runs }, note.into_iter().collect()))
}

#[expect(clippy::cast_precision_loss, reason = "periods and cycles of a measurement are far below 2^53")]
fn run(threads: &[Thread], merged: &Thread, wakeup_us: Distribution, options: &Options) -> Run {
    // With a histogram all threads have the same period, whatever --distance says.
    let period_us = options.interval_us.unwrap_or(DEFAULT_INTERVAL_US) as f64;
    let longest = threads.iter().map(|thread| thread.cycles).max().unwrap_or(0);
    Run {
        scenario: "cyclictest".to_owned(),
        repetition: 1,
        task: Task { period_us, deadline_us: period_us, ..Task::default() },
        elapsed_ms: longest as f64 * period_us / 1000.0,
        accounting: Accounting::PassedReleasesForgotten,
        releases: merged.cycles,
        run: merged.cycles,
        epochs: 1,
        wakeup_us,
        settings: settings(threads, options),
        ..Run::default()
    }
}

/// cyclictest ends if it does not get the scheduler or the lock on memory, so what it asked for it has.
fn settings(threads: &[Thread], options: &Options) -> Settings {
    let cpus: BTreeSet<u16> = threads
        .iter()
        .filter(|_| options.bound)
        .filter_map(|thread| thread.cpu.and_then(|cpu| u16::try_from(cpu).ok()))
        .collect();
    let priority = options.priority.unwrap_or(0);
    let scheduler = options.policy.as_deref().unwrap_or(if priority > 0 { "fifo" } else { "other" });
    let mut granted = vec![format!("scheduler={scheduler} {priority}")];
    granted.extend(options.locked.then(|| "memory=locked".to_owned()));
    granted.extend(cpus.iter().map(|cpu| format!("cpu={cpu}")));
    Settings {
        asked: granted.clone(),
        granted,
        refused: Vec::new(),
        schedule: options.schedule(),
        priority,
        cpu: cpus.first().copied().filter(|_| cpus.len() == 1),
        locked: options.locked,
    }
}

/// The histogram `{value: count}`, each value standing for `[value, value + 1)`, and the cycles beyond its limit in a last
/// bucket that reaches to the maximum.
fn distribution(thread: &Thread, limit: Option<u64>, unit_ns: u64) -> Result<Distribution, String> {
    if thread.cycles == 0 {
        return Ok(Distribution::default());
    }
    if thread.histogram.is_empty() && limit.is_none() {
        return Err(
            "histogram is empty: run cyclictest with -h LIMIT, so that there is something to compare".to_owned()
        );
    }
    let ns = |value: u64| value.saturating_mul(unit_ns);
    let mut buckets: Vec<Bucket> = thread
        .histogram
        .iter()
        .filter(|&(_, &count)| count > 0)
        .map(|(&value, &count)| Bucket { lower_ns: ns(value), upper_ns: ns(value.saturating_add(1)), count })
        .collect();
    let within = buckets.iter().try_fold(0u64, |sum, bucket| sum.checked_add(bucket.count));
    let beyond = within.and_then(|within| thread.cycles.checked_sub(within)).ok_or_else(|| {
        format!("histogram holds more values than there were cycles ({}); each cycle gives one value", thread.cycles)
    })?;
    if beyond > 0 {
        let end_ns = buckets.last().map_or(0, |last| last.upper_ns);
        let lower_ns = end_ns.max(ns(limit.unwrap_or(0)));
        if ns(thread.max) < lower_ns {
            return Err(format!(
                "max is {}, but {beyond} of {} cycles are beyond the histogram; it must be at least {}",
                thread.max,
                thread.cycles,
                lower_ns / unit_ns
            ));
        }
        buckets.push(Bucket { lower_ns, upper_ns: ns(thread.max.saturating_add(1)), count: beyond });
    }
    Distribution::new(Some(ns(thread.min)), Some(ns(thread.max)), buckets)
        .map_err(|error| format!("histogram: {error}"))
}
