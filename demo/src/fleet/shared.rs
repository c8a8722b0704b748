//! What all connections share: settings, counters, buffers. One thread, so nothing is locked.

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use shared_proto::histogram::Latency;
use shared_proto::ids::TopicRoot;
use shared_proto::mode::Mode;
use shared_proto::wire;

use super::device::{Common, Effect};
use super::sent::Decision;

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
    /// Commands that came too late to be taken.
    pub(super) expired: u64,
    pub(super) degraded: u64,
    pub(super) recovered: u64,
    pub(super) restarts: u64,
    /// From the sending of a report to its PUBACK.
    pub(super) puback: Latency,
    /// From the sending of the report that led to a change to the arrival of the command for it.
    pub(super) decision: Latency,
    /// Changes of which that is not known: the report was sent too long before.
    pub(super) late: u64,
}

impl Counters {
    /// A command was read, and had this effect.
    pub(super) fn note_command(&mut self, effect: &Effect) {
        self.commands += 1;
        self.expired += u64::from(effect.outcome == Some(wire::Outcome::Expired));
        self.asked_for += u64::try_from(effect.resent).unwrap_or(0);
        match effect.changed_to {
            Some(Mode::Degraded) => self.degraded += 1,
            Some(Mode::Normal) => self.recovered += 1,
            None => {}
        }
        match effect.decision {
            Some(Decision::Took(us)) => self.decision.record(us.saturating_mul(1_000)),
            Some(Decision::Late) => self.late += 1,
            None => {}
        }
    }

    /// What happened since `before`. The latencies were emptied then.
    pub(super) fn since(&self, before: &Self) -> Self {
        let (failed, lost) = (self.failed - before.failed, self.lost - before.lost);
        Self {
            connected: self.connected,
            ever_connected: self.ever_connected,
            reconnects: self.reconnects - before.reconnects,
            failed,
            last_trouble: self.last_trouble.clone().filter(|_| failed + lost > 0),
            lost,
            reports_sent: self.reports_sent - before.reports_sent,
            resent: self.resent - before.resent,
            asked_for: self.asked_for - before.asked_for,
            reports_acked: self.reports_acked - before.reports_acked,
            merged: self.merged - before.merged,
            report_bytes: self.report_bytes - before.report_bytes,
            commands: self.commands - before.commands,
            bad_commands: self.bad_commands - before.bad_commands,
            expired: self.expired - before.expired,
            degraded: self.degraded - before.degraded,
            recovered: self.recovered - before.recovered,
            restarts: self.restarts - before.restarts,
            puback: self.puback.clone(),
            decision: self.decision.clone(),
            late: self.late - before.late,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_that_tell_no_latency_are_counted() {
        let mut counters = Counters::default();
        let changed =
            |decision| Effect { changed_to: Some(Mode::Degraded), decision: Some(decision), ..Effect::default() };
        counters.note_command(&changed(Decision::Took(5_000)));
        counters.note_command(&changed(Decision::Late));
        counters.note_command(&Effect { outcome: Some(wire::Outcome::Expired), ..Effect::default() });
        assert_eq!((counters.commands, counters.degraded, counters.decision.count()), (3, 2, 1));
        assert_eq!((counters.late, counters.expired), (1, 1));
    }

    #[test]
    fn what_it_took_to_come_up_is_no_part_of_a_measurement() {
        let counters = |each: u64| Counters {
            connected: 7,
            ever_connected: 7,
            reconnects: each,
            failed: each,
            last_trouble: Some("refused".to_owned()),
            lost: each,
            reports_sent: each,
            resent: each,
            asked_for: each,
            reports_acked: each,
            merged: each,
            report_bytes: each,
            commands: each,
            bad_commands: each,
            expired: each,
            degraded: each,
            recovered: each,
            restarts: each,
            puback: Latency::default(),
            decision: Latency::default(),
            late: each,
        };
        let tell = |counters: &Counters| format!("{counters:?}");
        assert_eq!(tell(&counters(5).since(&counters(3))), tell(&counters(2)));
        let quiet = Counters { last_trouble: None, ..counters(0) };
        assert_eq!(tell(&counters(3).since(&counters(3))), tell(&quiet), "the trouble was before");
    }
}
