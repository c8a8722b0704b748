//! Agents and a controller inside this process, each on a thread with a runtime of its own, as they are on machines of
//! their own.

use std::ffi::OsString;
use std::future::Future;
use std::io;
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use device_agent::config::Config as AgentConfig;
use device_agent::supervisor::{self, RunError, Summary as AgentSummary};
use gateway_controller::config::Config as ControllerConfig;
use gateway_controller::protocol::Request;
use gateway_controller::run::StartError;
use gateway_controller::sink::EventSink;
use shared_host::config::ConfigError;
use shared_host::control::Questions;
use shared_host::mqtt::BrokerUrl;
use tokio::sync::oneshot;

/// How often an end is looked for.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// Something that runs until it is told to stop.
#[derive(Debug)]
pub struct Running<T> {
    name: String,
    /// Dropped, it tells to stop.
    stop: Option<oneshot::Sender<()>>,
    thread: JoinHandle<io::Result<T>>,
}

/// It ended by a panic, or had no runtime.
#[derive(Debug, thiserror::Error)]
pub enum Broken {
    /// The system gave no thread or no runtime.
    #[error("cannot start: {0}")]
    Start(#[from] io::Error),
    /// A panic.
    #[error("a thread panicked")]
    Panicked,
}

impl<T> Running<T> {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Tells it to stop in good order, and does not wait.
    pub fn tell_to_stop(&mut self) {
        self.stop = None;
    }

    /// Whether it has ended.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.thread.is_finished()
    }

    /// Stops it in good order and waits for its result. Other tasks go on meanwhile.
    ///
    /// # Errors
    /// [`Broken`] if it panicked or never started.
    pub async fn stop(mut self) -> Result<T, Broken> {
        self.tell_to_stop();
        while !self.thread.is_finished() {
            tokio::time::sleep(LOOK_EVERY).await;
        }
        Ok(self.thread.join().map_err(|_| Broken::Panicked)??)
    }
}

/// An agent's configuration: the defaults with these keys changed, without a control socket. Keys are written as in the
/// configuration file, values as in environment variables.
///
/// # Errors
/// [`ConfigError`] if a key or value is not allowed.
pub fn agent_config(values: &[(&str, String)]) -> Result<AgentConfig, ConfigError> {
    let schema = device_agent::config::SCHEMA;
    let exposed = |(key, value): &(&str, String)| {
        *key == "mqtt.url" && value.parse().is_ok_and(|url: BrokerUrl| url.is_exposed())
    };
    // Whoever gives such an address may have it: nothing that is worth protecting is sent there.
    let insecure = values.iter().any(exposed).then(|| ("mqtt.insecure", "true".to_owned()));
    let env = values
        .iter()
        .chain(&insecure)
        .map(|(key, value)| (OsString::from(schema.variable(key)), OsString::from(value)));
    let mut config = AgentConfig::from_loaded(&schema.load(None, env)?)?;
    config.control_socket = None;
    Ok(config)
}

/// Starts an agent.
///
/// # Errors
/// The system gives no thread.
pub fn start_agent(config: AgentConfig) -> io::Result<Running<Result<AgentSummary, RunError>>> {
    let name = format!("agent {}", config.device);
    start(&name, |stop| supervisor::run(config, stop))
}

/// Starts a controller.
///
/// # Errors
/// The system gives no thread.
pub fn start_controller(
    config: ControllerConfig,
    events: impl EventSink + Send + 'static,
) -> io::Result<Running<Result<(), StartError>>> {
    start_controller_asked(config, events, None)
}

/// Starts a controller that takes questions of others in this process.
///
/// # Errors
/// The system gives no thread.
pub fn start_controller_asked(
    config: ControllerConfig,
    events: impl EventSink + Send + 'static,
    questions: Option<Questions<Request>>,
) -> io::Result<Running<Result<(), StartError>>> {
    start("controller", |stop| gateway_controller::run::run_with(config, stop, events, questions))
}

fn start<T, F>(name: &str, work: impl FnOnce(Stop) -> F + Send + 'static) -> io::Result<Running<T>>
where
    T: Send + 'static,
    F: Future<Output = T>,
{
    let (stop, told) = oneshot::channel();
    // Thread names have 15 characters.
    let thread = Builder::new().name(name.chars().take(15).collect()).spawn(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        Ok(runtime.block_on(work(Box::pin(async move {
            // Also when the other end is dropped.
            let _ = told.await;
        }))))
    })?;
    Ok(Running { name: name.to_owned(), stop: Some(stop), thread })
}

/// Completes when a component is told to stop.
type Stop = std::pin::Pin<Box<dyn Future<Output = ()> + Send>>;
