//! A Mosquitto of our own, on a free port of this machine.

use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::stub::ACCEPTED;
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
        // Somebody else can take a free port before Mosquitto has it: then the next one.
        for _ in 0..10 {
            let port = free_port();
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

/// Below the range from which the system hands out ports, where this one could become the listener of another test.
fn free_port() -> u16 {
    loop {
        let port = fastrand::u16(20_000..32_768);
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

/// Returns when it takes connections; `None` if it ended instead.
async fn launch(directory: &Path, port: u16) -> Option<Child> {
    let config = directory.join("mosquitto.conf");
    let text = format!("listener {port} 127.0.0.1\nallow_anonymous true\npersistence false\n");
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
            if greets(port).await {
                return true;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    within("Mosquitto", ready).await.then_some(process)
}

/// Whether a broker answers there. An open port is not enough: a process that is being started holds copies of our
/// sockets for a moment, also of the listener that tried whether the port is free.
async fn greets(port: u16) -> bool {
    const CONNECT: &[u8] = b"\x10\x11\x00\x04MQTT\x04\x02\x00\x0A\x00\x05probe";
    let greeting = async {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
        stream.write_all(CONNECT).await?;
        let mut answer = [0; 4];
        stream.read_exact(&mut answer).await?;
        std::io::Result::Ok(answer == ACCEPTED)
    };
    greeting.await.unwrap_or(false)
}
