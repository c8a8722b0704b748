//! Mosquitto with TLS: it and its one device know each other by certificate.

use std::io::{self, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use tempfile::TempDir;

use super::{Broker, BrokerError, Kind, free_port};

/// What makes the certificates. Part of this program, which may run anywhere.
const CREDENTIALS: &str = include_str!("../../../deploy/credentials");

/// An authority, a broker on this machine and one device, with certificates of its own making.
#[derive(Debug)]
pub struct Certificates {
    files: TempDir,
    device: String,
}

impl Certificates {
    /// Makes them.
    ///
    /// # Errors
    /// [`BrokerError`] if openssl is missing or fails.
    pub fn make(device: &str) -> Result<Self, BrokerError> {
        let files = tempfile::tempdir()?;
        credentials(files.path(), &["init", ".", "--gateway", "localhost"])?;
        credentials(files.path(), &["device", ".", device])?;
        Ok(Self { files, device: device.to_owned() })
    }

    fn file(&self, name: &str) -> String {
        self.files.path().join(name).display().to_string()
    }

    /// Lines of Mosquitto's configuration: a listener on this port of the loopback interface, for whoever has a certificate.
    #[must_use]
    pub fn listener(&self, port: u16) -> String {
        let (ca, cert, key) = (self.file("ca.crt"), self.file("broker/server.crt"), self.file("broker/server.key"));
        // Started by root it would become another user, who may not read these files.
        format!(
            "user root\nlistener {port} 127.0.0.1\ncafile {ca}\ncertfile {cert}\nkeyfile {key}\n\
             tls_version tlsv1.2\nrequire_certificate true\nuse_identity_as_username true"
        )
    }

    /// Configuration keys of the device that connects to this port of this machine, with their values.
    #[must_use]
    pub fn keys(&self, port: u16) -> [(&'static str, String); 4] {
        [
            ("mqtt.url", format!("mqtts://localhost:{port}")),
            ("mqtt.ca_file", self.file("ca.crt")),
            ("mqtt.cert_file", self.file(&format!("devices/{}/client.crt", self.device))),
            ("mqtt.key_file", self.file(&format!("devices/{}/client.key", self.device))),
        ]
    }
}

/// A running Mosquitto that lets in whoever has a certificate, and nobody else.
#[derive(Debug)]
pub struct Secured {
    _broker: Broker,
    port: u16,
    certificates: Certificates,
}

impl Secured {
    /// Makes an authority, a broker and a device.
    ///
    /// # Errors
    /// [`BrokerError`] if Mosquitto or openssl is missing or fails.
    pub fn start(device: &str) -> Result<Self, BrokerError> {
        let certificates = Certificates::make(device)?;
        let port = free_port()?;
        let extra = format!("allow_anonymous false\n{}", certificates.listener(port));
        let broker = Broker::start(Kind::Mosquitto { extra: Some(extra) })?;
        Ok(Self { _broker: broker, port, certificates })
    }

    /// Configuration keys of the device, with their values.
    #[must_use]
    pub fn keys(&self) -> [(&'static str, String); 4] {
        self.certificates.keys(self.port)
    }
}

fn credentials(folder: &Path, arguments: &[&str]) -> Result<(), BrokerError> {
    let mut command = Command::new("sh");
    command.args(["-s", "--"]).args(arguments).current_dir(folder);
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        // Fails if the script ends before it is read to its end; what it says is told below.
        let _ = stdin.write_all(CREDENTIALS.as_bytes());
    }
    let output = child.wait_with_output()?;
    if output.status.success() {
        return Ok(());
    }
    Err(io::Error::other(String::from_utf8_lossy(&output.stderr).trim().to_owned()).into())
}
