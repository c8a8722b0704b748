//! In steady state the loop allocates nothing and faults on no page: counted by the process's allocator and by the kernel,
//! read from inside the jobs of the very thread that `device-agent run` starts.
//!
//! The allocator counts for the whole process, so this is the only test of its program.

#![expect(clippy::unwrap_used, reason = "helpers of tests: a failure is the test's failure")]

use std::alloc::System;
use std::fs;
use std::process;
use std::thread::yield_now;

use device_agent::sys::thread_id;
use shared_proto::mode::Mode;
use stats_alloc::{INSTRUMENTED_SYSTEM, Stats, StatsAlloc};

use watched::{Seen, Watched};

mod watched;

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

#[test]
fn ten_thousand_jobs_allocate_nothing_and_fault_on_no_page() {
    await_quiet_harness();
    // As where locking is refused; first, because a lock holds for the rest of the process.
    check("memory not locked", Watched { lock_memory: false, ..Watched::new(ALLOCATOR) }.run(|_, _| {}));
    check("memory locked", Watched::new(ALLOCATOR).run(|_, _| {}));

    let to_and_fro = [(3_000, Mode::Degraded), (4_000, Mode::Normal), (6_000, Mode::Degraded), (7_000, Mode::Normal)];
    let mut orders = (1u64..).zip(to_and_fro).peekable();
    let mut effects = 0;
    let switching = Watched { degraded_period_ns: 150_000, changes: 4, ..Watched::new(ALLOCATOR) };
    let seen = switching.run(|record, word| {
        effects = effects.max(record.effect.change);
        // One order after the other has taken effect: a later one would replace one that is still under way.
        if let Some((change, (_, mode))) =
            orders.next_if(|&(change, (job, _))| record.job >= job && effects + 1 == change)
        {
            word.order(mode, change);
        }
    });
    check("four mode changes with a change of period each", seen);
    assert!(effects >= 3 && orders.peek().is_none(), "{effects} changes took effect");
}

#[track_caller]
fn check(what: &str, seen: Seen) {
    assert_eq!(seen.heap, Stats::default(), "{what}: the heap was used");
    assert_eq!((seen.minor_faults, seen.major_faults), (0, 0), "{what}: page faults");
}

/// Waits until the harness, on the main thread, has written what it writes when a test begins and rests until the test ends:
/// that takes it microseconds, but on a busy machine nobody says when.
fn await_quiet_harness() {
    let harness = process::id();
    if i64::from(thread_id()) == i64::from(harness) {
        return;
    }
    loop {
        let stat = fs::read_to_string(format!("/proc/self/task/{harness}/stat")).unwrap();
        // The state follows the name in brackets, see proc_pid_stat(5).
        if stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with('S')) {
            return;
        }
        yield_now();
    }
}
