//! The section `upstream`, and `upstream.mqtt` in it.

use std::path::PathBuf;

use serde::Deserialize;
use shared_host::config::{ConfigError, Key, Loaded, Section};
use shared_host::sections::MqttSection;
use shared_proto::ids::TopicRoot;

use super::raw::within;
use super::{Dialects, FILE, SECRET_FILE};
use crate::edgex::Source;
use crate::group::GroupName;
use crate::upstream::Settings;

/// What the section is about.
pub(super) const SECTION: Section = Section {
    path: "upstream",
    doc: "A controller above this one: what the devices of this site tell goes there, summed up (docs/scale.md).",
};

/// What the section within it is about.
pub(super) const MQTT_SECTION: Section = Section {
    path: "upstream.mqtt",
    doc: "Connection to the broker above: the same keys as in [mqtt], for that broker.",
};

/// The keys of both.
pub(super) const KEYS: &[Key] = &[
    Key {
        path: "upstream.site",
        default: r#""""#,
        allowed: "1 to 32 of A-Z a-z 0-9 _ - ., or empty",
        doc: "Name of this site, unique at the broker above. Empty: nothing is forwarded.",
    },
    Key {
        path: "upstream.root",
        default: r#""edge""#,
        allowed: "1 to 64 ASCII characters without + # or blanks, no / at either end",
        doc: "First levels of the topics at the broker above: topics.root of the controller there.",
    },
    Key {
        path: "upstream.every_s",
        default: "5",
        allowed: "1 to 3600 (s)",
        doc: "Length of a window in seconds. What is shown above is so old at most, while there is a connection.",
    },
    Key {
        path: "upstream.spool_windows",
        default: "512",
        allowed: "8 to 10000",
        doc: "Windows that wait for the broker above. With more, neighbours become one: times become coarser, no count is lost.",
    },
    Key {
        path: "upstream.spool_dir",
        default: r#""""#,
        allowed: "a path, or empty",
        doc: "Directory for the windows that wait, for this controller alone. Empty: they wait in memory, and end with the program.",
    },
    Key {
        path: "upstream.mqtt.url",
        default: r#""mqtt://localhost:1883""#,
        allowed: "mqtts://HOST[:PORT] or mqtt://HOST[:PORT]",
        doc: "The broker above.",
    },
    Key {
        path: "upstream.mqtt.client_id",
        default: "",
        allowed: "1 to 64 printable ASCII characters, unique at the broker",
        doc: "Name of this client. Default: site- and the name of the site.",
    },
    Key {
        path: "upstream.mqtt.username",
        default: "",
        allowed: "any text",
        doc: "User name, if the broker wants one.",
    },
    Key {
        path: "upstream.mqtt.password",
        default: "",
        allowed: "any text, together with upstream.mqtt.username, in a file that not everybody may read",
        doc: "Password. Better in a file of its own: password_file.",
    },
    Key {
        path: "upstream.mqtt.password_file",
        default: "",
        allowed: SECRET_FILE,
        doc: "File that holds the password on its only line.",
    },
    Key {
        path: "upstream.mqtt.ca_file",
        default: "",
        allowed: FILE,
        doc: "With mqtts://: who may have signed the broker's certificate (PEM). Without it: the system's certificate authorities.",
    },
    Key {
        path: "upstream.mqtt.cert_file",
        default: "",
        allowed: FILE,
        doc: "With mqtts://: this client's certificate (PEM); together with key_file.",
    },
    Key {
        path: "upstream.mqtt.key_file",
        default: "",
        allowed: SECRET_FILE,
        doc: "The private key of that certificate (PEM, without a passphrase).",
    },
    Key {
        path: "upstream.mqtt.insecure",
        default: "false",
        allowed: "true or false; with mqtt:// only",
        doc: "true: take mqtt:// to another machine, though anybody on the network can then read and forge messages.",
    },
    Key {
        path: "upstream.mqtt.keep_alive_s",
        default: "30",
        allowed: "1 to 600 (s)",
        doc: "Time between pings in seconds.",
    },
    Key {
        path: "upstream.mqtt.reconnect_max_s",
        default: "30",
        allowed: "1 to 600 (s)",
        doc: "Longest wait between attempts to connect in seconds.",
    },
];

#[derive(Deserialize)]
pub(super) struct Raw {
    site: String,
    root: TopicRoot,
    every_s: u64,
    spool_windows: usize,
    spool_dir: PathBuf,
    mqtt: MqttSection,
}

impl Raw {
    pub(super) fn check(
        self,
        source: Source,
        dialects: Dialects,
        group: Option<&GroupName>,
        loaded: &Loaded,
    ) -> Result<Option<Settings>, ConfigError> {
        let Self { site, root, every_s, spool_windows, spool_dir, mqtt } = self;
        within(loaded, "upstream.every_s", (1..=3600).contains(&every_s))?;
        within(loaded, "upstream.spool_windows", (8..=10_000).contains(&spool_windows))?;
        if site.is_empty() {
            return Ok(None);
        }
        let refuse = |problem: &str| Err(loaded.refuse("upstream.site", problem));
        let Ok(site) = site.parse() else { return refuse("not allowed") };
        if source == Source::EdgexRest || !dialects.native() {
            return refuse(
                "what is forwarded are the reports of devices at a broker, with \"native\" among topics.dialects",
            );
        }
        if group.is_some() {
            return refuse(
                "a controller of a group gets a part of the reports: let one outside of it, with policy.enabled = false, forward them",
            );
        }
        let mqtt = mqtt.check_in("upstream.mqtt", loaded, &format!("site-{site}"))?;
        let spool_dir = Some(spool_dir).filter(|path| !path.as_os_str().is_empty());
        Ok(Some(Settings { site, root, every_ms: every_s * 1000, spool_windows, spool_dir, mqtt }))
    }
}
