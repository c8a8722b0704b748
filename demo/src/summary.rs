//! The summary at the end, from both ends of the wire.

use serde::Serialize;
use shared_proto::wire::Totals;

use device_agent::supervisor::Summary as AgentSummary;

use crate::story::{ModeChange, Situation, Story};

/// What the demo did.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Summary {
    /// Number of devices.
    pub devices: usize,
    /// Releases of all tasks, counted by the devices.
    pub releases: u64,
    /// Those that ran.
    pub jobs_run: u64,
    /// Those that passed while an earlier job still ran.
    pub skipped: u64,
    /// Deadlines missed, the skipped releases included.
    pub misses: u64,
    /// Reports that the devices made.
    pub reports_sent: u64,
    /// Reports that the gateway received.
    pub reports_received: u64,
    /// Whether releases, misses, skipped and reports of every device are the same at both ends.
    pub totals_agree: bool,
    /// Every mode change.
    pub mode_changes: Vec<ModeChange>,
    /// Misses with and without load, in both modes.
    pub situations: Vec<Situation>,
}

impl Summary {
    /// Puts both ends side by side.
    #[must_use]
    pub fn new(agents: &[AgentSummary], story: &Story) -> Self {
        let sum = |count: fn(&Totals) -> u64| agents.iter().map(|agent| count(&agent.total)).sum();
        let received: Vec<_> = agents.iter().map(|agent| story.received(&agent.device)).collect();
        let agrees = |(agent, received): (&AgentSummary, &crate::story::Received)| {
            agent.total == received.total && agent.reports == received.reports
        };
        Self {
            devices: agents.len(),
            releases: sum(|total| total.jobs),
            jobs_run: sum(Totals::run),
            skipped: sum(|total| total.skipped),
            misses: sum(|total| total.misses),
            reports_sent: agents.iter().map(|agent| agent.reports).sum(),
            reports_received: received.iter().map(|received| received.reports).sum(),
            totals_agree: agents.iter().zip(&received).all(agrees),
            mode_changes: story.changes().to_vec(),
            situations: story.situations(),
        }
    }
}
