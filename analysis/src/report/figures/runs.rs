//! The figures that are compared: each run a dot, and the ratios with their intervals.

use super::{WIDTH, greatest, look, short};
use crate::plot::{Axis, Colour, Dash, Key, Look, Mark, Plot, Scale, Tick, grid};
use crate::report::document::Figure;
use crate::report::input::Group;
use crate::report::metrics;
use crate::{Metric, MetricComparison, stats};

/// Every run's figures, one panel a metric. `None` if no run has any.
pub(in crate::report) fn runs(groups: &[&Group], scenario: Option<&[&str]>) -> Option<Figure> {
    let plots: Vec<Plot> = Metric::ALL.into_iter().filter_map(|metric| panel(groups, scenario, metric)).collect();
    if plots.is_empty() {
        return None;
    }
    let columns = plots.len().min(4);
    Some(Figure {
        name: "runs",
        title: "Every run".to_owned(),
        caption: "Each dot is one run, the line its side's median; all axes begin at 0. Dots of the two sides that mix: no difference \
                  that these runs show. One dot far from the others: a run to look at."
            .to_owned(),
        alternative: "One panel a figure, with a dot a run and a line at the median of each side.".to_owned(),
        scene: grid(&plots, columns, WIDTH, 220.0),
    })
}

fn panel(groups: &[&Group], scenario: Option<&[&str]>, metric: Metric) -> Option<Plot> {
    let of = |group: &Group| -> Vec<f64> {
        let wanted = |name: &str| scenario.is_none_or(|names| names.contains(&name));
        let figure = |run: &crate::run::Run| metric.of(run).ok().filter(|_| wanted(&run.scenario));
        let sources = group.sources();
        sources
            .iter()
            .flat_map(|source| &source.file().runs)
            .filter_map(figure)
            .map(|value| metrics::shown(metric, value))
            .collect()
    };
    let values: Vec<Vec<f64>> = groups.iter().map(|group| of(group)).collect();
    if values.iter().all(Vec::is_empty) {
        return None;
    }
    let most = greatest(values.iter().flatten().copied(), 1.0);
    let mut marks = Vec::new();
    for ((place, group), values) in (0u32..).zip(groups).zip(&values) {
        let place = f64::from(place);
        if let Some(median) = stats::median(values) {
            let line = Look { dash: Dash::Solid, ..look(group.side).wide(2.5) };
            marks.push(Mark::Line(line, vec![(place - 0.3, median), (place + 0.3, median)]));
        }
        // Side by side in the order of the runs, so that equal ones are seen.
        let count = values.len().max(2) as f64 - 1.0;
        let dots = (0u32..).zip(values).map(|(number, value)| (place - 0.2 + 0.4 * f64::from(number) / count, *value));
        marks.push(Mark::Dots(Look { opacity: 0.85, ..look(group.side) }, 3.8, dots.collect()));
    }
    Some(Plot {
        title: metrics::title(metric).to_owned(),
        x: Axis::of_names(groups.iter().map(|group| short(group))),
        y: Axis::new(metrics::unit(metric), Scale::linear(0.0, if most > 0.0 { most } else { 1.0 })),
        marks,
        legend: Vec::new(),
    })
}

/// A metric, its ratio and the interval of it.
type Row<'a> = (&'a MetricComparison, f64, Option<(f64, f64)>);

/// Ratios of the medians with their intervals. `None` if there is none.
pub(in crate::report) fn ratios(a: &str, b: &str, comparisons: &[&MetricComparison]) -> Option<Figure> {
    let rows: Vec<Row<'_>> = comparisons
        .iter()
        .filter_map(|one| {
            let effect =
                one.effect.filter(|effect| effect.kind == crate::EffectKind::Ratio && effect.value.is_finite())?;
            Some((*one, effect.value, effect.interval.map(|interval| (interval.low, interval.high))))
        })
        .filter(|(_, value, _)| *value > 0.0)
        .collect();
    let margin = rows.first()?.0.margin.relative;
    let count = rows.len() as f64;
    let ends = || {
        rows.iter().flat_map(|(_, value, interval)| {
            [Some(*value), interval.map(|(low, _)| low), interval.map(|(_, high)| high)]
        })
    };
    let reach = ends()
        .flatten()
        .filter(|end| end.is_finite() && *end > 0.0)
        .map(|end| end.max(1.0 / end))
        .fold(1.0 + 2.0 * margin, f64::max);
    let scale = Scale::log(1.0 / (reach * 1.05), reach * 1.05);
    let mut marks = vec![
        Mark::Boxes(
            Look { opacity: 0.9, ..Look::new(Colour::Faint) },
            vec![(1.0 / (1.0 + margin), -0.5, 1.0 + margin, count - 0.5)],
        ),
        Mark::Line(Look::new(Colour::Grey).wide(1.2), vec![(1.0, -0.5), (1.0, count - 0.5)]),
    ];
    let mut names = Vec::new();
    for (number, (one, value, interval)) in (0u32..).zip(&rows) {
        let row = count - 1.0 - f64::from(number);
        let label = format!("{}: {}", metrics::title(one.metric), one.verdict.words());
        names.push(Tick { value: row, label });
        if let Some((low, high)) = interval {
            marks.push(Mark::Line(Look::new(Colour::Ink).wide(2.5), vec![(*low, row), (*high, row)]));
        }
        marks.push(Mark::Dots(Look::new(Colour::Ink), 5.0, vec![(*value, row)]));
    }
    let plot = Plot {
        title: String::new(),
        x: Axis::new(format!("{a} / {b}: left of 1 means that {a} is better"), scale),
        y: Axis { label: String::new(), scale: Scale::exact(-0.5, count - 0.5), names },
        marks,
        legend: vec![
            Key::dot(Look::new(Colour::Ink), "ratio of the medians, with its interval of 95 %"),
            Key::area(Look::new(Colour::Faint), "too small to matter"),
        ],
    };
    Some(Figure {
        name: "ratios",
        title: "How far apart".to_owned(),
        caption: format!(
            "Each line is one figure: the ratio of the two medians over runs, and the interval that holds it with 95 %. Inside the \
             grey band ({} to {}) a difference does not matter. An interval that leaves the band on both sides says: measure more.",
            crate::compare::format::significant(1.0 / (1.0 + margin), 3),
            crate::compare::format::significant(1.0 + margin, 3),
        ),
        alternative:
            "Ratios of the medians with their intervals, one line a figure, and a band of what is too small to matter."
                .to_owned(),
        scene: grid(&[plot], 1, WIDTH, 120.0 + 30.0 * count),
    })
}
