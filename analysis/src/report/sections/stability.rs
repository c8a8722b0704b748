//! Whether orchestration disturbs the devices.

use super::{drawing, text};
use crate::compare::format::significant;
use crate::report::document::{Block, Cell, Section, Table, figure, words};
use crate::report::figures;
use crate::report::input::Group;
use crate::report::metrics::effect;
use crate::report::recorded::Device;
use crate::{Comparison, Metric, stats};

/// Most devices in the table.
const MOST: usize = 200;

pub(super) fn section(groups: &[&Group], devices: &[(String, Comparison)]) -> Section {
    let recorded = groups.iter().any(|group| !group.recorded().is_empty());
    let mut blocks = Vec::new();
    if recorded {
        blocks.push(text(
            "The devices tell with every report how late their jobs started, counted by the device itself; nothing of it depends on \
             how fast the network or the gateway was.",
        ));
        blocks.extend([figures::jitter(groups), figures::quantiles(groups)].map(drawing));
    }
    blocks.extend([figures::distribution(groups), figures::tail(groups)].map(drawing));
    if recorded {
        blocks.extend([figures::misses(groups), figures::outliers(groups)].map(drawing));
        blocks.push(Block::Table(table(groups, devices)));
    }
    Section { id: "stability", title: "Does orchestration disturb the devices' temporal stability?".to_owned(), blocks }
}

/// A row a device and side.
fn table(groups: &[&Group], devices: &[(String, Comparison)]) -> Table {
    let mut names: Vec<&String> =
        groups.iter().flat_map(|group| group.recorded()).flat_map(|run| run.devices.keys()).collect();
    names.sort_unstable();
    names.dedup();
    let left_out = names.len().saturating_sub(MOST);
    names.truncate(MOST);
    let rows = names.iter().flat_map(|name| groups.iter().filter_map(|group| row(group, name, devices))).collect();
    let more = if left_out > 0 { format!(" {left_out} more devices are not listed.") } else { String::new() };
    Table {
        name: "devices",
        caption: format!(
            "Each device: medians over its runs; greatest latency, misses and restarts over all of them. The verdict is on the p99 of \
             this device alone and is not corrected for the number of devices.{more}"
        ),
        head: [
            "device",
            "",
            "runs",
            "p50 µs",
            "p99 µs",
            "p99.9 µs",
            "max µs",
            "misses %",
            "DEGRADED %",
            "p99 A / B",
            "verdict",
        ]
        .map(str::to_owned)
        .to_vec(),
        rows,
    }
}

fn row(group: &Group, name: &str, devices: &[(String, Comparison)]) -> Option<Vec<Cell>> {
    let runs: Vec<&Device> = group.recorded().iter().filter_map(|run| run.devices.get(name)).collect();
    if runs.is_empty() {
        return None;
    }
    let median = |metric: Metric| {
        let values: Vec<f64> = runs.iter().filter_map(|device| metric.of(&device.run).ok()).collect();
        figure(stats::median(&values).map_or_else(|| "–".to_owned(), |value| significant(value, 3)))
    };
    let (releases, misses) = runs.iter().fold((0u64, 0u64), |(releases, misses), device| {
        (releases.saturating_add(device.run.releases), misses.saturating_add(device.run.misses))
    });
    let max = runs.iter().filter_map(|device| device.run.wakeup_us.max_us()).fold(0.0, f64::max);
    let degraded = runs.iter().map(|device| device.degraded).sum::<f64>() / runs.len() as f64;
    let compared = devices.iter().find(|(device, _)| device == name && group.side == crate::Side::A);
    let p99 = compared
        .and_then(|(_, comparison)| comparison.scenarios.first())
        .and_then(|scenario| scenario.metrics.iter().find(|one| one.metric == Metric::WakeupP99Us));
    Some(vec![
        words(name),
        words(group.side.name()),
        figure(runs.len().to_string()),
        median(Metric::WakeupP50Us),
        median(Metric::WakeupP99Us),
        median(Metric::WakeupP999Us),
        figure(significant(max, 3)),
        figure(significant(misses as f64 / releases.max(1) as f64 * 100.0, 2)),
        figure(significant(degraded * 100.0, 2)),
        words(p99.and_then(|one| one.effect.as_ref()).map_or_else(String::new, effect)),
        words(p99.map_or_else(String::new, |one| one.verdict.words().to_owned())),
    ])
}
