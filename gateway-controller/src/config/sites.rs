//! The section `sites`.

use serde::Deserialize;
use shared_host::config::{ConfigError, Key, Loaded, Section};
use shared_host::sections::{ControllerSecurity, Unsigned};

use super::Dialects;
use crate::edgex::Source;

/// What the section is about.
pub(super) const SECTION: Section = Section {
    path: "sites",
    doc: "Sites below this controller, which forward their windows to its broker: ROOT/SITE/site and /site-up (docs/scale.md).",
};

/// Its keys.
pub(super) const KEYS: &[Key] = &[Key {
    path: "sites.enabled",
    default: "false",
    allowed: "true or false",
    doc: "Whether to listen to them. They are shown beside the devices, and commanded nothing. What a site says is not signed: the broker \
          has to see to it that only gateways publish there.",
}];

/// Whether this controller listens to sites below it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Below {
    /// It does not.
    Ignored,
    /// It does.
    Heard,
}

#[derive(Deserialize)]
pub(super) struct Raw {
    enabled: bool,
}

impl Raw {
    pub(super) fn check(
        &self,
        source: Source,
        dialects: Dialects,
        security: Option<&ControllerSecurity>,
        loaded: &Loaded,
    ) -> Result<Below, ConfigError> {
        if !self.enabled {
            return Ok(Below::Ignored);
        }
        let refuse = |problem: &str| Err(loaded.refuse("sites.enabled", problem));
        if source == Source::EdgexRest || !dialects.native() {
            return refuse("sites are heard at a broker, with \"native\" among topics.dialects");
        }
        if security.is_some_and(|security| security.unsigned_reports == Unsigned::Refused) {
            return refuse("windows of sites are not signed, and security.require_signed_reports is true");
        }
        Ok(Below::Heard)
    }
}
