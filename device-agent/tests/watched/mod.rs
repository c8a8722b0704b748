//! A task that watches itself from inside: what its process allocates, and what its thread faults on.

#![expect(clippy::unwrap_used, reason = "helpers of tests: a failure is the test's failure")]

use std::alloc::System;
use std::io::{self, Write};
use std::sync::{Arc, OnceLock};
use std::thread::sleep;
use std::time::Duration;

use device_agent::gpio::{Board, Level, Line, SimPins, Wiring};
use device_agent::rt::{self, Asked, JobRecord, ModeWord, Ring, RtTask, SchedulerAsked, Timing};
use device_agent::workload::{Job, Ran, Workload};
use nix::sys::resource::{UsageWho, getrusage};
use shared_proto::mode::Mode;
use shared_proto::wire::OverrunPolicy;
use stats_alloc::{Stats, StatsAlloc};

const PERIOD_NS: u64 = 100_000;
/// Jobs before this one are the warm-up.
const FIRST_LOOK: u64 = 1_000;
/// The job between the looks in which mischief is done.
const MISCHIEF: u64 = 5_000;
const LAST_LOOK: u64 = 11_000;

/// What happened between the looks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seen {
    /// Calls of the allocator by any thread of the process.
    pub(crate) heap: Stats,
    /// Page faults of the real-time thread that took no disk access.
    pub(crate) minor_faults: i64,
    /// Page faults of the real-time thread that took one.
    pub(crate) major_faults: i64,
}

/// One run of the real-time thread.
pub(crate) struct Watched {
    /// The allocator of this test program.
    pub(crate) allocator: &'static StatsAlloc<System>,
    /// Period in DEGRADED in nanoseconds.
    pub(crate) degraded_period_ns: u64,
    /// Whether to ask for locked memory.
    pub(crate) lock_memory: bool,
    /// Mode changes without which the last look is put off.
    pub(crate) changes: u64,
    /// Done once, in a job between the looks.
    pub(crate) mischief: Box<dyn FnMut() + Send>,
}

impl Watched {
    /// A run in NORMAL that does nothing wrong.
    pub(crate) fn new(allocator: &'static StatsAlloc<System>) -> Self {
        Self { allocator, degraded_period_ns: PERIOD_NS, lock_memory: true, changes: 0, mischief: Box::new(|| {}) }
    }

    /// Runs until the last look. Shows each record to `onlooker`, on the calling thread, which allocates nothing meanwhile.
    pub(crate) fn run(self, mut onlooker: impl FnMut(&JobRecord, &ModeWord)) -> Seen {
        let wiring = wiring();
        let (pins, _) = SimPins::open(&wiring);
        let found = Arc::new(OnceLock::new());
        let timing = Timing {
            normal_period_ns: PERIOD_NS,
            degraded_period_ns: self.degraded_period_ns,
            deadline_ns: None,
            overrun: OverrunPolicy::SkipNext,
        };
        let asked = Asked {
            scheduler: SchedulerAsked::Fifo(80),
            cpu: None,
            lock_memory: self.lock_memory,
            no_deep_sleep: true,
        };
        let workload = Box::new(SelfWatcher {
            allocator: self.allocator,
            changes_wanted: self.changes,
            mischief: self.mischief,
            changes: 0,
            jobs: 0,
            first: None,
            found: Arc::clone(&found),
        });
        let lines = Box::new(Board::new(pins, &wiring));
        let (mut handle, mut records) = rt::spawn(RtTask { timing, asked, lines, workload }, Ring::new()).unwrap();
        while found.get().is_none() {
            assert!(handle.ended().is_none(), "the thread ended before its last look");
            while let Some(record) = records.take() {
                onlooker(&record, handle.word());
            }
            sleep(Duration::from_millis(10));
        }
        handle.word().stop();
        while handle.ended().is_none() {
            sleep(Duration::from_millis(1));
        }
        let seen = *found.get().unwrap();
        let granted = &handle.granted;
        // Not by println!, which the test harness would hide: under what conditions it was shown belongs to the evidence.
        let _ = writeln!(
            io::stderr(),
            "{LAST_LOOK} jobs, {:?}, memory {}, {} mode changes: {seen:?}",
            granted.schedule,
            if granted.locked { "locked" } else { "not locked" },
            self.changes
        );
        seen
    }
}

struct SelfWatcher {
    allocator: &'static StatsAlloc<System>,
    changes_wanted: u64,
    mischief: Box<dyn FnMut() + Send>,
    changes: u64,
    jobs: u64,
    first: Option<Seen>,
    found: Arc<OnceLock<Seen>>,
}

impl SelfWatcher {
    fn look(&self) -> Seen {
        let usage = getrusage(UsageWho::RUSAGE_THREAD).unwrap();
        Seen {
            heap: self.allocator.stats(),
            minor_faults: usage.minor_page_faults(),
            major_faults: usage.major_page_faults(),
        }
    }
}

impl Workload for SelfWatcher {
    fn name(&self) -> &'static str {
        "self-watcher"
    }

    fn prepare(&mut self) {
        // The code of a look is in memory from here on: the looks themselves shall fault on nothing.
        std::hint::black_box(self.look());
    }

    fn set_mode(&mut self, _: Mode) {
        self.changes += 1;
    }

    fn run(&mut self, job: &mut Job<'_>) -> Ran {
        let level = job.lines.input();
        job.lines.output(level.inverse());
        self.jobs += 1;
        if self.jobs == FIRST_LOOK {
            self.first = Some(self.look());
        }
        if self.jobs == MISCHIEF {
            (self.mischief)();
        }
        if self.jobs >= LAST_LOOK && self.changes >= self.changes_wanted && self.found.get().is_none() {
            let (first, last) = (self.first.unwrap(), self.look());
            let seen = Seen {
                heap: last.heap - first.heap,
                minor_faults: last.minor_faults - first.minor_faults,
                major_faults: last.major_faults - first.major_faults,
            };
            self.found.set(seen).unwrap();
        }
        Ran::Whole
    }
}

fn wiring() -> Wiring {
    let line = |number| Some(Line::try_from(number).unwrap());
    Wiring {
        normal: line(17),
        degraded: line(27),
        heartbeat: line(22),
        output: line(23),
        input: line(24),
        active: Level::High,
        safe: Level::Low,
    }
}
