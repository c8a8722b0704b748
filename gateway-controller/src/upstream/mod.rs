//! What the devices of this site tell, summed up, for a controller above: windows are gathered in the loop, and carried by a thread of its
//! own, so that no disk and no network holds up a decision.

mod carrier;
mod gather;
mod ledger;
mod spool;
mod store;
#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::sync::mpsc::RecvTimeoutError;
use std::thread::JoinHandle;
use std::time::Duration;

use shared_host::sections::BrokerConfig;
use shared_proto::ids::{BootId, SiteId, TopicRoot};
use shared_proto::wire::Site;
use tokio::sync::mpsc::{self, Sender};

use crate::event::Event;
use crate::fleet::{Fleet, Moment};
use carrier::Carrier;
use gather::{Close, Gather};
pub use store::StoreError;

/// Closed windows that wait for the thread. While it does not take any, the present one stays open.
const MAX_WAITING: usize = 4;
/// How long the thread may take to end.
const END_LIMIT: Duration = Duration::from_secs(3);

/// What is forwarded, and where to.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Name of this site.
    pub site: SiteId,
    /// First levels of the topics at the broker above.
    pub root: TopicRoot,
    /// Length of a window in milliseconds.
    pub every_ms: u64,
    /// Windows that wait for the broker above.
    pub spool_windows: usize,
    /// Where they are kept; in memory without it.
    pub spool_dir: Option<PathBuf>,
    /// The broker above.
    pub mqtt: BrokerConfig,
}

/// The loop's end.
#[derive(Debug)]
pub(crate) struct Upstream {
    gather: Gather,
    every_ms: u64,
    due: Moment,
    windows: Option<Sender<Site>>,
    ending: Ending,
}

/// Why a site cannot be forwarded.
#[derive(Debug, thiserror::Error)]
pub enum UpstreamError {
    /// Its directory cannot be used.
    #[error("upstream.spool_dir: {0}")]
    Store(#[from] StoreError),
    /// The system gives no thread or no runtime.
    #[error("the thread for the site above cannot be started: {0}")]
    Thread(#[from] std::io::Error),
}

impl Upstream {
    /// Starts the thread that carries the windows.
    ///
    /// # Errors
    /// [`UpstreamError`].
    pub(crate) fn start(settings: Settings, now: Moment) -> Result<Self, UpstreamError> {
        let boot = BootId(fastrand::u64(..));
        let Settings { site, every_ms, .. } = &settings;
        tracing::info!(%site, broker = %settings.mqtt.url, "forwards its site");
        let gather = Gather::new(site.clone(), boot, now);
        let every_ms = *every_ms;
        let (windows, receiver) = mpsc::channel(MAX_WAITING);
        let carrier = Carrier::new(settings, boot)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let thread = std::thread::Builder::new().name("upstream".to_owned());
        let (tell_end, ended) = std::sync::mpsc::channel();
        let thread = thread.spawn(move || {
            runtime.block_on(carrier.run(receiver));
            // A name that is being resolved keeps its thread for as long as the resolver likes.
            runtime.shutdown_background();
            // Fails when nobody waits any more.
            let _ = tell_end.send(());
        })?;
        let due = now.plus_millis(every_ms);
        Ok(Self { gather, every_ms, due, windows: Some(windows), ending: Ending { thread, ended } })
    }

    /// A message of a device came: topic and payload.
    pub(crate) fn heard(&mut self, bytes: usize) {
        self.gather.heard(bytes);
    }

    /// Takes an event in.
    pub(crate) fn take(&mut self, t_ms: u64, event: &Event) {
        self.gather.take(t_ms, event);
    }

    /// When [`Self::tick`] has something to do next.
    pub(crate) fn next_wake(&self) -> Moment {
        self.due
    }

    /// Closes the window, if it is time.
    pub(crate) fn tick(&mut self, now: Moment, t_ms: u64, fleet: &Fleet) {
        if now < self.due {
            return;
        }
        // Of the grid, the next that is ahead.
        let passed = now.millis_since(self.due) / self.every_ms + 1;
        self.due = self.due.plus_millis(passed.saturating_mul(self.every_ms));
        // One place is for the window that is open at the end.
        if self.windows.as_ref().is_some_and(|windows| windows.capacity() > 1) {
            self.close(now, t_ms, fleet);
        }
    }

    fn close(&mut self, now: Moment, t_ms: u64, fleet: &Fleet) {
        let Some(windows) = &self.windows else { return };
        let Ok(room) = windows.try_reserve() else { return };
        let (devices, missing_jobs) = fleet.census(now);
        room.send(self.gather.close(&Close { now, t_ms, devices, missing_jobs }));
    }

    /// Hands over what there is, and has the thread end in good order. The thread is waited for in another one: [`Ending::wait`].
    pub(crate) fn end(mut self, now: Moment, t_ms: u64, fleet: &Fleet) -> Ending {
        self.close(now, t_ms, fleet);
        self.windows = None;
        self.ending
    }
}

/// The thread on its way to its end.
#[derive(Debug)]
pub(crate) struct Ending {
    thread: JoinHandle<()>,
    ended: std::sync::mpsc::Receiver<()>,
}

impl Ending {
    /// Waits until it has ended: it gives itself a second or two, but a disk has its own time.
    pub(crate) fn wait(self) {
        match self.ended.recv_timeout(END_LIMIT) {
            Err(RecvTimeoutError::Timeout) => {
                tracing::warn!("the thread for the site above does not end: it is left behind");
            }
            Ok(()) | Err(RecvTimeoutError::Disconnected) => {
                if self.thread.join().is_err() {
                    tracing::error!("the thread for the site above has panicked");
                }
            }
        }
    }
}
