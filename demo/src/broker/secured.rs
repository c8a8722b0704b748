//! Mosquitto with TLS: it and its one device know each other by certificate.

use std::io::{self, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use tempfile::TempDir;

use super::{Broker, BrokerError, Kind, free_port};

/// What makes the certificates. Part of this program, which may run anywhere.
const CREDENTIALS: &str = include_str!("../../../deploy/credentials");

/// A running Mosquitto with certificates of its own making.
#[derive(Debug)]
pub struct Secured {
    _broker: Broker,
    port: u16,
    files: TempDir,
    device: String,
}

impl Secured {
    /// Makes an authority, a broker and a device.
    ///
    /// # Errors
    /// [`BrokerError`] if Mosquitto or openssl is missing or fails.
    pub fn start(device: &str) -> Result<Self, BrokerError> {
        let files = tempfile::tempdir()?;
        credentials(files.path(), &["init", ".", "--gateway", "localhost"])?;
        credentials(files.path(), &["device", ".", device])?;
        let port = free_port()?;
        let file = |name: &str| files.path().join(name).display().to_string();
        let (ca, cert, key) = (file("ca.crt"), file("broker/server.crt"), file("broker/server.key"));
        // Started by root it would become another user, who may not read these files.
        let extra = format!(
            "user root\nallow_anonymous false\nlistener {port} 127.0.0.1\ncafile {ca}\ncertfile {cert}\nkeyfile {key}\n\
             tls_version tlsv1.2\nrequire_certificate true\nuse_identity_as_username true"
        );
        let broker = Broker::start(Kind::Mosquitto { extra: Some(extra) })?;
        Ok(Self { _broker: broker, port, files, device: device.to_owned() })
    }

    /// Configuration keys of the device, with their values.
    #[must_use]
    pub fn keys(&self) -> [(&'static str, String); 4] {
        let file = |name: String| self.files.path().join(name).display().to_string();
        [
            ("mqtt.url", format!("mqtts://localhost:{}", self.port)),
            ("mqtt.ca_file", file("ca.crt".to_owned())),
            ("mqtt.cert_file", file(format!("devices/{}/client.crt", self.device))),
            ("mqtt.key_file", file(format!("devices/{}/client.key", self.device))),
        ]
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
