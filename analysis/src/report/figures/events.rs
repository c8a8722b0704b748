//! When devices and the broker were away.

use super::{WIDTH, greatest};
use crate::plot::{Axis, Colour, Key, Look, Mark, Plot, Scale, Shape, Tick, grid};
use crate::report::document::Figure;
use crate::report::input::Group;
use crate::report::recorded::{Happened, Recorded};

/// How each kind of event looks.
fn kinds() -> [(Happened, Look); 5] {
    [
        (Happened::LinkDown, Look::new(Colour::Vermilion).shaped(Shape::Cross)),
        (Happened::LinkUp, Look::new(Colour::Green).shaped(Shape::Square)),
        (Happened::Away, Look::new(Colour::Ink).shaped(Shape::Cross)),
        (Happened::Back, Look::new(Colour::Blue)),
        (Happened::Restart, Look::new(Colour::Purple).shaped(Shape::Square)),
    ]
}

/// A row a run. `None` if nothing happened.
pub(in crate::report) fn events(groups: &[&Group]) -> Option<Figure> {
    let runs: Vec<(String, &Recorded)> = groups
        .iter()
        .flat_map(|group| (1u32..).zip(group.recorded()).map(|(number, run)| (format!("{} {number}", group.side), run)))
        .collect();
    if runs.iter().all(|(_, run)| run.events.is_empty()) {
        return None;
    }
    let rows = u32::try_from(runs.len()).unwrap_or(u32::MAX);
    let row = |number: u32| f64::from(rows - 1 - number);
    let marks = kinds()
        .into_iter()
        .map(|(what, look)| {
            let dots = (0u32..).zip(&runs).flat_map(|(number, (_, run))| {
                run.events
                    .iter()
                    .filter(move |event| event.what == what)
                    .map(move |event| (event.at_ms / 1000.0, row(number)))
            });
            Mark::Dots(look, 4.5, dots.collect())
        })
        .collect();
    let names =
        (0u32..).zip(&runs).map(|(number, (name, _))| Tick { value: row(number), label: name.clone() }).collect();
    let longest_s = greatest(runs.iter().map(|(_, run)| run.duration_ms / 1000.0), 1.0);
    let plot = Plot {
        title: String::new(),
        x: Axis::new("time since the start of the run (s)", Scale::exact(0.0, longest_s)),
        y: Axis { label: String::new(), scale: Scale::exact(-0.7, f64::from(rows) - 0.3), names },
        marks,
        legend: kinds().into_iter().map(|(what, look)| Key::dot(look, what.words())).collect(),
    };
    Some(Figure {
        name: "link-events",
        title: "Connections and restarts".to_owned(),
        caption: "Each row a run. The broker is seen from the recorder, the devices as the broker tells of them."
            .to_owned(),
        alternative: "Losses and returns of the broker and of devices, and restarts of agents, by run and time."
            .to_owned(),
        scene: grid(&[plot], 1, WIDTH, 130.0 + 26.0 * f64::from(rows)),
    })
}
