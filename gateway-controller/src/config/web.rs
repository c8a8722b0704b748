//! The section `web`.

use std::net::SocketAddr;

use serde::Deserialize;
use shared_host::config::{ConfigError, Key, Loaded, Section};

use crate::metrics;
use crate::web::Settings;

/// What the section is about.
pub(super) const SECTION: Section = Section {
    path: "web",
    doc: "Web server of the controller: plain HTTP, for this machine or behind a proxy with TLS.",
};

/// Its keys.
pub(super) const KEYS: &[Key] = &[Key {
    path: "web.listen",
    default: r#""""#,
    allowed: "ADDRESS:PORT such as \"127.0.0.1:8080\" or \"[::1]:8080\", or empty",
    doc: "Where to listen. Empty: not at all. Whoever can reach it sees all devices.",
}];

#[derive(Deserialize)]
pub(super) struct Raw {
    listen: String,
}

impl Raw {
    pub(super) fn check(
        &self,
        metrics: Option<metrics::Settings>,
        loaded: &Loaded,
    ) -> Result<Option<Settings>, ConfigError> {
        if self.listen.is_empty() {
            return Ok(None);
        }
        let listen: SocketAddr =
            self.listen.parse().map_err(|_| loaded.refuse("web.listen", "not an address with a port"))?;
        Ok(Some(Settings { listen, metrics }))
    }
}
