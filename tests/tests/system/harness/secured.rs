//! A broker as `deploy/mosquitto/edge.conf` makes it, with certificates of `deploy/credentials`.

use std::fs;
use std::path::PathBuf;

use demo::broker::free_port;
use shared_host::mqtt::{Credentials, Identity, Options, Password, Tls};
use shared_host::secret::Secret;

use super::run::{run, tool};
use super::{Authority, Probe, Site, eventually};

const PASSWORD: &str = "secret-of-gateway";

/// The broker, and the authority that everybody here trusts.
pub(crate) struct Secured {
    /// The broker's listener for programs on the gateway is the site's own address.
    pub(crate) site: Site,
    pub(crate) authority: Authority,
    port: u16,
}

impl Secured {
    pub(crate) fn new() -> Self {
        let authority = Authority::new();
        let port = free_port().expect("a free port");
        let deploy = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy/mosquitto"));
        let read = |name: &str| fs::read_to_string(deploy.join(name)).expect("a file of deploy/mosquitto");
        fs::write(authority.path("acl"), read("acl")).expect("a file");
        fs::write(authority.path("passwd"), "").expect("a file");
        run(tool("mosquitto_passwd", ["-b", &authority.file("passwd"), "gateway", PASSWORD])).success();
        // The broker's other names for what lies in the authority's folder.
        let places = [
            ("/etc/mosquitto/certs/ca.crt", "ca.crt"),
            ("/etc/mosquitto/certs/server", "broker/server"),
            ("/etc/mosquitto/", ""),
        ];
        let edge = places.iter().fold(read("edge.conf"), |text, (from, to)| text.replace(from, &authority.file(to)));
        // The broker's helper has its own listener on this machine, and keeps nothing.
        let unwanted = ["listener 1884", "persistence ", "autosave_interval", "set_tcp_nodelay"];
        let edge = edge.lines().filter(|line| !unwanted.iter().any(|start| line.starts_with(start)));
        let edge: Vec<_> = edge.collect();
        let edge = edge.join("\n").replace("listener 8883", &format!("listener {port} 127.0.0.1"));
        // As root it would become another user, who may not read these files.
        let user = run(tool("id", ["-un"])).success();
        let site = Site::configured(format!("user {user}\nlog_type all\n{edge}"));
        Self { site, authority, port }
    }

    /// The address for clients with certificates.
    pub(crate) fn url(&self) -> String {
        format!("mqtts://localhost:{}", self.port)
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Configuration keys of whoever has the certificate in this folder of the authority.
    pub(crate) fn keys(&self, folder: &str) -> Vec<(&'static str, String)> {
        vec![
            ("mqtt.url", self.url()),
            ("mqtt.ca_file", self.authority.file("ca.crt")),
            ("mqtt.cert_file", self.authority.file(&format!("{folder}/client.crt"))),
            ("mqtt.key_file", self.authority.file(&format!("{folder}/client.key"))),
        ]
    }

    /// A client with the certificate in this folder.
    pub(crate) fn probe(&self, folder: &str) -> Probe {
        let place = |name: String| self.authority.path(&name).into();
        let identity =
            Identity { cert: place(format!("{folder}/client.crt")), key: place(format!("{folder}/client.key")) };
        let tls = Tls { ca: Some(place("ca.crt".to_owned())), identity: Some(identity) };
        Probe::connect_as(&self.url(), |options| Options { tls, ..options })
    }

    /// A client on the gateway itself, by password: it reads and writes whatever the gateway may.
    pub(crate) fn gateway_probe(&self) -> Probe {
        let password = Password::Given(Secret::new(PASSWORD));
        let credentials = Credentials { username: "gateway".to_owned(), password };
        Probe::connect_as(&self.site.broker.url(), |options| Options { credentials: Some(credentials), ..options })
    }

    /// Waits for a line of the broker's log with all these words.
    pub(crate) fn broker_says(&self, words: &[&str]) {
        eventually(&format!("the broker's line with {words:?}"), || {
            let log = self.site.broker.log();
            log.lines().any(|line| words.iter().all(|word| line.contains(word))).then_some(())
        });
    }
}

/// Keys as the harness takes them.
pub(crate) fn borrowed<'a>(keys: &'a [(&'static str, String)]) -> Vec<(&'static str, &'a str)> {
    keys.iter().map(|(key, value)| (*key, value.as_str())).collect()
}
