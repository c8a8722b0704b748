//! A subscriber of its own, straight at the broker: it counts what arrives without believing either program.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use shared_host::mqtt::{self, Backoff, BrokerUrl, Event, Filter, Options, Qos};
use tokio::sync::oneshot;

use super::ledger::Ledger;
use super::{Trouble, wait_for};

/// The programs' own default.
const ROOT: &str = "edge";
const GOOD_BYE: Duration = Duration::from_millis(200);

/// How much is kept of each window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Detail {
    /// Counts and wake-up latencies.
    Latencies,
    /// Counts alone: for runs of hours.
    Counts,
}

/// Hears every device, and comes back at once when the broker does.
#[derive(Debug)]
pub struct Recorder {
    ledger: Arc<Mutex<Ledger>>,
    up: Arc<AtomicBool>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Recorder {
    /// Connects and subscribes; returns when the broker has confirmed.
    ///
    /// # Errors
    /// The address is none, or the broker does not answer.
    pub fn connect(url: &str, detail: Detail) -> Result<Self, Trouble> {
        let url: BrokerUrl = url.parse()?;
        let root = ROOT.parse().map_err(io::Error::other).map_err(Trouble::system("root of the topics"))?;
        let filter = |kind: &str| Filter { topic: format!("{ROOT}/+/{kind}"), qos: Qos::AtLeastOnce };
        let options = Options {
            backoff: Backoff { min: Duration::from_millis(5), max: Duration::from_millis(50) },
            filters: ["report", "status", "ack"].map(filter).to_vec(),
            max_queued: usize::MAX,
            max_queued_bytes: usize::MAX,
            ..Options::new(url, format!("recorder-{}", std::process::id()))
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(Trouble::system("a runtime for the recorder"))?;
        let (ledger, up) = (Arc::new(Mutex::new(Ledger::new(root, detail))), Arc::new(AtomicBool::new(false)));
        let (theirs, is_up) = (Arc::clone(&ledger), Arc::clone(&up));
        let (stop, stopped) = oneshot::channel::<()>();
        let work = move || {
            runtime.block_on(async move {
                let (publisher, mut events) = mqtt::start(options, |_| None);
                let listen = async {
                    while let Some(event) = events.next().await {
                        match event {
                            Event::Up { .. } => is_up.store(true, Relaxed),
                            Event::Down { .. } => is_up.store(false, Relaxed),
                            Event::Message(message) => lock(&theirs).take(&message, Instant::now()),
                            Event::Oversize { .. } | Event::Acked(_) => {}
                        }
                    }
                };
                tokio::select! {
                    () = listen => {}
                    _ = stopped => publisher.close(GOOD_BYE).await,
                }
            });
        };
        let thread = std::thread::Builder::new().name("recorder".to_owned()).spawn(work);
        let thread = thread.map_err(Trouble::system("a thread for the recorder"))?;
        let recorder = Self { ledger, up, stop: Some(stop), thread: Some(thread) };
        recorder.wait_until_up()?;
        Ok(recorder)
    }

    /// Waits until it is connected and subscribed.
    ///
    /// # Errors
    /// It never is.
    pub fn wait_until_up(&self) -> Result<(), Trouble> {
        wait_for("the recorder's connection to the broker", || Ok(self.up.load(Relaxed).then_some(())))
    }

    /// Waits until it has noticed that the broker is gone.
    ///
    /// # Errors
    /// It never does.
    pub fn wait_until_down(&self) -> Result<(), Trouble> {
        wait_for("the end of the recorder's connection", || Ok((!self.up.load(Relaxed)).then_some(())))
    }

    /// What it has heard.
    pub fn ledger(&self) -> MutexGuard<'_, Ledger> {
        lock(&self.ledger)
    }
}

fn lock(ledger: &Mutex<Ledger>) -> MutexGuard<'_, Ledger> {
    ledger.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Drop for Recorder {
    fn drop(&mut self) {
        // The thread ends by itself only after a panic of its own, which has been told.
        let _ = self.stop.take().map(|stop| stop.send(()));
        let _ = self.thread.take().map(JoinHandle::join);
    }
}
