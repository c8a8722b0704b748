//! The gateway's CPU and memory.

use std::collections::BTreeMap;

use super::{WIDTH, greatest, look, side_keys};
use crate::experiment::Gateway;
use crate::plot::{Axis, Key, Look, Mark, Plot, Scale, Tick, grid};
use crate::report::document::Figure;
use crate::report::input::Group;
use crate::report::recorded::Recorded;
use crate::stats;

/// Most groups that are drawn.
const MOST_GROUPS: usize = 12;

/// What one group of processes took, on average over the runs that were looked at: share of one CPU, memory in KiB.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(in crate::report) struct Use {
    pub(in crate::report) cpu: f64,
    pub(in crate::report) memory_kb: f64,
}

/// By name of the group; one that is not there in a sample took nothing.
pub(in crate::report) fn uses(group: &Group) -> BTreeMap<String, Use> {
    let mut of_runs: BTreeMap<String, Vec<Use>> = BTreeMap::new();
    let runs = group.recorded().iter().filter(|run| !run.gateway.is_empty()).count();
    for run in group.recorded() {
        let span: f64 = run.gateway.iter().map(|sample| sample.span_ms).sum();
        let mut here: BTreeMap<&str, Use> = BTreeMap::new();
        for (sample, one) in run.gateway.iter().flat_map(|sample| sample.groups.iter().map(move |one| (sample, one))) {
            let weight = if span > 0.0 { sample.span_ms / span } else { 0.0 };
            let sum = here.entry(&one.name).or_default();
            sum.cpu += one.cpu * weight;
            sum.memory_kb += one.memory_kb as f64 * weight;
        }
        for (name, one) in here {
            of_runs.entry(name.to_owned()).or_default().push(one);
        }
    }
    let mean = |values: &[Use], figure: fn(&Use) -> f64| values.iter().map(figure).sum::<f64>() / runs.max(1) as f64;
    of_runs
        .into_iter()
        .map(|(name, values)| {
            (name, Use { cpu: mean(&values, |one| one.cpu), memory_kb: mean(&values, |one| one.memory_kb) })
        })
        .collect()
}

/// Seconds and values.
type Course = Vec<(f64, f64)>;

/// A figure of the gateway over time, run by run, and the median of the runs by second of the longest sampling.
fn courses(group: &Group, figure: fn(&Gateway) -> f64) -> (Vec<Course>, Course) {
    let of = |run: &Recorded| run.gateway.iter().map(|sample| (sample.at_ms / 1000.0, figure(sample))).collect();
    let lines: Vec<Course> = group.recorded().iter().map(of).collect();
    let longest = lines.iter().map(Vec::len).max().unwrap_or(0);
    let median = (0..longest)
        .filter_map(|number| {
            let here: Vec<(f64, f64)> = lines.iter().filter_map(|line| line.get(number).copied()).collect();
            let at_s = stats::median(&here.iter().map(|(at_s, _)| *at_s).collect::<Vec<_>>())?;
            let value = stats::median(&here.iter().map(|(_, value)| *value).collect::<Vec<_>>())?;
            (here.len() * 2 > lines.len()).then_some((at_s, value))
        })
        .collect();
    (lines, median)
}

fn panel(groups: &[&Group], title: &str, unit: &str, figure: fn(&Gateway) -> f64) -> Plot {
    let (mut marks, mut medians) = (Vec::new(), Vec::new());
    for group in groups {
        let (lines, median) = courses(group, figure);
        marks.extend(lines.into_iter().map(|line| Mark::Line(look(group.side).thin(), line)));
        medians.push(Mark::Line(look(group.side).wide(3.0), median));
    }
    let samples = || groups.iter().flat_map(|group| group.recorded()).flat_map(|run| &run.gateway);
    marks.extend(medians);
    Plot {
        title: title.to_owned(),
        x: Axis::new(
            "time since the start of the run (s)",
            Scale::exact(0.0, greatest(samples().map(|one| one.at_ms / 1000.0), 1.0)),
        ),
        y: Axis::new(unit, Scale::linear(0.0, greatest(samples().map(figure), 1.0))),
        marks,
        legend: side_keys(groups),
    }
}

