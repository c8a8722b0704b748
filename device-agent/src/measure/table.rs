//! The table for people: a line for each run, or the median over the runs of each scenario.

use std::fmt::Write;

use analysis::run::{Distribution, Run, RunFile};

/// Everything of interest, in three parts: counts, latencies, refusals.
#[must_use]
pub fn table(file: &RunFile) -> String {
    let mut text = String::new();
    let Some(first) = file.runs.first() else { return text };
    let scenarios = scenarios(&file.runs);
    heading(&mut text, file, first);
    counts(&mut text, &scenarios);
    latencies(&mut text, &scenarios);
    remarks(&mut text, file, &scenarios);
    text
}

/// The runs of one scenario.
struct Group<'a> {
    name: &'a str,
    runs: Vec<&'a Run>,
}

fn scenarios(runs: &[Run]) -> Vec<Group<'_>> {
    let mut groups: Vec<Group<'_>> = Vec::new();
    for run in runs {
        match groups.iter_mut().find(|group| group.name == run.scenario) {
            Some(group) => group.runs.push(run),
            None => groups.push(Group { name: &run.scenario, runs: vec![run] }),
        }
    }
    groups
}

// Writing to a string cannot fail: the results of `writeln!` carry nothing.

fn heading(text: &mut String, file: &RunFile, first: &Run) {
    let machine = &file.machine;
    let _ = writeln!(
        text,
        "{}: {} on {} {}, {} CPUs, kernel {}{}",
        file.tool,
        machine.model.as_deref().unwrap_or("unknown machine"),
        machine.host,
        machine.arch,
        machine.cpus,
        machine.kernel,
        match machine.preempt_rt {
            Some(true) => " (PREEMPT_RT)",
            _ => "",
        }
    );
    let task = &first.task;
    let _ = writeln!(
        text,
        "task: {}, {:.0} % of the period; period {} us, deadline {} us; runs of {:.1} s{}",
        task.workload,
        task.workload_ratio * 100.0,
        task.period_us,
        task.deadline_us,
        first.elapsed_ms / 1000.0,
        if file.runs.iter().any(|run| run.repetition > 1) {
            "; counts are sums over the runs, longest and worst are maxima, the rest medians"
        } else {
            ""
        }
    );
}

