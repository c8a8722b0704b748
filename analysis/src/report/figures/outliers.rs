//! Late jobs by the phase of a clock: what comes again at the same time each second or minute has a cause that does.

use super::{WIDTH, greatest, least, look};
use crate::plot::{Axis, Key, Look, Mark, Plot, Scale, grid};
use crate::report::document::Figure;
use crate::report::input::Group;

/// Lengths that are folded at, in seconds.
const FOLDS_S: [f64; 3] = [1.0, 10.0, 60.0];
/// Most dots of a side.
const MOST: usize = 400;

/// When the latest job of a second's windows was told of, on the wall clock in seconds, and how late it was.
fn latest(group: &Group) -> Vec<(f64, f64)> {
    let of_runs = group.recorded().iter().flat_map(|run| {
        let started_s = run.begin.started_unix_ms as f64 / 1000.0;
        run.seconds.values().map(move |second| (started_s + second.greatest_at_ms / 1000.0, second.greatest_us))
    });
    let mut all: Vec<(f64, f64)> = of_runs.filter(|(_, us)| *us > 0.0).collect();
    all.sort_by(|x, y| y.1.total_cmp(&x.1).then(x.0.total_cmp(&y.0)));
    all.truncate(MOST);
    all
}

/// The greatest latencies folded at 1, 10 and 60 s.
pub(in crate::report) fn outliers(groups: &[&Group]) -> Figure {
    let of_sides: Vec<(&Group, Vec<(f64, f64)>)> = groups.iter().map(|group| (*group, latest(group))).collect();
    let all = || of_sides.iter().flat_map(|(_, points)| points.iter().map(|(_, us)| *us));
    let y = Scale::log(least(all(), 1.0), greatest(all(), 10.0));
    let plots: Vec<Plot> = (0u8..)
        .zip(FOLDS_S)
        .map(|(number, fold_s)| Plot {
            title: format!("folded at {fold_s} s"),
            x: Axis::new("phase (s)", Scale::exact(0.0, fold_s)),
            y: Axis::new(if number == 0 { "latest job of a second (µs)" } else { "" }, y),
            marks: of_sides
                .iter()
                .map(|(group, points)| {
                    let dots = points.iter().map(|(at_s, us)| (at_s.rem_euclid(fold_s), *us)).collect();
                    Mark::Dots(Look { opacity: 0.6, ..look(group.side) }, 2.6, dots)
                })
                .collect(),
            legend: if number == 0 {
                groups.iter().map(|group| Key::dot(look(group.side), super::short(group))).collect()
            } else {
                Vec::new()
            },
        })
        .collect();
    Figure {
        name: "outliers-folded",
        title: "Late jobs by the phase of the clock".to_owned(),
        caption: format!(
            "The latest job of each second of all runs (at most {MOST} a side, the latest ones), by the second in which its window \
             closed, on the gateway's clock. Dots without order: chance. Dots that gather in columns: something that comes every \
             second, every 10 s (a probe?) or every minute (a timer?) holds jobs up. The time is exact to the length of a window."
        ),
        alternative: "The greatest latencies against the phase of 1, 10 and 60 seconds.".to_owned(),
        scene: grid(&plots, 3, WIDTH, 310.0),
    }
}
