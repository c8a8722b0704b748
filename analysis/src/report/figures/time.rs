//! How times and misses went on over the runs.

use super::{WIDTH, greatest, least, look};
use crate::plot::{Axis, Colour, Dash, Key, Look, Mark, Plot, Scale, Shape, grid};
use crate::report::document::Figure;
use crate::report::input::Group;
use crate::report::over_time::{Stretch, line, medians, stretch_s, stretches};
use crate::report::recorded::Recorded;

/// Stretches of all runs, side by side.
struct Course<'a> {
    groups: Vec<(&'a Group, Vec<Vec<Stretch>>)>,
    length_s: u64,
    x: Axis,
}

impl<'a> Course<'a> {
    fn of(groups: &[&'a Group]) -> Self {
        let runs: Vec<&Recorded> = groups.iter().flat_map(|group| group.recorded()).collect();
        let length_s = stretch_s(&runs);
        let longest_s = greatest(runs.iter().map(|run| run.duration_ms / 1000.0), 1.0);
        let of_group = |group: &&'a Group| {
            (*group, group.recorded().iter().map(|run| stretches(run, length_s)).collect::<Vec<_>>())
        };
        Self {
            groups: groups.iter().map(of_group).collect(),
            length_s,
            x: Axis::new("time since the start of the run (s)", Scale::exact(0.0, longest_s)),
        }
    }

    fn all(&self) -> impl Iterator<Item = &Stretch> {
        self.groups.iter().flat_map(|(_, runs)| runs.iter().flatten())
    }

    fn columns(&self) -> usize {
        self.groups.len().max(1)
    }
}

/// Median, 99th percentile and greatest wake-up latency over time.
pub(in crate::report) fn jitter(groups: &[&Group]) -> Figure {
    let course = Course::of(groups);
    let low = least(course.all().map(|one| one.p50_us), 1.0);
    let high = greatest(course.all().map(|one| one.max_us), 10.0);
    let plots: Vec<Plot> = course
        .groups
        .iter()
        .map(|(group, runs)| {
            let plain = Look { dash: Dash::Solid, ..look(group.side) };
            let (median, p99) = (plain.wide(2.5), plain.dashed(Dash::Dashed));
            let most = plain.shaped(Shape::Cross);
            Plot {
                title: group.label.clone(),
                x: course.x.clone(),
                y: Axis::new("wake-up latency (µs)", Scale::log(low, high)),
                marks: vec![
                    Mark::Dots(Look { opacity: 0.7, ..most }, 3.0, medians(runs, |one| one.max_us)),
                    Mark::Line(p99, medians(runs, |one| one.p99_us)),
                    Mark::Line(median, medians(runs, |one| one.p50_us)),
                ],
                legend: vec![Key::line(median, "median"), Key::line(p99, "p99"), Key::dot(most, "greatest")],
            }
        })
        .collect();
    Figure {
        name: "jitter-over-time",
        title: "Wake-up latency over time".to_owned(),
        caption: format!(
            "How late jobs started, by stretches of {} s; each value is the median over the runs of that side. Flat lines: the timing \
             is stable. Steps or slopes: something changed during the run. Crosses far above the lines: single late jobs, which no \
             percentile shows. Both sides have the same axes; the vertical one is logarithmic.",
            course.length_s
        ),
        alternative: "Median, 99th percentile and greatest wake-up latency against time, one panel a side.".to_owned(),
        scene: grid(&plots, course.columns(), WIDTH, 290.0),
    }
}

/// Every run's 99th percentile over time.
pub(in crate::report) fn quantiles(groups: &[&Group]) -> Figure {
    let course = Course::of(groups);
    let low = least(course.all().map(|one| one.p99_us), 1.0);
    let high = greatest(course.all().map(|one| one.p99_us), 10.0);
    let plots: Vec<Plot> = course
        .groups
        .iter()
        .map(|(group, runs)| {
            let plain = Look { dash: Dash::Solid, ..look(group.side) };
            let mut marks: Vec<Mark> =
                runs.iter().map(|run| Mark::Line(plain.thin(), line(run, |one| one.p99_us))).collect();
            marks.push(Mark::Line(plain.wide(3.0), medians(runs, |one| one.p99_us)));
            Plot {
                title: group.label.clone(),
                x: course.x.clone(),
                y: Axis::new("wake-up p99 (µs)", Scale::log(low, high)),
                marks,
                legend: vec![Key::line(plain.thin(), "each run"), Key::line(plain.wide(3.0), "median of the runs")],
            }
        })
        .collect();
    Figure {
        name: "quantiles-over-runs",
        title: "Run beside run".to_owned(),
        caption: format!(
            "The 99th percentile of the wake-up latency by stretches of {} s: each run a thin line, their median a thick one. What \
             differs between the thin lines of one side is what a difference between the sides has to stand out from.",
            course.length_s
        ),
        alternative: "99th percentile of the wake-up latency against time, a line a run, one panel a side.".to_owned(),
        scene: grid(&plots, course.columns(), WIDTH, 280.0),
    }
}

/// Miss rate over time, and below it how much of the fleet was DEGRADED.
pub(in crate::report) fn misses(groups: &[&Group]) -> Figure {
    let course = Course::of(groups);
    let high = greatest(course.all().map(|one| one.miss_rate * 100.0), 0.0);
    let percent = |run: &[Stretch]| line(run, |one| one.miss_rate * 100.0);
    let mut plots: Vec<Plot> = course
        .groups
        .iter()
        .map(|(group, runs)| {
            let plain = Look { dash: Dash::Solid, ..look(group.side) };
            let mut marks: Vec<Mark> = runs.iter().map(|run| Mark::Line(plain.thin(), percent(run))).collect();
            marks.push(Mark::Line(plain.wide(3.0), medians(runs, |one| one.miss_rate * 100.0)));
            Plot {
                title: group.label.clone(),
                x: Axis::new("", course.x.scale),
                y: Axis::new("misses (%)", Scale::linear(0.0, high.max(0.1))),
                marks,
                legend: vec![Key::line(plain.thin(), "each run"), Key::line(plain.wide(3.0), "median of the runs")],
            }
        })
        .collect();
    plots.extend(course.groups.iter().map(|(_, runs)| {
        let mode = Look::new(Colour::Purple).dashed(Dash::Dashed);
        let half = course.length_s as f64 / 2.0;
        let boxes = medians(runs, |one| one.degraded * 100.0)
            .into_iter()
            .filter(|(_, share)| *share > 0.0)
            .map(|(at_s, share)| (at_s - half, 0.0, at_s + half, share))
            .collect();
        Plot {
            title: String::new(),
            x: course.x.clone(),
            y: Axis::new("DEGRADED (%)", Scale::exact(0.0, 100.0)),
            marks: vec![Mark::Boxes(mode, boxes)],
            legend: vec![Key::area(mode, "windows in DEGRADED")],
        }
    }));
    Figure {
        name: "misses-over-time",
        title: "Missed deadlines over time".to_owned(),
        caption: format!(
            "Above: missed deadlines as a share of all releases, skipped ones included, by stretches of {} s. Below: how many of the \
             windows of all devices closed in DEGRADED, median over the runs. Changes that the recorder injected are in it. \
             Misses that end when the mode changes are what the control loop is for.",
            course.length_s
        ),
        alternative: "Miss rate against time, and below it the share of windows in DEGRADED, one column a side."
            .to_owned(),
        scene: grid(&plots, course.columns(), WIDTH, 205.0),
    }
}
