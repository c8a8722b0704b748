//! The section `group`.

use serde::Deserialize;
use shared_host::config::{ConfigError, Key, Loaded, Section};
use shared_host::sections::BrokerConfig;

use super::{Dialects, SCHEMA};
use crate::edgex::{SinkKind, Source};
use crate::group::GroupName;

/// What the section is about.
pub(super) const SECTION: Section = Section {
    path: "group",
    doc: "Several controllers that share the reports of one fleet, at a broker with shared subscriptions (docs/scale.md).",
};

/// Its keys.
pub(super) const KEYS: &[Key] = &[Key {
    path: "group.name",
    default: r#""""#,
    allowed: "1 to 32 of A-Z a-z 0-9 _ - ., or empty; not with the default mqtt.client_id",
    doc: "Name of the group, the same for all of it; each needs a mqtt.client_id of its own. To be kept secret, best 32 random \
          characters: who knows it can take a share of the reports (docs/scale.md). Empty: this controller is alone.",
}];

#[derive(Deserialize)]
pub(super) struct Raw {
    name: String,
}

impl Raw {
    pub(super) fn check(
        &self,
        source: Source,
        sink: SinkKind,
        dialects: Dialects,
        mqtt: &BrokerConfig,
        loaded: &Loaded,
    ) -> Result<Option<GroupName>, ConfigError> {
        if self.name.is_empty() {
            return Ok(None);
        }
        let refuse = |problem: &str| Err(loaded.refuse("group.name", problem));
        let Ok(name) = self.name.parse() else { return refuse("not allowed") };
        if source != Source::Mqtt || sink != SinkKind::Mqtt {
            return refuse("a group needs gateway.source and gateway.sink \"mqtt\"");
        }
        if dialects != Dialects::Native {
            return refuse(
                "a group needs topics.dialects = [\"native\"]: the classroom's messages do not tell what a decision needs",
            );
        }
        if mqtt.client_id == SCHEMA.program {
            return refuse("two clients of one name throw each other out: set mqtt.client_id");
        }
        Ok(Some(name))
    }
}
