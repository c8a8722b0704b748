//! What was recorded of restarts and connections.

use super::{drawing, text};
use crate::compare::format::significant;
use crate::report::document::{Block, Cell, Section, Table, figure, words};
use crate::report::figures;
use crate::report::input::Group;
use crate::report::recorded::{Device, Happened};

pub(super) fn section(groups: &[&Group]) -> Section {
    let mut blocks = vec![text(
        "How simple a deployment is, no recording tells. This is what it saw: whether the broker or devices went away during the runs, \
         how often and for how long. Restart the broker and the controller in a run of each side on purpose, and the time until all \
         are back is here.",
    )];
    match figures::events(groups) {
        Some(figure) => blocks.push(drawing(figure)),
        None => {
            blocks.push(text("In these runs neither the broker nor a device went away, and no agent was restarted."))
        }
    }
    blocks.push(Block::Table(table(groups)));
    Section { id: "deploy", title: "Which is simpler to deploy and to restart?".to_owned(), blocks }
}

type Aspect = (&'static str, fn(&Group) -> f64);

fn table(groups: &[&Group]) -> Table {
    let aspects: [Aspect; 7] = [
        ("broker lost by the recorder, times", |group| happened(group, Happened::LinkDown)),
        ("broker away, longest (s)", |group| longest_link_gap_s(group)),
        ("devices away, times", |group| happened(group, Happened::Away)),
        ("devices away, in all (s)", |group| over(group, |device| device.away_ms / 1000.0).iter().sum()),
        ("longest silence of a device (s)", |group| {
            over(group, |device| device.silence_ms / 1000.0).into_iter().fold(0.0, f64::max)
        }),
        ("agents restarted, times", |group| over(group, |device| device.restarts as f64).iter().sum()),
        ("windows that never came", |group| over(group, |device| device.missing as f64).iter().sum()),
    ];
    let rows: Vec<Vec<Cell>> = aspects
        .into_iter()
        .map(|(name, of)| {
            let cell = |group: &&Group| {
                let value = of(group);
                figure(if value.fract() == 0.0 { format!("{value}") } else { significant(value, 3) })
            };
            std::iter::once(words(name)).chain(groups.iter().map(cell)).collect()
        })
        .collect();
    let mut head = vec!["all runs together".to_owned()];
    head.extend(groups.iter().map(|group| group.label.clone()));
    Table { name: "away", caption: "What was away, and for how long.".to_owned(), head, rows }
}

fn happened(group: &Group, what: Happened) -> f64 {
    group.recorded().iter().flat_map(|run| &run.events).filter(|event| event.what == what).count() as f64
}

fn over(group: &Group, figure: fn(&Device) -> f64) -> Vec<f64> {
    group.recorded().iter().flat_map(|run| run.devices.values()).map(figure).collect()
}

/// From a loss of the broker to its return, or to the end of the run.
fn longest_link_gap_s(group: &Group) -> f64 {
    let mut longest_ms = 0.0f64;
    for run in group.recorded() {
        let mut since = None;
        for event in &run.events {
            match event.what {
                Happened::LinkDown => since = since.or(Some(event.at_ms)),
                Happened::LinkUp => longest_ms = longest_ms.max(since.take().map_or(0.0, |from| event.at_ms - from)),
                Happened::Away | Happened::Back | Happened::Restart => {}
            }
        }
        longest_ms = longest_ms.max(since.map_or(0.0, |from| run.duration_ms - from));
    }
    longest_ms / 1000.0
}
