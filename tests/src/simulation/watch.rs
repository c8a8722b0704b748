//! What the judge knows of each device and of each controller.

use std::collections::BTreeMap;

use shared_proto::ids::{BootId, CommandId};

use super::judge::{Agreement, Answers, AtGateway, Decisions, Leases, Modes, Presence, Totals};

/// Of one device.
#[derive(Debug)]
pub(super) struct Watch {
    pub(super) totals: Totals,
    pub(super) answers: Answers,
    pub(super) leases: Leases,
    pub(super) modes: Modes,
    pub(super) agreement: Agreement,
    /// Which start of the agent a run is.
    pub(super) starts: BTreeMap<BootId, u64>,
    /// Device time at the close of each window.
    pub(super) closes: BTreeMap<(BootId, u64), u64>,
    /// The window closed last.
    pub(super) closed: (BootId, u64),
    /// Commands that the broker took for it.
    pub(super) sent: Vec<CommandId>,
    /// An operator at the controller wants something of it.
    pub(super) wish: Wish,
}

impl Default for Watch {
    fn default() -> Self {
        Self {
            totals: Totals::default(),
            answers: Answers::default(),
            leases: Leases::default(),
            modes: Modes::default(),
            agreement: Agreement::default(),
            starts: BTreeMap::new(),
            closes: BTreeMap::new(),
            closed: (BootId(0), 0),
            sent: Vec::new(),
            wish: Wish::None,
        }
    }
}

/// Whether an operator at the controller has a say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Wish {
    #[default]
    None,
    Active,
}

/// Of one life of the controller, about one device.
#[derive(Debug, Default)]
pub(super) struct GatewayWatch {
    pub(super) received: AtGateway,
    pub(super) decisions: Decisions,
    pub(super) presence: Presence,
}
