//! What all connections share: settings, counters, buffers. One thread, so nothing is locked.

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use shared_proto::histogram::Latency;
use shared_proto::ids::TopicRoot;

use super::device::Common;

/// What has to be done at present.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// Devices work and report.
    Running,
    /// No more windows; what waits is delivered.
    Draining,
    /// Say good-bye.
    Leaving,
}

/// What becomes of the statuses that the broker retains.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trace {
    /// They tell that the devices have gone.
    Stays,
    /// They are cleared: the broker belongs to others.
    Cleared,
}

/// What all connections share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) broker: SocketAddr,
    pub(super) root: TopicRoot,
    pub(super) common: Common,
    pub(super) trace: Trace,
    pub(super) counters: RefCell<Counters>,
    pub(super) read: RefCell<Vec<u8>>,
    pub(super) write: RefCell<Vec<u8>>,
    /// Connections whose devices have nothing left to deliver.
    pub(super) drained: Cell<usize>,
    pub(super) start: Instant,
}

impl Shared {
    /// Microseconds since the start.
    pub(super) fn now_us(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_micros()).unwrap_or(u64::MAX)
    }

    /// The instant of a time.
    pub(super) fn instant(&self, at_us: u64) -> tokio::time::Instant {
        (self.start + Duration::from_micros(at_us)).into()
    }
}

/// What happened so far.
#[derive(Debug, Clone, Default)]
pub(super) struct Counters {
    /// Devices that are connected.
    pub(super) connected: usize,
    /// Devices that have been connected at least once.
    pub(super) ever_connected: usize,
    /// Connections that were made after the first of each.
    pub(super) reconnects: u64,
    /// Attempts to connect that failed, and why the last one did.
    pub(super) failed: u64,
    pub(super) last_trouble: Option<String>,
    /// Connections that broke otherwise than by plan.
    pub(super) lost: u64,
    pub(super) reports_sent: u64,
    /// Of these, reports that were sent before.
    pub(super) resent: u64,
    /// Of these, on request of the controller.
    pub(super) asked_for: u64,
    pub(super) reports_acked: u64,
    /// Windows that became part of another report.
    pub(super) merged: u64,
    /// Bytes of reports, without topic and packet.
    pub(super) report_bytes: u64,
    pub(super) commands: u64,
    /// Commands that are none.
    pub(super) bad_commands: u64,
    pub(super) degraded: u64,
    pub(super) recovered: u64,
    pub(super) restarts: u64,
    /// From the sending of a report to its PUBACK.
    pub(super) puback: Latency,
    /// From the sending of the report that led to a change to the arrival of the command for it.
    pub(super) decision: Latency,
}
