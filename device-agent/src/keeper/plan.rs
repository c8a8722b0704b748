//! When the durable place is written: seldom, because SD cards wear. Pure.

use std::time::Duration;

use crate::time::MonoTime;

/// At most so often for the sake of commands, however many change the mode.
const COMMANDS_EVERY: Duration = Duration::from_secs(60);

/// When reports go to the durable place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FlushConfig {
    /// When the oldest report has waited so long.
    pub after: Duration,
    /// Then again so often.
    pub every: Duration,
}

/// What to write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flush {
    /// All that waits, and that it may have been sent from now on.
    Sending,
    /// That all reports that are there are delivered.
    Delivered,
    /// All that waits.
    Backlog,
    /// Commands and values.
    Commands,
}

/// How things stand.
#[derive(Debug, Clone, Copy)]
pub(super) struct Look {
    /// The oldest window that waits: run and number.
    pub(super) oldest: Option<(u64, u64)>,
    /// The reports in the durable place.
    pub(super) there: There,
    /// What the place does not say yet, though there is a connection.
    pub(super) sending: News,
    /// Commands and values.
    pub(super) commands: News,
}

/// What the reports in the durable place are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum There {
    /// There are none.
    None,
    /// Some still wait.
    Waiting,
    /// All are delivered, or it is not known what is there.
    Delivered,
}

/// Whether something should be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum News {
    None,
    Some,
}

#[derive(Debug)]
pub(super) struct FlushPlan {
    config: FlushConfig,
    /// The oldest window that waits, and since when it is the oldest.
    oldest: Option<((u64, u64), MonoTime)>,
    backlog_at: Option<MonoTime>,
    commands_at: Option<MonoTime>,
}

impl FlushPlan {
    pub(super) fn new(config: FlushConfig) -> Self {
        Self { config, oldest: None, backlog_at: None, commands_at: None }
    }

    /// What is due now; taken as done.
    pub(super) fn due(&mut self, look: &Look, now: MonoTime) -> Option<Flush> {
        if self.oldest.map(|(window, _)| window) != look.oldest {
            self.oldest = look.oldest.map(|window| (window, now));
        }
        let passed = |since: Option<MonoTime>, least: Duration| since.is_none_or(|since| now >= since.plus(least));
        if look.sending == News::Some && look.there != There::None {
            return Some(Flush::Sending);
        }
        if look.there == There::Delivered {
            return Some(Flush::Delivered);
        }
        let stuck = self.oldest.is_some_and(|(_, since)| now >= since.plus(self.config.after));
        if stuck && passed(self.backlog_at, self.config.every) {
            self.backlog_at = Some(now);
            return Some(Flush::Backlog);
        }
        if !stuck {
            self.backlog_at = None;
        }
        if look.commands == News::Some && passed(self.commands_at, COMMANDS_EVERY) {
            self.commands_at = Some(now);
            return Some(Flush::Commands);
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> MonoTime {
        MonoTime::from_nanos(1_000_000_000 * (1_000 + seconds))
    }

    fn plan() -> FlushPlan {
        FlushPlan::new(FlushConfig { after: Duration::from_secs(60), every: Duration::from_secs(300) })
    }

    fn look(oldest: u64, there: There) -> Look {
        Look { oldest: Some((1, oldest)), there, sending: News::None, commands: News::None }
    }

    /// Looks once a second, and tells when what was due.
    fn watch(plan: &mut FlushPlan, seconds: std::ops::Range<u64>, look: impl Fn(u64) -> Look) -> Vec<(u64, Flush)> {
        seconds.filter_map(|second| plan.due(&look(second), at(second)).map(|due| (second, due))).collect()
    }

    #[test]
    fn a_device_online_writes_nothing() {
        assert_eq!(watch(&mut plan(), 0..1_000, |second| look(second, There::None)), []);
    }

    #[test]
    fn offline_it_writes_after_a_while_and_then_seldom() {
        let due = watch(&mut plan(), 0..900, |_| look(1, There::None));
        assert_eq!(due, [(60, Flush::Backlog), (360, Flush::Backlog), (660, Flush::Backlog)]);
    }

    #[test]
    fn a_backlog_that_is_being_delivered_is_not_written() {
        let mut plan = plan();
        watch(&mut plan, 0..100, |_| look(1, There::None));
        assert_eq!(watch(&mut plan, 100..900, |second| look(second, There::Waiting)), []);
        assert_eq!(plan.due(&look(900, There::Delivered), at(900)), Some(Flush::Delivered));
    }

    #[test]
    fn the_disk_knows_that_reports_may_be_sent_before_they_are() {
        let sending = Look { sending: News::Some, ..look(1, There::Waiting) };
        assert_eq!(plan().due(&sending, at(0)), Some(Flush::Sending));
        assert_eq!(plan().due(&Look { there: There::None, ..sending }, at(0)), None);
    }

    #[test]
    fn commands_are_written_at_once_but_not_often() {
        let mut plan = plan();
        let due = watch(&mut plan, 0..150, |second| Look { commands: News::Some, ..look(second, There::None) });
        assert_eq!(due, [(0, Flush::Commands), (60, Flush::Commands), (120, Flush::Commands)]);
    }
}
