//! The section `[edgex]`, and what EdgeX cannot live with.

use serde::Deserialize;
use shared_host::config::{ConfigError, Loaded};
use shared_host::sections::{AgentSecurity, Unsigned};
use shared_proto::dialect::edgex::can_be_named;
use shared_proto::ids::{DeviceId, TopicRoot};
use shared_proto::limits::{MAX_LEASE_MS, MIN_LEASE_MS};

use crate::link::EdgexSettings;

/// Roots whose topics would be taken for EdgeX' own.
const ITS_ROOTS: [&str; 2] = ["command", "incoming/data"];

/// As it is written.
#[derive(Deserialize)]
pub(super) struct Section {
    report_ms: u64,
    lease_ms: u32,
}

/// What else is configured.
pub(super) struct Beside<'a> {
    pub(super) device: &'a DeviceId,
    pub(super) root: &'a TopicRoot,
    pub(super) interval_ms: u64,
    pub(super) security: Option<&'a AgentSecurity>,
}

impl Section {
    /// Checks the values; `spoken` is what else must fit if EdgeX is spoken at all.
    pub(super) fn check(&self, loaded: &Loaded, spoken: Option<Beside<'_>>) -> Result<EdgexSettings, ConfigError> {
        let &Self { report_ms, lease_ms } = self;
        if !(100..=60_000).contains(&report_ms) {
            return Err(loaded.refuse("edgex.report_ms", format_args!("{report_ms} is outside 100 to 60000")));
        }
        if lease_ms != 0 && !(MIN_LEASE_MS..=MAX_LEASE_MS).contains(&lease_ms) {
            let why = format_args!("{lease_ms} is neither 0 nor {MIN_LEASE_MS} to {MAX_LEASE_MS}");
            return Err(loaded.refuse("edgex.lease_ms", why));
        }
        if let Some(Beside { device, root, interval_ms, security }) = spoken {
            if !can_be_named(device) {
                return Err(loaded.refuse("device.name", "for EdgeX allowed are A-Z a-z 0-9 _ - and not \"response\""));
            }
            if ITS_ROOTS.contains(&root.as_str()) {
                return Err(loaded.refuse("topics.root", "EdgeX has topics of this root, another one is needed"));
            }
            if report_ms < interval_ms {
                let why =
                    format_args!("{report_ms} is below report.interval_ms = {interval_ms}, by which windows close");
                return Err(loaded.refuse("edgex.report_ms", why));
            }
            if security.is_some_and(|security| security.unsigned_commands == Unsigned::Refused) {
                let why = "EdgeX cannot sign its commands: false is needed, or topics.dialects without \"edgex\"";
                return Err(loaded.refuse("security.require_signed_commands", why));
            }
        }
        Ok(EdgexSettings { report_ms, lease_ms: (lease_ms > 0).then_some(lease_ms) })
    }
}
