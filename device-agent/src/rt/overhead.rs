//! What a job costs beyond its workload, measured with the very code that runs later.

use heapless::spsc::Queue;
use shared_proto::mode::Mode;
use shared_proto::wire::OverrunPolicy;

use super::periodic::{Periodic, Timing};
use super::record::JobRecord;
use super::time::{Clock, MonoTime, SystemClock};
use super::word::ModeWord;
use crate::gpio::NoLines;
use crate::workload::{Job, Ran, Workload};

const JOBS: u32 = 2_000;

/// Does not sleep; the second half of the jobs is timed.
struct Hot<'a> {
    naps: u32,
    word: &'a ModeWord,
    half_time: MonoTime,
}

impl Clock for &mut Hot<'_> {
    fn now(&mut self) -> MonoTime {
        SystemClock.now()
    }

    fn sleep_until(&mut self, _: MonoTime) {
        self.naps += 1;
        if self.naps == JOBS / 2 {
            self.half_time = SystemClock.now();
        }
        if self.naps == JOBS {
            self.word.stop();
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

/// Nanoseconds per job: clock reads, counters and the push into a ring, with a warm cache, without sleep and workload.
pub(super) fn self_overhead_ns() -> u32 {
    let word = ModeWord::default();
    let mut clock = Hot { naps: 0, word: &word, half_time: MonoTime::default() };
    // A period of 1 ns: the release has always come, so that nothing waits.
    let timing =
        Timing { normal_period_ns: 1, degraded_period_ns: 1, deadline_ns: None, overrun: OverrunPolicy::SkipNext };
    let mut queue = Queue::<JobRecord, 16>::new();
    let (mut producer, mut consumer) = queue.split();
    Periodic::new(&mut clock, timing).run(&word, &mut NoLines, &mut Nothing, |record| {
        let _ = producer.enqueue(record);
        let _ = consumer.dequeue();
    });
    let timed = SystemClock.now().nanos_since(clock.half_time);
    u32::try_from(timed / u64::from(JOBS / 2)).unwrap_or(u32::MAX)
}
