//! Looks at the machine and the real-time thread, once a report.

use std::time::{SystemTime, UNIX_EPOCH};

use shared_proto::units::Ratio;
use shared_proto::wire::{Host, RtContext};

use crate::agent::Context;
use crate::host::{HostReader, TaskCounters, TaskReader};
use crate::rt::Handle;
use crate::sys;
use crate::time::MonoTime;

/// Keeps the latest look.
pub(super) struct Observer {
    host: HostReader,
    task: TaskReader,
    counted: TaskCounters,
    context: Context,
    /// Time on a CPU at the last look at it, and when that was.
    on_cpu: (u64, MonoTime),
}

impl Observer {
    pub(super) fn new(rt: &Handle) -> Self {
        let task = TaskReader::new(rt.thread_id);
        let granted = &rt.granted;
        let context = Context {
            now: MonoTime::now(),
            t_ms: wall_clock_ms(),
            clock_synced: sys::wall_clock_synced(),
            host: Host::default(),
            rt: RtContext {
                schedule: granted.schedule,
                priority: granted.priority,
                cpu: granted.cpu,
                locked: granted.locked,
                self_overhead_ns: rt.self_overhead_ns,
                preemptions: 0,
                faults: 0,
            },
        };
        let counted = task.read().unwrap_or_default();
        let on_cpu = (counted.on_cpu_ns, context.now);
        Self { host: HostReader::new(granted.cpu), counted, task, context, on_cpu }
    }

    /// Looks at everything.
    pub(super) fn look(&mut self) {
        self.context.host = self.host.read();
        self.context.clock_synced = sys::wall_clock_synced();
        let since = match self.task.read() {
            Some(counted) => {
                let since = counted.since(&self.counted);
                self.counted = counted;
                since
            }
            // The thread has ended.
            None => TaskCounters::default(),
        };
        // On top of what a report that closed early did not take: see `reported`.
        self.context.rt.preemptions += since.preemptions;
        self.context.rt.faults += since.faults;
    }

    /// Temperature and voltage, now.
    pub(super) fn vitals(&self) -> Host {
        self.host.vitals()
    }

    /// Share of one CPU that the real-time thread has used since it was told last; `None` before `least_ns` have passed, or
    /// if the kernel does not tell.
    pub(super) fn task_share(&mut self, least_ns: u64) -> Option<Ratio> {
        let (before_ns, since) = self.on_cpu;
        let now = MonoTime::now();
        if now.nanos_since(since) < least_ns {
            return None;
        }
        let on_cpu_ns = self.task.read()?.on_cpu_ns;
        self.on_cpu = (on_cpu_ns, now);
        (on_cpu_ns > 0).then(|| Ratio::of(on_cpu_ns.saturating_sub(before_ns), now.nanos_since(since)))
    }

    /// What was counted is reported.
    pub(super) fn reported(&mut self) {
        self.context.rt.preemptions = 0;
        self.context.rt.faults = 0;
    }

    /// The latest look, with the present time.
    pub(super) fn context(&mut self) -> &Context {
        self.context.now = MonoTime::now();
        self.context.t_ms = wall_clock_ms();
        &self.context
    }

    /// The latest look, as it was.
    pub(super) fn host(&self) -> &Host {
        &self.context.host
    }
}

pub(super) fn wall_clock_ms() -> u64 {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since_epoch.as_millis()).unwrap_or(u64::MAX)
}
