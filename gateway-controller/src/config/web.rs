//! The section `web`.

use std::net::{IpAddr, SocketAddr};

use serde::Deserialize;
use shared_host::config::{ConfigError, Key, Loaded, Section};
use shared_host::secret::Place;

use crate::fleet::Rule;
use crate::metrics;
use crate::web::{Settings, Thresholds};

/// What the section is about.
pub(super) const SECTION: Section = Section {
    path: "web",
    doc: "Web server of the controller, with the live page: plain HTTP, for this machine or behind a proxy with TLS.",
};

/// Its keys.
pub(super) const KEYS: &[Key] = &[
    Key {
        path: "web.listen",
        default: r#""""#,
        allowed: "ADDRESS:PORT such as \"127.0.0.1:8080\" or \"[::1]:8080\", or empty",
        doc: "Where to listen. Empty: not at all. Whoever can reach it sees all devices.",
    },
    Key {
        path: "web.hosts",
        default: "[]",
        allowed: "list of host names, without port",
        doc: "Names under which the page may be asked for, beside the address above and localhost: the name of a proxy, for example. Requests under other names are refused, so that no foreign page reads this one by pointing its name here.",
    },
    Key {
        path: "web.control_token_file",
        default: r#""""#,
        allowed: "path of a file that only this user can read, with a token of 16 characters or more, or credential:NAME; or empty",
        doc: "The token that opens the page's controls. Empty: the page is for reading alone.",
    },
];

#[derive(Deserialize)]
pub(super) struct Raw {
    listen: String,
    hosts: Vec<String>,
    control_token_file: String,
}

impl Raw {
    pub(super) fn check(
        self,
        rule: Rule,
        metrics: Option<metrics::Settings>,
        loaded: &Loaded,
    ) -> Result<Option<Settings>, ConfigError> {
        for (index, host) in self.hosts.iter().enumerate() {
            if !is_host(host) {
                return Err(loaded.refuse(&format!("web.hosts[{index}]"), "not a host name"));
            }
        }
        let token = Some(self.control_token_file).filter(|place| !place.is_empty());
        let control_token = token.map(|place| place.parse::<Place>()).transpose();
        let control_token = control_token.map_err(|error| loaded.refuse("web.control_token_file", error))?;
        if self.listen.is_empty() {
            return Ok(None);
        }
        let listen: SocketAddr =
            self.listen.parse().map_err(|_| loaded.refuse("web.listen", "not an address with a port"))?;
        let thresholds = match rule {
            Rule::Decide(policy) => {
                Some(Thresholds { degrade_above: policy.degrade_above, recover_below: policy.recover_below })
            }
            Rule::Observe => None,
        };
        let hosts = self.hosts.iter().map(|host| host.to_ascii_lowercase()).collect();
        Ok(Some(Settings { listen, metrics, hosts, control_token, thresholds }))
    }
}

/// Checks that the token can be read now.
pub(super) fn check_files(settings: &Settings, loaded: &Loaded) -> Result<(), ConfigError> {
    settings.token().map(drop).map_err(|error| loaded.refuse("web.control_token_file", error))
}

fn is_host(host: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    let is_name = (1..=253).contains(&host.len()) && host.bytes().all(allowed) && !host.ends_with('.');
    is_name || host.parse::<IpAddr>().is_ok()
}
