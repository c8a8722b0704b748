//! How the wake-up latencies of all runs are spread.

use std::collections::BTreeMap;

use super::{WIDTH, greatest, least, look, side_keys};
use crate::plot::{Axis, Key, Look, Mark, Plot, Scale, grid};
use crate::report::document::Figure;
use crate::report::input::Group;
use crate::run::{Distribution, Run};
use crate::stats;

/// Buckets an octave in the figure: as many as the wire has.
const PER_OCTAVE: f64 = 8.0;

/// The distributions of the runs of a side.
fn distributions(group: &Group) -> Vec<Distribution> {
    let of = |run: &Run| run.wakeup_us.clone();
    group.sources().iter().flat_map(|source| source.file().runs.iter().map(of).collect::<Vec<_>>()).collect()
}

/// Counts of all runs by eighth of an octave, and all of them.
#[expect(clippy::cast_possible_truncation, reason = "logarithms of microseconds")]
fn pooled(runs: &[Distribution]) -> (BTreeMap<i32, u64>, u64) {
    let (mut counts, mut all) = (BTreeMap::new(), 0u64);
    for bucket in runs.iter().flat_map(Distribution::buckets) {
        let middle_us = bucket.lower_ns.midpoint(bucket.upper_ns).max(1) as f64 / 1000.0;
        let slot = (middle_us.log2() * PER_OCTAVE).floor() as i32;
        let sum: &mut u64 = counts.entry(slot).or_default();
        *sum = sum.saturating_add(bucket.count);
        all = all.saturating_add(bucket.count);
    }
    (counts, all)
}

fn lower_us(slot: i32) -> f64 {
    2f64.powf(f64::from(slot) / PER_OCTAVE)
}

/// Shares by latency, both axes logarithmic.
pub(in crate::report) fn distribution(groups: &[&Group]) -> Figure {
    let mut marks = Vec::new();
    let mut points: Vec<(f64, f64)> = Vec::new();
    for group in groups {
        let (counts, all) = pooled(&distributions(group));
        let (Some(first), Some(last)) = (counts.keys().next(), counts.keys().next_back()) else { continue };
        let share = |slot: i32| counts.get(&slot).map_or(0.0, |count| *count as f64 / all as f64 * 100.0);
        let outline: Vec<(f64, f64)> = (*first..=last + 1).map(|slot| (lower_us(slot), share(slot))).collect();
        points.extend(&outline);
        marks.push(Mark::Step(look(group.side).wide(2.2), outline));
    }
    let low = least(points.iter().map(|(_, share)| *share), 0.001);
    let plot = Plot {
        title: String::new(),
        x: Axis::new(
            "wake-up latency (µs)",
            Scale::log(least(points.iter().map(|(us, _)| *us), 1.0), greatest(points.iter().map(|(us, _)| *us), 10.0)),
        ),
        y: Axis::new("share of the jobs (%)", Scale::log(low, 100.0)),
        marks,
        legend: side_keys(groups),
    };
    Figure {
        name: "distribution",
        title: "Distribution of the wake-up latency".to_owned(),
        caption: "How many of all jobs started so late, by eighths of an octave (9 % wide), all runs and devices together; both axes \
                  are logarithmic. Curves that lie on each other: no difference. A second hump or a long flat foot to the right: \
                  something holds jobs up now and then."
            .to_owned(),
        alternative: "Share of the jobs against wake-up latency, one line a side, both axes logarithmic.".to_owned(),
        scene: grid(&[plot], 1, WIDTH, 310.0),
    }
}

/// Share of the jobs that started later than so: `(latency in µs, jobs later)`, ascending.
fn later(runs: &[Distribution]) -> (Vec<(f64, u64)>, u64) {
    let (counts, all) = pooled(runs);
    let mut left = all;
    let points = counts
        .into_iter()
        .map(|(slot, count)| {
            left = left.saturating_sub(count);
            (lower_us(slot + 1), left)
        })
        .collect();
    (points, all)
}

/// The tail: how many jobs started later than so.
pub(in crate::report) fn tail(groups: &[&Group]) -> Figure {
    let percent = |count: f64, all: u64| count / (all.max(1) as f64) * 100.0;
    let curve = |points: &[(f64, u64)], all: u64| -> Vec<(f64, f64)> {
        let whole = points.first().map(|(us, _)| (us / 2f64.powf(1.0 / PER_OCTAVE), 100.0));
        let rest = points.iter().filter(|(_, left)| *left > 0).map(|(us, left)| (*us, percent(*left as f64, all)));
        whole.into_iter().chain(rest).collect()
    };
    let (mut bands, mut lines, mut seen) = (Vec::new(), Vec::new(), Vec::new());
    for group in groups {
        let runs = distributions(group);
        let (points, all) = later(&runs);
        if all == 0 {
            continue;
        }
        let band = points
            .iter()
            .filter(|(_, left)| *left > 0)
            .map(|(us, left)| {
                let (low, high) = stats::clopper_pearson(*left, all, 0.95);
                (*us, low * 100.0, high * 100.0)
            })
            .collect();
        bands.push(Mark::Band(look(group.side), band));
        for run in &runs {
            let (points, all) = later(std::slice::from_ref(run));
            bands.push(Mark::Line(look(group.side).thin(), curve(&points, all)));
        }
        let whole = curve(&points, all);
        seen.extend(whole.clone());
        lines.push(Mark::Line(look(group.side).wide(3.0), whole));
    }
    bands.extend(lines);
    let low = least(seen.iter().map(|(_, share)| *share), 0.001);
    let mut legend = side_keys(groups);
    legend.extend(
        groups.first().map(|group| {
            Key::line(Look { dash: crate::plot::Dash::Solid, ..look(group.side).thin() }, "thin: each run")
        }),
    );
    let plot = Plot {
        title: String::new(),
        x: Axis::new(
            "wake-up latency (µs)",
            Scale::log(least(seen.iter().map(|(us, _)| *us), 1.0), greatest(seen.iter().map(|(us, _)| *us), 10.0)),
        ),
        y: Axis::new("jobs that start later (%)", Scale::log(low / 2.0, 100.0)),
        marks: bands,
        legend,
    };
    Figure {
        name: "tail",
        title: "The tail: how many jobs start later than so".to_owned(),
        caption: "Read it from a latency upwards to the curve: so many of all jobs started later. At 1 % stands the 99th percentile, at \
                  0.1 % the 99.9th. Thick: all runs of a side. The shade is the exact binomial interval of 95 % for each latency \
                  (Clopper, Pearson 1934); it takes the jobs for independent, which late ones are not, so it is the best case. Thin: \
                  each run; how far they lie apart tells more."
            .to_owned(),
        alternative: "Share of the jobs that start later than a latency, against this latency, both axes logarithmic.".to_owned(),
        scene: grid(&[plot], 1, WIDTH, 350.0),
    }
}
