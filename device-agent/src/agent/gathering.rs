//! Closed windows put together for a wire whose messages are rarer than they are: no count between two messages is lost.

use shared_proto::dialect::edgex::{self, Metrics};
use shared_proto::histogram::Latency;
use shared_proto::mode::Mode;
use shared_proto::text::Reason;
use shared_proto::wire::{Host, Report};

use super::{Agent, Context};
use crate::mode::{Event, Until};
use crate::time::MonoTime;

/// What was not told yet.
#[derive(Debug, Clone)]
pub struct Gathered {
    /// Counts of all windows that were not told yet, and what else the latest window says. They may be of several epochs.
    pub metrics: Metrics,
    /// Start minus release of their jobs.
    pub wakeup: Latency,
    /// End minus release of their jobs.
    pub response: Latency,
    /// The machine at the latest one.
    pub host: Host,
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
        let sum = &mut self.metrics;
        sum.jobs = sum.jobs.saturating_add(window.jobs);
        sum.misses = sum.misses.saturating_add(window.misses);
        sum.skipped = sum.skipped.saturating_add(window.skipped);
        sum.miss_rate = window.miss_rate;
        sum.total_jobs = window.total.jobs;
        sum.total_misses = window.total.misses;
        sum.dev_time_ns = nanos(window.t_ms);
        sum.up_ms = window.up_ms;
        // Beyond 2^32 jobs in one bucket, 49 days at 1 kHz, later durations are left out; the counts are exact.
        let _ = self.wakeup.merge(&window.wakeup_us);
        let _ = self.response.merge(&window.response_us);
        self.host.clone_from(&window.host);
        self.news = News::Windows;
    }
}

fn nanos(ms: u64) -> i64 {
    i64::try_from(ms.saturating_mul(1_000_000)).unwrap_or(i64::MAX)
}

impl<T: Copy + PartialEq> Agent<T> {
    /// From now on closed windows are gathered as well.
    pub fn gather(&mut self, context: &Context) {
        let first = Metrics::first(self.setup.identity.boot);
        self.gathered = Some(Gathered {
            metrics: Metrics { dev_time_ns: nanos(context.t_ms), up_ms: self.up_ms(context.now), ..first },
            wakeup: Latency::default(),
            response: Latency::default(),
            host: Host::default(),
            news: News::None,
        });
    }

    /// What was gathered; `None` if nobody asked for it.
    #[must_use]
    pub fn gathered(&self) -> Option<&Gathered> {
        self.gathered.as_ref()
    }

    /// What was gathered is told: gathering begins anew.
    pub fn gathered_told(&mut self) {
        let Some(Gathered { metrics, wakeup, response, news, .. }) = &mut self.gathered else { return };
        *news = News::None;
        (metrics.jobs, metrics.misses, metrics.skipped) = (0, 0, 0);
        (*wakeup, *response) = Default::default();
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