fn counts(text: &mut String, groups: &[Group<'_>]) {
    let _ = writeln!(
        text,
        "\n{:<20} {:>4} {:>9} {:>9} {:>8} {:>8} {:>9} {:>7} {:>7} {:>6} {:>6} {:>6}",
        "", "", "", "", "", "", "miss", "longest", "worst", "", "", ""
    );
    let _ = writeln!(
        text,
        "{:<20} {:>4} {:>9} {:>9} {:>8} {:>8} {:>9} {:>7} {:>7} {:>6} {:>6} {:>6}  scheduling",
        "scenario", "runs", "releases", "run", "skipped", "misses", "rate", "run", "(m,K)", "cpu", "wait", "steal"
    );
    for Group { name, runs } in groups {
        let sum = |count: fn(&Run) -> u64| runs.iter().map(|run| count(run)).sum::<u64>();
        let (releases, misses) = (sum(|run| run.releases), sum(|run| run.misses));
        let worst = runs.iter().map(|run| run.worst_burst).max_by_key(|burst| burst.misses).unwrap_or_default();
        let _ = writeln!(
            text,
            "{name:<20} {:>4} {releases:>9} {:>9} {:>8} {misses:>8} {:>9} {:>7} {:>7} {:>6} {:>6} {:>6}  {}",
            runs.len(),
            sum(|run| run.run),
            sum(|run| run.skipped),
            rate(misses, releases),
            runs.iter().map(|run| run.longest_miss_run).max().unwrap_or(0),
            format!("{}/{}", worst.misses, worst.jobs),
            percent(median(runs, |run| run.cpu)),
            percent(median(runs, |run| run.cpu_wait)),
            percent(median(runs, |run| run.context.steal)),
            scheduling(runs)
        );
    }
}

fn latencies(text: &mut String, groups: &[Group<'_>]) {
    let _ = writeln!(
        text,
        "\n{:<20} {:^50}  {:^19}  {:^30}",
        "", "wake-up latency (us): start - release", "with skipped (us)", "response time (us)"
    );
    let _ = writeln!(
        text,
        "{:<20} {:>9} {:>9} {:>9} {:>10} {:>10}  {:>9} {:>9}  {:>9} {:>9} {:>10}",
        "scenario", "min", "p50", "p99", "p99.9", "max", "p99", "p99.9", "p50", "p99", "max"
    );
    for Group { name, runs } in groups {
        let wakeup = |figure: fn(&Distribution) -> Option<f64>| micros(median(runs, |run| figure(&run.wakeup_us)));
        let delay = |figure: fn(&Distribution) -> Option<f64>| micros(median(runs, |run| figure(&run.delay_us)));
        let response = |figure: fn(&Distribution) -> Option<f64>| micros(median(runs, |run| figure(&run.response_us)));
        let _ = writeln!(
            text,
            "{name:<20} {:>9} {:>9} {:>9} {:>10} {:>10}  {:>9} {:>9}  {:>9} {:>9} {:>10}",
            wakeup(Distribution::min_us),
            wakeup(Distribution::p50_us),
            wakeup(Distribution::p99_us),
            wakeup(Distribution::p99_9_us),
            wakeup(Distribution::max_us),
            delay(Distribution::p99_us),
            delay(Distribution::p99_9_us),
            response(Distribution::p50_us),
            response(Distribution::p99_us),
            response(Distribution::max_us),
        );
    }
}

fn remarks(text: &mut String, file: &RunFile, groups: &[Group<'_>]) {
    let _ = writeln!(text);
    if let Some(overhead_ns) = file.runs.iter().filter_map(|run| run.self_overhead_ns).min() {
        let _ = writeln!(text, "own cost of a job, without its workload: {overhead_ns} ns (the least of the runs)");
    }
    let _ = writeln!(
        text,
        "cpu: share of one CPU that the thread used; wait: share of the time in which it could run but had no CPU; steal: taken by a hypervisor"
    );
    if groups.iter().flat_map(|group| &group.runs).any(|run| run.wakeup_us.p99_9_us().is_none()) {
        let _ = writeln!(text, "n/a: too few jobs to tell (p99 takes 299 in a run, p99.9 takes 2995)");
    }
    let _ =
        writeln!(text, "run + skipped = releases in every run and epoch, checked from the instants of the releases");
    if groups.iter().flat_map(|group| &group.runs).any(|run| run.skipped > 0) {
        let _ = writeln!(
            text,
            "with skipped: the skipped releases too, each from its instant until the job that swallowed it ended; it would have waited no less"
        );
    }
    for Group { name, runs } in groups {
        let lost: u64 = runs.iter().map(|run| run.lost_records).sum();
        if lost > 0 {
            let _ = writeln!(
                text,
                "{name}: the times of {lost} jobs were lost (counts are complete): the machine was too busy to record them"
            );
        }
        let faults: u64 = runs.iter().filter_map(|run| run.context.page_faults).sum();
        if faults > 0 {
            let _ = writeln!(text, "{name}: {faults} page faults in the task's thread");
        }
        let changes: u32 = runs.iter().map(|run| run.mode_changes).sum();
        if changes > 0 {
            let _ = writeln!(
                text,
                "{name}: mode changes: {changes}; epochs: {}",
                runs.iter().map(|run| run.epochs).sum::<u32>()
            );
        }
    }
    let mut refused: Vec<(&analysis::run::Refusal, Vec<&str>)> = Vec::new();
    for Group { name, runs } in groups {
        for refusal in runs.iter().flat_map(|run| &run.settings.refused) {
            match refused.iter_mut().find(|(known, _)| *known == refusal) {
                Some((_, names)) if names.contains(name) => {}
                Some((_, names)) => names.push(name),
                None => refused.push((refusal, vec![name])),
            }
        }
    }
    for (refusal, names) in refused {
        let _ = writeln!(
            text,
            "REFUSED {} ({}): {}\n        {}",
            refusal.setting,
            names.join(", "),
            refusal.why,
            refusal.advice
        );
    }
}

fn scheduling(runs: &[&Run]) -> String {
    let of = |run: &&Run| {
        let settings = &run.settings;
        let schedule = settings.schedule.map(|schedule| format!("{schedule:?}").to_lowercase()).unwrap_or_default();
        let priority = if settings.priority > 0 { format!(" {}", settings.priority) } else { String::new() };
        let nice = settings.granted.iter().find_map(|setting| setting.strip_prefix("nice="));
        let nice = nice.map(|nice| format!(" nice {nice}")).unwrap_or_default();
        let cpu = settings.cpu.map(|cpu| format!(" on CPU {cpu}")).unwrap_or_default();
        format!("{schedule}{priority}{nice}{cpu}")
    };
    let mut all: Vec<String> = runs.iter().map(of).collect();
    all.dedup();
    all.join(" / ")
}

/// `None` if any run lacks the figure.
fn median(runs: &[&Run], figure: impl Fn(&Run) -> Option<f64>) -> Option<f64> {
    let mut values: Vec<f64> = Vec::new();
    for run in runs {
        let value = figure(run)?;
        values.insert(values.partition_point(|known| known.total_cmp(&value).is_lt()), value);
    }
    let upper = values.get(values.len() / 2)?;
    let lower = values.get((values.len() - 1) / 2)?;
    Some(f64::midpoint(*lower, *upper))
}

fn micros(value: Option<f64>) -> String {
    value.map_or("n/a".into(), |value| if value < 1000.0 { format!("{value:.1}") } else { format!("{value:.0}") })
}

fn percent(value: Option<f64>) -> String {
    value.map_or("n/a".into(), |value| format!("{:.1}%", value * 100.0))
}

#[expect(clippy::cast_precision_loss, reason = "a rate for reading")]
fn rate(misses: u64, releases: u64) -> String {
    if releases == 0 { "n/a".into() } else { format!("{:.6}", misses as f64 / releases as f64) }
}

#[cfg(test)]
mod tests {
    use analysis::run::{Recorder, Settings, Task};

    use super::*;

    fn run(scenario: &str, repetition: u32, wakeup_us: u64) -> Run {
        let mut wakeup = Recorder::default();
        (0..400).for_each(|_| wakeup.record(wakeup_us * 1000));
        Run {
            scenario: scenario.into(),
            repetition,
            task: Task { period_us: 1000.0, deadline_us: 1000.0, workload: "spin".into(), ..Task::default() },
            releases: 400,
            run: 399,
            skipped: 1,
            misses: 2,
            wakeup_us: wakeup.distribution(),
            settings: Settings::default(),
            ..Run::default()
        }
    }

    #[test]
    fn counts_add_up_and_figures_are_medians() {
        let runs = vec![run("nominal", 1, 10), run("fifo", 1, 5), run("nominal", 2, 30), run("nominal", 3, 20)];
        let text = table(&RunFile { runs, ..RunFile::default() });
        let line = |start: &str, nth: usize| text.lines().filter(|line| line.starts_with(start)).nth(nth).unwrap();
        let counts: Vec<&str> = line("nominal", 0).split_whitespace().collect();
        assert_eq!(counts[1..7], ["3", "1200", "1197", "3", "6", "0.005000"]);
        let latencies: Vec<&str> = line("nominal", 1).split_whitespace().collect();
        assert_eq!(latencies[1..8], ["20.0", "20.0", "20.0", "n/a", "20.0", "n/a", "n/a"]);
        assert!(text.contains("too few jobs"), "{text}");
    }

    #[test]
    fn nothing_measured_is_nothing_printed() {
        assert_eq!(table(&RunFile::default()), "");
    }
}
