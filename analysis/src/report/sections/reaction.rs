//! How fast a command takes effect.

use shared_proto::wire::Outcome;

use super::{drawing, text};
use crate::compare::format::significant;
use crate::experiment::{Reaction, ReactionKind};
use crate::report::document::{Block, Cell, Section, Table, figure, words};
use crate::report::figures;
use crate::report::input::Group;
use crate::stats;

pub(super) fn section(groups: &[&Group]) -> Section {
    let any = groups.iter().any(|group| group.recorded().iter().any(|run| !run.reactions.is_empty()));
    let mut blocks = Vec::new();
    if any {
        blocks.extend(figures::reaction(groups).map(drawing));
        blocks.push(Block::Table(table(groups)));
    } else {
        blocks.push(text(
            "No command was sent during these runs: neither by the recorder nor by the controller's policy.",
        ));
    }
    Section { id: "reaction", title: "How fast does SetMode take effect?".to_owned(), blocks }
}

fn table(groups: &[&Group]) -> Table {
    let mut rows = Vec::new();
    for group in groups {
        for (kind, name) in
            [(ReactionKind::Injected, "sent by the recorder"), (ReactionKind::Crossing, "sent by the policy")]
        {
            let all: Vec<&Reaction> =
                group.recorded().iter().flat_map(|run| &run.reactions).filter(|one| one.kind == kind).collect();
            if !all.is_empty() {
                rows.push(row(group, name, &all));
            }
        }
    }
    Table {
        name: "reactions",
        caption: "Commands and what came of them, all runs together. \"Command to acknowledgement\" is on the gateway's clock: for the \
                  policy's commands from where the recorder heard them. \"Arrival to effect\" and \"report to effect\" are on the \
                  device's own clock: medians. All times are of those that were applied; the figure of a run counts those that \
                  expired or have no answer as longer than any."
            .to_owned(),
        head: [
            "",
            "commands",
            "number",
            "applied",
            "expired",
            "no answer",
            "to acknowledgement, median ms",
            "greatest ms",
            "arrival to effect ms",
            "report to effect ms",
        ]
        .map(str::to_owned)
        .to_vec(),
        rows,
    }
}

fn row(group: &Group, name: &str, all: &[&Reaction]) -> Vec<Cell> {
    let applied: Vec<&&Reaction> = all.iter().filter(|one| one.is_applied()).collect();
    let of = |one: fn(&Reaction) -> Option<f64>| -> Vec<f64> {
        applied.iter().filter_map(|reaction| one(reaction)).collect()
    };
    let told = |value: Option<f64>| figure(value.map_or_else(|| "–".to_owned(), |value| significant(value, 3)));
    let to_ack = of(|one| one.sent_to_ack_ms);
    vec![
        words(group.label.clone()),
        words(name),
        figure(all.len().to_string()),
        figure(applied.len().to_string()),
        figure(all.iter().filter(|one| one.outcome == Some(Outcome::Expired)).count().to_string()),
        figure(all.iter().filter(|one| one.outcome.is_none()).count().to_string()),
        told(stats::median(&to_ack)),
        told(to_ack.iter().copied().reduce(f64::max)),
        told(stats::median(&of(|one| one.receipt_to_effect_us.map(|us| us / 1000.0)))),
        told(stats::median(&of(|one| one.reaction_us.map(|us| us / 1000.0)))),
    ]
}
