//! A Mosquitto of our own, on a free port of this machine.

use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;
use tokio::net::TcpStream;

use crate::within;

/// Where Debian puts it; not in every user's search path.
const DEBIAN: &str = "/usr/sbin/mosquitto";

pub(crate) struct Mosquitto {
    process: Child,
    port: u16,
    directory: TempDir,
}

impl Mosquitto {
    pub(crate) async fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        // A free port can be taken by somebody else before Mosquitto has it: then the next one.
        for _ in 0..10 {
            let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
            if let Some(process) = launch(directory.path(), port).await {
                return Self { process, port, directory };
            }
        }
        panic!("Mosquitto does not start on any of 10 ports");
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// Starts it again on the same port.
    pub(crate) async fn restart(&mut self) {
        self.process = launch(self.directory.path(), self.port).await.expect("Mosquitto does not start again");
    }
}

impl Drop for Mosquitto {
    fn drop(&mut self) {
        let _ended_before = self.process.kill();
        let _reaped_before = self.process.wait();
    }
}

/// Returns when it takes connections; `None` if it ended instead.
async fn launch(directory: &Path, port: u16) -> Option<Child> {
    let config = directory.join("mosquitto.conf");
    let text = format!("listener {port} 127.0.0.1\nallow_anonymous true\npersistence false\nmax_inflight_messages 0\n");
    std::fs::write(&config, text).unwrap();
    let program = if Path::new(DEBIAN).exists() { DEBIAN } else { "mosquitto" };
    let mut command = Command::new(program);
    command.arg("-c").arg(config).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut process = command
        .spawn()
        .unwrap_or_else(|error| panic!("Mosquitto is needed: `apt-get install mosquitto` ({program}: {error})"));
    let ready = async {
        loop {
            if process.try_wait().unwrap().is_some() {
                return false;
            }
            if TcpStream::connect(("127.0.0.1", port)).await.is_ok() {
                return true;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    within("Mosquitto", ready).await.then_some(process)
}
