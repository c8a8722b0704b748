//! The section `metrics`.

use serde::Deserialize;
use shared_host::config::{ConfigError, Key, Loaded, Section};

use super::raw::within;
use crate::group::GroupName;
use crate::metrics::{Histograms, InfoLabel, Reports, Settings};

/// What the section is about.
pub(super) const SECTION: Section =
    Section { path: "metrics", doc: "Metrics for Prometheus, at /metrics of the web server (docs/metrics.md)." };

/// Its keys.
pub(super) const KEYS: &[Key] = &[
    Key {
        path: "metrics.enabled",
        default: "true",
        allowed: "true or false",
        doc: "false: there is no /metrics. Without web.listen there is none either.",
    },
    Key {
        path: "metrics.devices",
        default: "1000",
        allowed: "0 to 100000",
        doc: "Devices with series of their own, up to 78 each; the first ones heard of. The others count in the sums only.",
    },
    Key {
        path: "metrics.histograms",
        default: r#""device""#,
        allowed: r#""device" or "fleet""#,
        doc: "\"device\": wake-up latency and response time of each device and of all. \"fleet\": of all only, 40 series a device less.",
    },
    Key {
        path: "metrics.info",
        default: r#"["version", "model", "kernel", "preempt_rt", "task"]"#,
        allowed: r#""version", "model", "kernel", "preempt_rt", "task"; none: []"#,
        doc: "Labels of edge_device_info.",
    },
];

#[derive(Deserialize)]
pub(super) struct Raw {
    enabled: bool,
    devices: usize,
    histograms: Histograms,
    info: Vec<InfoLabel>,
}

impl Raw {
    pub(super) fn check(
        self,
        max_devices: usize,
        group: Option<&GroupName>,
        loaded: &Loaded,
    ) -> Result<Option<Settings>, ConfigError> {
        within(loaded, "metrics.devices", self.devices <= 100_000)?;
        let Self { enabled, devices, histograms, info } = self;
        let reports = if group.is_some() { Reports::Shared } else { Reports::All };
        Ok(enabled.then_some(Settings { devices, histograms, info, followed: max_devices, reports }))
    }
}
