//! Closed windows put together for a wire whose messages are rarer than they are: no count between two messages is lost.

use shared_proto::dialect::edgex;
use shared_proto::mode::Mode;
use shared_proto::text::Reason;
use shared_proto::wire::{Report, Totals};

use super::{Agent, Context};
use crate::mode::{Event, Until};
use crate::time::MonoTime;
use crate::window::Window;

/// What was not told yet.
#[derive(Debug, Clone)]
pub struct Gathered {
    /// The latest window's report, with the counts and durations of all windows that were not told yet. They may belong to
    /// several epochs: period, mode and totals are the newest.
    pub report: Report,
    /// Whether a window has closed since the last message.
    pub news: News,
}

/// Whether there is something to tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum News {
    /// Nothing yet.
    None,
    /// At least one window.
    Windows,
}

impl Gathered {
    fn add(&mut self, window: &Report) {
        let earlier = std::mem::replace(&mut self.report, window.clone());
        self.news = News::Windows;
        let sum = &mut self.report;
        sum.jobs = sum.jobs.saturating_add(earlier.jobs);
        sum.misses = sum.misses.saturating_add(earlier.misses);
        sum.skipped = sum.skipped.saturating_add(earlier.skipped);
        // Beyond 2^32 jobs in one bucket, 49 days at 1 kHz, the earlier durations go; the counts stay.
        let _ = sum.wakeup_us.merge(&earlier.wakeup_us);
        let _ = sum.response_us.merge(&earlier.response_us);
    }
}

impl<T: Copy + PartialEq> Agent<T> {
    /// From now on closed windows are gathered as well.
    pub fn gather(&mut self, context: &Context) {
        let closed = Window::new(self.setup.window, self.setup.plan.timing.normal_period_ns).close();
        let mut report = self.setup.plan.report(&self.setup.identity, 0, 0, &closed, context);
        report.up_ms = self.up_ms(context.now);
        report.total = Totals::default();
        self.gathered = Some(Gathered { report, news: News::None });
    }

    /// What was gathered; `None` if nobody asked for it.
    #[must_use]
    pub fn gathered(&self) -> Option<&Gathered> {
        self.gathered.as_ref()
    }

    /// What was gathered is told: gathering begins anew.
    pub fn gathered_told(&mut self) {
        let Some(Gathered { report, news }) = &mut self.gathered else { return };
        *news = News::None;
        (report.jobs, report.misses, report.skipped) = (0, 0, 0);
        (report.wakeup_us, report.response_us) = Default::default();
    }

    pub(super) fn gather_report(&mut self, report: &Report) {
        if let Some(gathered) = &mut self.gathered {
            gathered.add(report);
        }
    }

    /// A command of EdgeX arrived at `now`: it holds until the next one, or for so long.
    pub fn edgex_command(&mut self, command: edgex::Written, lease_ms: Option<u32>, now: MonoTime) {
        self.counts.accepted();
        let until = lease_ms.map_or(Until::Replaced, |ms| Until::At(now.plus_nanos(u64::from(ms) * 1_000_000)));
        self.command_by(command.mode, until, "EdgeX command", now);
    }

    /// A command of a wire without acknowledgements.
    pub(super) fn command_by(&mut self, mode: Mode, until: Until, reason: &str, now: MonoTime) {
        self.arbiter.apply(Event::Commanded { mode, until, reason: Reason::from(reason) });
        self.decide(now);
    }

    /// A command came again: it is answered again, and was applied once.
    pub fn repeated(&mut self) {
        self.counts.duplicate();
    }
}