/// CPU and memory of the whole gateway over time, side by side.
pub(in crate::report) fn gateway(groups: &[&Group]) -> Figure {
    let plots = [
        panel(groups, "CPU of the gateway", "busy share of all CPUs (%)", |sample| sample.cpu * 100.0),
        panel(groups, "Memory of the gateway", "in use (MiB)", |sample| sample.memory_used_kb as f64 / 1024.0),
    ];
    Figure {
        name: "gateway-over-time",
        title: "CPU and memory of the gateway".to_owned(),
        caption: "The whole machine, everything that runs on it included. Thin: each run; thick: their median. The distance between the \
                  thick lines is the overhead, if nothing else on the gateway differed."
            .to_owned(),
        alternative: "Busy share of all CPUs and memory in use against time, a thick line a side.".to_owned(),
        scene: grid(&plots, 2, WIDTH, 320.0),
    }
}

/// Who took it: CPU and memory by process name or control group.
pub(in crate::report) fn groups(groups: &[&Group]) -> Option<Figure> {
    let of_sides: Vec<(&Group, BTreeMap<String, Use>)> = groups.iter().map(|group| (*group, uses(group))).collect();
    let mut totals: BTreeMap<&str, f64> = BTreeMap::new();
    for (name, one) in of_sides.iter().flat_map(|(_, uses)| uses) {
        *totals.entry(name).or_default() += one.cpu;
    }
    let mut names: Vec<&str> = totals.keys().copied().collect();
    names.sort_by(|x, y| totals.get(y).unwrap_or(&0.0).total_cmp(totals.get(x).unwrap_or(&0.0)).then(x.cmp(y)));
    names.truncate(MOST_GROUPS);
    if names.is_empty() {
        return None;
    }
    let panel = |title: &str, label: &str, figure: fn(&Use) -> f64| {
        let most = greatest(of_sides.iter().flat_map(|(_, uses)| uses.values().map(figure)), 1.0);
        bars(&of_sides, &names, title, Axis::new(label, Scale::linear(0.0, most)), figure)
    };
    let plots = [
        panel("CPU", "share of one CPU (%)", |one| one.cpu * 100.0),
        panel("Memory", "MiB", |one| one.memory_kb / 1024.0),
    ];
    let rows = names.len() as f64;
    Some(Figure {
        name: "gateway-by-process",
        title: "Who took it".to_owned(),
        caption: "Mean over the runs, by name of the processes or by control group. 100 % is one whole CPU. Processes that come and go \
                  count while they are there. A group may contain processes that are named as well, so the bars do not add up to the \
                  whole machine."
            .to_owned(),
        alternative: "Bars of CPU and memory by group of processes, one bar a side.".to_owned(),
        scene: grid(&plots, 2, WIDTH, 110.0 + rows * (14.0 + 20.0 * groups.len() as f64)),
    })
}

fn bars(
    of_sides: &[(&Group, BTreeMap<String, Use>)],
    names: &[&str],
    title: &str,
    x: Axis,
    figure: fn(&Use) -> f64,
) -> Plot {
    let rows = names.len() as f64;
    let ticks = (0u32..)
        .zip(names)
        .map(|(row, name)| Tick { value: rows - 1.0 - f64::from(row), label: name.chars().take(22).collect() })
        .collect::<Vec<_>>();
    let thick = 0.8 / of_sides.len().max(1) as f64;
    let marks = (0u32..)
        .zip(of_sides)
        .map(|(number, (group, uses))| {
            let boxes = ticks
                .iter()
                .zip(names)
                .filter_map(|(tick, name)| {
                    let top = tick.value + 0.4 - thick * f64::from(number);
                    uses.get(*name).map(|one| (0.0, top - thick * 0.92, figure(one), top))
                })
                .collect();
            Mark::Boxes(look(group.side), boxes)
        })
        .collect();
    let keys = of_sides.iter().map(|(group, _)| Key::area(Look { ..look(group.side) }, group.label.clone())).collect();
    let y = Axis { label: String::new(), scale: Scale::exact(-0.5, rows - 0.5), names: ticks };
    Plot { title: title.to_owned(), x, y, marks, legend: keys }
}
