//! Brokers as child processes, so that they can be killed and started again: the embedded one, or Mosquitto.

mod embedded;
mod port;
mod probe;
mod secured;

use std::fs;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, ToSocketAddrs};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use shared_host::mqtt::{BrokerUrl, Scheme, UrlError};
use tempfile::TempDir;

pub use embedded::serve;
pub use port::free_port;
pub use probe::answers;
pub use secured::{Certificates, Secured};

/// How long a broker may take until it answers.
const START: Duration = Duration::from_secs(20);

/// Which broker.
#[derive(Debug, Clone)]
pub enum Kind {
    /// rumqttd, by a program that serves it when called with `broker --port PORT` (this project's `demo` is one).
    Embedded {
        /// The program.
        program: PathBuf,
    },
    /// Mosquitto, as Debian packages it.
    Mosquitto {
        /// Lines of configuration besides the listener; none: everybody may do everything.
        extra: Option<String>,
    },
}

/// A broker that cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum BrokerError {
    /// The program could not be started.
    #[error("cannot start {program}: {why}{hint}")]
    Start {
        /// The program.
        program: String,
        /// What the system says.
        why: io::Error,
        /// What may help.
        hint: &'static str,
    },
    /// It ended, or never answered.
    #[error("{program} does not answer on port {port}; its last words: {words}")]
    Silent {
        /// The program.
        program: String,
        /// The port.
        port: u16,
        /// Its output.
        words: String,
    },
    /// The address is none.
    #[error("{url}: {why}")]
    Url {
        /// The address.
        url: String,
        /// What is wrong with it.
        why: UrlError,
    },
    /// The host has no address.
    #[error("--broker {url}: {why}")]
    NoSuchHost {
        /// What was given.
        url: BrokerUrl,
        /// What the system says.
        why: io::Error,
    },
    /// A broker with TLS.
    #[error("--broker {url}: TLS is not for the demo, which has no certificates; allowed is mqtt://HOST[:PORT]")]
    Tls {
        /// What was given.
        url: BrokerUrl,
    },
    /// No broker is there.
    #[error("--broker {url}: no MQTT broker answers there")]
    NobodyAnswers {
        /// What was given.
        url: BrokerUrl,
    },
    /// Its files could not be written, or no port is free.
    #[error("cannot prepare the broker: {0}")]
    Prepare(#[from] io::Error),
}

/// The broker at the given address, or else the embedded one, served by this very program.
///
/// # Errors
/// [`BrokerError`] if no broker answers there, or the embedded one does not start.
pub fn open_broker(given: Option<&BrokerUrl>) -> Result<(Option<Broker>, BrokerUrl), BrokerError> {
    let Some(url) = given else {
        let broker = Broker::start(Kind::Embedded { program: std::env::current_exe()? })?;
        let url = broker.url().parse().map_err(|why| BrokerError::Url { url: broker.url(), why })?;
        return Ok((Some(broker), url));
    };
    if url.scheme() == Scheme::Tls {
        return Err(BrokerError::Tls { url: url.clone() });
    }
    let address = (url.host(), url.port());
    let reached = address.to_socket_addrs().map(|mut addresses| addresses.any(answers));
    match reached {
        Ok(true) => Ok((None, url.clone())),
        Ok(false) => Err(BrokerError::NobodyAnswers { url: url.clone() }),
        Err(why) => Err(BrokerError::NoSuchHost { url: url.clone(), why }),
    }
}

/// A running broker; killed when dropped.
#[derive(Debug)]
pub struct Broker {
    kind: Kind,
    port: u16,
    dir: TempDir,
    child: Option<Child>,
}

impl Broker {
    /// Starts a broker on a free port of the loopback interface; returns when it answers.
    ///
    /// # Errors
    /// [`BrokerError`] if it cannot be started or does not answer.
    pub fn start(kind: Kind) -> Result<Self, BrokerError> {
        let mut broker = Self { kind, port: free_port()?, dir: tempfile::tempdir()?, child: None };
        broker.restart()?;
        Ok(broker)
    }

    /// Its port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Its process; `None` while it is killed.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }

    /// Its address, as configurations want it.
    #[must_use]
    pub fn url(&self) -> String {
        format!("mqtt://127.0.0.1:{}", self.port)
    }

    /// What it has said since it was started last.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read_to_string(self.log_file()).unwrap_or_default()
    }

    fn log_file(&self) -> PathBuf {
        self.dir.path().join("broker.log")
    }

    /// Whether it has ended by itself.
    ///
    /// # Errors
    /// What the system says when asked.
    pub fn has_ended(&mut self) -> io::Result<bool> {
        self.child.as_mut().map_or(Ok(true), |child| Ok(child.try_wait()?.is_some()))
    }

    /// Ends it the hard way: clients see their connections break.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            // Fails only if it has ended already.
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Starts it again on the same port, after [`Self::kill`].
    ///
    /// # Errors
    /// [`BrokerError`] if it cannot be started or does not answer.
    pub fn restart(&mut self) -> Result<(), BrokerError> {
        self.kill();
        let log = self.log_file();
        let (mut command, hint) = self.command()?;
        let program = command.get_program().to_string_lossy().into_owned();
        // Standard input is a pipe that ends with this process: the embedded broker then ends too.
        // A group of its own: Ctrl-C on the terminal must not take the broker from those who still say good-bye.
        command.process_group(0);
        command.stdin(Stdio::piped()).stdout(fs::File::create(&log)?);
        command.stderr(fs::OpenOptions::new().append(true).open(&log)?);
        let child = command.spawn().map_err(|why| BrokerError::Start { program: program.clone(), why, hint })?;
        let child = self.child.insert(child);
        let patience = Instant::now() + START;
        while !answers(SocketAddr::from((Ipv4Addr::LOCALHOST, self.port))) {
            let ended = child.try_wait()?.is_some();
            if ended || Instant::now() > patience {
                let words = last_words(&log);
                return Err(BrokerError::Silent { program, port: self.port, words });
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        Ok(())
    }

    fn command(&self) -> io::Result<(Command, &'static str)> {
        match &self.kind {
            Kind::Embedded { program } => {
                let mut command = Command::new(program);
                command.args(["broker", "--port", &self.port.to_string()]);
                Ok((command, ""))
            }
            Kind::Mosquitto { extra } => {
                let file = self.dir.path().join("mosquitto.conf");
                let extra = extra.as_deref().unwrap_or("allow_anonymous true");
                let port = self.port;
                fs::write(
                    &file,
                    format!(
                        "listener {port} 127.0.0.1\nset_tcp_nodelay true\npersistence false\nlog_dest stderr\n{extra}\n"
                    ),
                )?;
                let mut command = Command::new(mosquitto());
                command.arg("-c").arg(file);
                Ok((command, "; Debian: apt-get install mosquitto"))
            }
        }
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Debian puts it where the search path of an ordinary user does not look.
fn mosquitto() -> &'static Path {
    let debian = Path::new("/usr/sbin/mosquitto");
    if debian.exists() { debian } else { Path::new("mosquitto") }
}

fn last_words(log: &Path) -> String {
    let text = fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().rev().take(3).collect();
    if lines.is_empty() { "(none)".into() } else { lines.into_iter().rev().collect::<Vec<_>>().join(" | ") }
}
