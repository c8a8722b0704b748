//! What a job costs beyond its workload, measured with the very code that runs later.

use heapless::spsc::Queue;
use shared_proto::mode::Mode;
use shared_proto::wire::OverrunPolicy;

use super::clock::{Clock, SystemClock};
use super::job::{Job, Ran, Workload};
use super::periodic::{Periodic, Timing};
use super::record::JobRecord;
use super::word::ModeWord;
use crate::gpio::NoLines;
use crate::time::MonoTime;

const JOBS: u32 = 1_000;

/// Does not sleep; orders a stop in time.
struct Hot<'a> {
    left: u32,
    word: &'a ModeWord,
}

impl Clock for Hot<'_> {
    fn now(&mut self) -> MonoTime {
        SystemClock.now()
    }

    fn sleep_until(&mut self, _: MonoTime) {
        match self.left.checked_sub(1) {
            Some(left) => self.left = left,
            None => self.word.stop(),
        }
    }
}

struct Nothing;

impl Workload for Nothing {
    fn name(&self) -> &'static str {
        "nothing"
    }

    fn set_mode(&mut self, _: Mode) {}

    fn run(&mut self, _: &mut Job<'_>) -> Ran {
        Ran::Whole
    }
}

/// Runs `jobs` empty jobs back to back: clock reads, counters and the push into a ring, without sleep and workload. What
/// that takes is the loop's own cost. Returns how many jobs ran.
pub fn run_empty_jobs(jobs: u32) -> u64 {
    let word = ModeWord::default();
    let clock = Hot { left: jobs, word: &word };
    // A period of 1 ns: the release has always come, so that nothing waits.
    let timing =
        Timing { normal_period_ns: 1, degraded_period_ns: 1, deadline_ns: None, overrun: OverrunPolicy::SkipNext };
    let mut queue = Queue::<JobRecord, 16>::new();
    let (mut producer, mut consumer) = queue.split();
    let total = Periodic::new(clock, timing).run(&word, &mut NoLines, &mut Nothing, |record| {
        let _ = producer.enqueue(record);
        let _ = consumer.dequeue();
    });
    total.run()
}

/// Nanoseconds per empty job, with a warm cache.
pub(super) fn self_overhead_ns() -> u32 {
    run_empty_jobs(JOBS);
    let begun = SystemClock.now();
    let ran = run_empty_jobs(JOBS);
    let timed = SystemClock.now().nanos_since(begun);
    u32::try_from(timed / ran.max(1)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_jobs_run_as_were_asked_for() {
        assert_eq!(run_empty_jobs(0), 0);
        assert_eq!(run_empty_jobs(7), 7);
    }
}
