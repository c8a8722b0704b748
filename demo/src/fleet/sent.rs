//! When the latest reports of a run were sent: how long the decisions take that they lead to.

use std::collections::VecDeque;

/// How long a sending is remembered, in microseconds: twice the `command.ttl_ms` that a controller has by default, because the report may wait on its
/// way as well as the command.
pub(super) const REMEMBERED_US: u64 = 20_000_000;
/// Reports that may be sent besides one an interval: those that waited for a connection.
const BACKLOG: usize = 16;

/// From the sending of a report to the command for the change that it led to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Decision {
    /// It took so many microseconds.
    Took(u64),
    /// The report was sent longer ago than [`REMEMBERED_US`], or by an earlier run.
    Late,
}

/// Number and time of the reports that were sent for the first time of late, oldest first.
#[derive(Debug, Default)]
pub(super) struct Sent(VecDeque<(u64, u64)>);

impl Sent {
    /// A report is sent for the first time, by a device that closes a window every `interval_us`.
    pub(super) fn note(&mut self, seq: u64, at_us: u64, interval_us: u64) {
        let windows = REMEMBERED_US / interval_us.max(1);
        let most = usize::try_from(windows).unwrap_or(usize::MAX).saturating_add(BACKLOG);
        let old = |(_, sent_us): &mut (u64, u64)| at_us.saturating_sub(*sent_us) > REMEMBERED_US;
        while self.0.pop_front_if(old).is_some() {}
        if self.0.len() >= most {
            self.0.pop_front();
        }
        self.0.push_back((seq, at_us));
    }

    /// A command has arrived for a change that this report led to.
    pub(super) fn decision(&self, seq: u64, now_us: u64) -> Decision {
        let sent = self.0.iter().find(|(sent, _)| *sent == seq);
        let took_us = sent.map(|(_, sent_us)| now_us.saturating_sub(*sent_us));
        took_us.filter(|us| *us <= REMEMBERED_US).map_or(Decision::Late, Decision::Took)
    }

    /// Another run begins.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INTERVAL_US: u64 = 100_000;

    #[test]
    fn a_report_is_remembered_by_its_age_whatever_was_sent_since() {
        let mut sent = Sent::default();
        for seq in 0..=150 {
            sent.note(seq, seq * INTERVAL_US, INTERVAL_US);
        }
        assert_eq!(sent.decision(0, 15_000_000), Decision::Took(15_000_000));
        assert_eq!(sent.decision(0, REMEMBERED_US), Decision::Took(REMEMBERED_US));
        assert_eq!(sent.decision(0, REMEMBERED_US + 1), Decision::Late);
        assert_eq!(sent.decision(151, 15_000_000), Decision::Late);
    }

    #[test]
    fn a_report_that_waited_for_a_connection_is_remembered_after_newer_ones() {
        let mut sent = Sent::default();
        sent.note(9, 1_000, INTERVAL_US);
        sent.note(5, 2_000, INTERVAL_US);
        assert_eq!(sent.decision(5, 5_000), Decision::Took(3_000));
    }

    #[test]
    fn what_is_remembered_stays_small() {
        let mut sent = Sent::default();
        for seq in 0..10_000 {
            sent.note(seq, seq * INTERVAL_US, INTERVAL_US);
        }
        assert_eq!(sent.0.len(), 201, "older ones are forgotten");
        for seq in 0..10_000 {
            sent.note(seq, 1_000_000_000, INTERVAL_US);
        }
        assert_eq!(sent.0.len(), 216, "a burst is bounded");
    }
}
