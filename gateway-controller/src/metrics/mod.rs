//! Metrics for Prometheus and its kin: a book that follows the controller's events, and its text on `GET /metrics`.
//!
//! Names that begin with `edge_device_` have a label `device`, one series or more for each device, and those with `edge_site_` a label `site`;
//! all others are of the whole fleet or of the controller itself, so their number does not grow with the fleet. The page docs/metrics.md lists them all.

mod accept;
mod book;
mod counts;
mod device;
mod exposition;
mod family;
mod octaves;
mod process;
mod site;
mod table;
#[cfg(test)]
mod tests;
mod write;

pub use accept::Format;
pub use book::{Book, Snapshot};
pub use exposition::Exposition;

/// What is exported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Devices that have series of their own; the others count in the aggregates only.
    pub devices: usize,
    /// Which histograms there are.
    pub histograms: Histograms,
    /// Labels of `edge_device_info`.
    pub info: Vec<InfoLabel>,
    /// Devices that are followed at all: as many as the controller looks after.
    pub followed: usize,
    /// Which reports come here.
    pub reports: Reports,
}

/// Which of the devices' reports come to this controller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reports {
    /// All.
    All,
    /// A share; the others go to the other controllers of its group. What is missing here is not missing, so it is not told.
    Shared,
}

/// Which histograms there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Histograms {
    /// Of each device that has series of its own, and of the whole fleet.
    Device,
    /// Of the whole fleet only.
    Fleet,
}

/// A label of `edge_device_info`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InfoLabel {
    /// Version of the agent.
    Version,
    /// The board.
    Model,
    /// Release of the kernel.
    Kernel,
    /// Whether the kernel is built with PREEMPT_RT.
    PreemptRt,
    /// Name of the task.
    Task,
}
