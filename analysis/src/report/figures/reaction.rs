//! How fast commands take effect.

use super::{WIDTH, greatest, least, look, side_keys};
use crate::plot::{Axis, Key, Look, Mark, Plot, Scale, Shape, Tick, grid};
use crate::report::document::Figure;
use crate::report::input::Group;
use crate::stats;

/// Empirical distribution of the injected commands' reactions with its band, and every one as a dot by run. `None` without any.
pub(in crate::report) fn reaction(groups: &[&Group]) -> Option<Figure> {
    let of_sides: Vec<(&Group, Vec<Vec<f64>>)> =
        groups.iter().map(|group| (*group, group.recorded().iter().map(|run| run.injected_ms()).collect())).collect();
    let all: Vec<f64> =
        of_sides.iter().flat_map(|(_, runs)| runs.iter().flatten().copied()).filter(|ms| ms.is_finite()).collect();
    if all.is_empty() {
        return None;
    }
    let scale = Scale::log(least(all.iter().copied(), 1.0), greatest(all.iter().copied(), 10.0));
    let x = Axis::new("command sent to acknowledgement heard (ms)", scale);
    let (mut bands, mut lines) = (Vec::new(), Vec::new());
    for (group, runs) in &of_sides {
        let values = runs.concat();
        // Without any command there is nothing to draw, not even at 0 %.
        if values.is_empty() {
            continue;
        }
        let (band, line) = ecdf(&values, scale);
        bands.push(Mark::Band(look(group.side), band));
        lines.push(Mark::Step(look(group.side).wide(2.5), line));
    }
    bands.extend(lines);
    let share = Plot {
        title: "Share of the commands that were acknowledged by then".to_owned(),
        x: Axis::new("", scale),
        y: Axis::new("share (%)", Scale::exact(0.0, 100.0)),
        marks: bands,
        legend: side_keys(groups),
    };
    Some(Figure {
        name: "reaction",
        title: "Reaction to SetMode".to_owned(),
        caption: "Above: the empirical distribution of the times from a command to its acknowledgement; the shade holds the true one \
                  with 95 % (Dvoretzky, Kiefer, Wolfowitz 1956; Massart 1990), if the commands are independent. Further left is \
                  faster, steeper is steadier; commands that expired or have no answer keep a line below 100 %. Below: each command that was acknowledged a dot, each run a row, its median a cross. An acknowledgement \
                  comes when the new mode is in effect."
            .to_owned(),
        alternative: "Distribution of the reaction times a side, and below every reaction by run.".to_owned(),
        scene: grid(&[share, dots(&of_sides, x)], 1, WIDTH, 340.0),
    })
}

/// A row a run.
fn dots(of_sides: &[(&Group, Vec<Vec<f64>>)], x: Axis) -> Plot {
    let rows: u32 = of_sides.iter().map(|(_, runs)| u32::try_from(runs.len()).unwrap_or(0)).sum();
    let mut left = rows;
    let (mut marks, mut names) = (Vec::new(), Vec::new());
    for (group, runs) in of_sides {
        for (number, run) in (1u32..).zip(runs) {
            left = left.saturating_sub(1);
            let row = f64::from(left);
            names.push(Tick { value: row, label: format!("{} {number}", group.side) });
            marks.push(Mark::Dots(
                Look { opacity: 0.7, ..look(group.side) },
                3.5,
                run.iter().filter(|ms| ms.is_finite()).map(|ms| (*ms, row)).collect(),
            ));
            let middle = stats::median(run).filter(|ms| ms.is_finite()).map(|ms| (ms, row)).into_iter().collect();
            marks.push(Mark::Dots(Look::new(crate::plot::Colour::Ink).shaped(Shape::Cross), 5.0, middle));
        }
    }
    let y = Axis { label: String::new(), scale: Scale::exact(-0.7, f64::from(rows.max(1)) - 0.3), names };
    let mut legend: Vec<Key> = of_sides
        .iter()
        .map(|(group, _)| Key::dot(look(group.side), format!("{}: {}", group.side, group.label)))
        .collect();
    legend.push(Key::dot(Look::new(crate::plot::Colour::Ink).shaped(Shape::Cross), "median of the run"));
    Plot { title: "Every command".to_owned(), x, y, marks, legend }
}

/// A lower and an upper bound at each place.
type Band = Vec<(f64, f64, f64)>;

/// The distribution in percent as steps, and its band. What is infinite counts, and is never reached.
fn ecdf(values: &[f64], scale: Scale) -> (Band, Vec<(f64, f64)>) {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let n = sorted.len() as f64;
    let half = stats::dkw_half_width(sorted.len(), 0.95);
    let mut line = vec![(scale.low(), 0.0)];
    let reached = sorted.iter().take_while(|ms| ms.is_finite());
    line.extend((1u32..).zip(reached).map(|(rank, ms)| (*ms, f64::from(rank) / n * 100.0)));
    line.extend(line.last().map(|(_, share)| (scale.high(), *share)));
    let bound = |share: f64| ((share / 100.0 - half).max(0.0) * 100.0, (share / 100.0 + half).min(1.0) * 100.0);
    let mut band = Vec::new();
    let mut before = 0.0;
    for (ms, share) in &line {
        let ((low, high), (low_after, high_after)) = (bound(before), bound(*share));
        band.push((*ms, low, high));
        band.push((*ms, low_after, high_after));
        before = *share;
    }
    (band, line)
}
