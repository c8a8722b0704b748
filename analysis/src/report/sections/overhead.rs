//! What orchestration costs on the gateway.

use super::{drawing, text};
use crate::compare::format::significant;
use crate::experiment::Gateway;
use crate::report::document::{Block, Cell, Section, Table, figure, words};
use crate::report::figures;
use crate::report::input::Group;
use crate::report::recorded::Recorded;
use crate::stats;

pub(super) fn section(groups: &[&Group]) -> Section {
    let looked = groups.iter().any(|group| group.recorded().iter().any(|run| !run.gateway.is_empty()));
    let mut blocks = Vec::new();
    if looked {
        blocks.push(drawing(figures::gateway(groups)));
        blocks.extend(figures::groups(groups).map(drawing));
        blocks.push(Block::Table(by_process(groups)));
    } else {
        blocks.push(text("The gateway was not looked at during these runs."));
    }
    Section { id: "overhead", title: "Is the overhead visible?".to_owned(), blocks }
}

fn by_process(groups: &[&Group]) -> Table {
    let of_sides: Vec<_> = groups.iter().map(|group| figures::uses(group)).collect();
    let mut names: Vec<&String> = of_sides.iter().flat_map(|uses| uses.keys()).collect();
    names.sort_unstable();
    names.dedup();
    let mut head = vec!["processes or control group".to_owned()];
    for group in groups {
        head.extend([format!("CPU %, {}", group.label), format!("MiB, {}", group.label)]);
    }
    let rows = names
        .into_iter()
        .map(|name| {
            let mut row = vec![words(name)];
            for uses in &of_sides {
                let one = uses.get(name);
                let told =
                    |value: Option<f64>| figure(value.map_or_else(|| "–".to_owned(), |value| significant(value, 3)));
                row.extend([told(one.map(|one| one.cpu * 100.0)), told(one.map(|one| one.memory_kb / 1024.0))]);
            }
            row
        })
        .collect();
    Table {
        name: "processes",
        caption:
            "Mean over the runs. 100 % is one whole CPU; memory is the proportional share where the kernel tells it."
                .to_owned(),
        head,
        rows,
    }
}

/// Which approach a small gateway can carry.
pub(super) fn constrained(groups: &[&Group]) -> Section {
    let all = |group: &Group, figure: fn(&Gateway) -> Option<f64>| -> Vec<f64> {
        // Two looks at once see shares of nearly no time.
        let whole = |run: &Recorded, sample: &Gateway| sample.span_ms >= run.begin.setup.sample_every_ms as f64 / 2.0;
        let samples = group.recorded().iter().flat_map(|run| run.gateway.iter().filter(|sample| whole(run, sample)));
        samples.filter_map(figure).collect()
    };
    type Aspect = (&'static str, fn(&Gateway) -> Option<f64>, Pick);
    let aspects: [Aspect; 6] = [
        ("memory in use, median (MiB)", |one| Some(one.memory_used_kb as f64 / 1024.0), Pick::Median),
        ("memory in use, greatest (MiB)", |one| Some(one.memory_used_kb as f64 / 1024.0), Pick::Greatest),
        ("CPU, median (%)", |one| Some(one.cpu * 100.0), Pick::Median),
        ("CPU, greatest of a sample (%)", |one| Some(one.cpu * 100.0), Pick::Greatest),
        ("waiting for a CPU, median (% of the time)", |one| one.cpu_pressure.map(|share| share * 100.0), Pick::Median),
        (
            "waiting for a CPU, greatest (% of the time)",
            |one| one.cpu_pressure.map(|share| share * 100.0),
            Pick::Greatest,
        ),
    ];
    let rows: Vec<Vec<Cell>> = aspects
        .into_iter()
        .map(|(name, one, pick)| {
            let cell = |group: &&Group| {
                let values = all(group, one);
                let value = match pick {
                    Pick::Median => stats::median(&values),
                    Pick::Greatest => values.into_iter().reduce(f64::max),
                };
                figure(value.map_or_else(|| "–".to_owned(), |value| significant(value, 3)))
            };
            std::iter::once(words(name)).chain(groups.iter().map(cell)).collect()
        })
        .collect();
    let mut head = vec![String::new()];
    head.extend(groups.iter().map(|group| group.label.clone()));
    let caption = "What a gateway needs to carry the approach, over all samples of all runs that are not shorter than half of what was \
                   asked for. Waiting for a CPU is the kernel's pressure \
                   figure (some), where it tells one."
        .to_owned();
    Section {
        id: "constrained",
        title: "Which approach on a constrained gateway?".to_owned(),
        blocks: vec![
            text(
                "A gateway is too small for an approach when its greatest memory comes near what the machine has, or when something waits \
                 for a CPU for a good part of the time. Compare the greatest figures with the machine that you mean to use; the medians \
                 say what is left for other work.",
            ),
            Block::Table(Table { name: "constrained", caption, head, rows }),
        ],
    }
}

#[derive(Clone, Copy)]
enum Pick {
    Median,
    Greatest,
}

/// What no recording of one gateway can answer.
pub(super) fn split() -> Section {
    Section {
        id: "split",
        title: "How to split over three gateways?".to_owned(),
        blocks: vec![text(
            "A recording of one gateway does not answer this. The project's docs/scale.md says how many devices a gateway carries and \
             how a fleet is split.",
        )],
    }
}
