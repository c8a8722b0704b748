//! The report as one JSON object.

use serde_json::{Value, json};

use super::input::Group;
use super::{Report, metrics};
use crate::Metric;

impl Report {
    /// Labels, verdicts, comparisons, every run's figures and all tables.
    #[must_use]
    pub fn json(&self) -> Value {
        let tables = self.document.tables().map(|table| {
            let rows: Vec<Vec<&str>> =
                table.rows.iter().map(|row| row.iter().map(super::document::Cell::text).collect()).collect();
            json!({ "name": table.name, "caption": table.caption, "head": table.head, "rows": rows })
        });
        json!({
            "title": self.document.title,
            "facts": self.document.facts,
            "headline": self.headline(),
            "a": side(&self.a),
            "b": self.b.as_ref().map(side),
            "comparison": self.comparison,
            "devices": self.devices.iter().map(|(name, one)| json!({ "device": name, "comparison": one })).collect::<Vec<_>>(),
            "tables": tables.collect::<Vec<_>>(),
        })
    }
}

fn side(group: &Group) -> Value {
    let runs = group.sources().into_iter().flat_map(|source| {
        let figures = |run: &crate::run::Run| {
            let figures: serde_json::Map<String, Value> = Metric::ALL
                .into_iter()
                .map(|metric| {
                    (
                        metrics::title(metric).to_owned(),
                        json!(metric.of(run).ok().map(|value| metrics::shown(metric, value))),
                    )
                })
                .collect();
            json!({ "file": source.name(), "scenario": run.scenario, "figures": figures })
        };
        source.file().runs.iter().map(figures).collect::<Vec<_>>()
    });
    let units: serde_json::Map<String, Value> = Metric::ALL
        .into_iter()
        .map(|metric| (metrics::title(metric).to_owned(), json!(metrics::unit(metric))))
        .collect();
    json!({ "label": group.label, "units": units, "runs": runs.collect::<Vec<_>>() })
}
