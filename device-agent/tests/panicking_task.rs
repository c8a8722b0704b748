//! A task that panics, at start or in a job: its thread unwinds, and the lines are at their safe levels.
//!
//! Also for programs built as for the device, without the unwind tables that a panic does not need: see cross/README.md.

#![expect(clippy::panic, clippy::unwrap_used, reason = "the tests' subject, and helpers of tests")]

use std::sync::mpsc::{Receiver, Sender, channel};

use device_agent::gpio::{Level, Lines};
use device_agent::rt::{self, Asked, Panicked, Ring, RtTask, SchedulerAsked, Timing};
use device_agent::workload::{Job, Ran, Workload};
use shared_proto::mode::Mode;
use shared_proto::wire::OverrunPolicy;

/// What a line is told.
#[derive(Debug, PartialEq, Eq)]
enum Told {
    Driven,
    Safe,
}

struct Watched(Sender<Told>);

impl Lines for Watched {
    fn set_mode(&mut self, _: Mode) {}
    fn heartbeat(&mut self) {}
    fn input(&mut self) -> Level {
        Level::Low
    }
    fn output(&mut self, _: Level) {
        self.0.send(Told::Driven).unwrap();
    }
    fn make_safe(&mut self) {
        self.0.send(Told::Safe).unwrap();
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum When {
    AtStart,
    InAJob,
}

struct Panics(When);

impl Workload for Panics {
    fn name(&self) -> &'static str {
        "panics"
    }
    fn prepare(&mut self) {
        if self.0 == When::AtStart {
            panic!("on purpose, at start");
        }
    }
    fn set_mode(&mut self, _: Mode) {}
    fn run(&mut self, job: &mut Job<'_>) -> Ran {
        job.lines.output(Level::High);
        panic!("on purpose, in a job");
    }
}

fn task(when: When) -> (RtTask, Receiver<Told>) {
    let (tell, told) = channel();
    let period_ns = 1_000_000;
    let timing = Timing {
        normal_period_ns: period_ns,
        degraded_period_ns: period_ns,
        deadline_ns: None,
        overrun: OverrunPolicy::SkipNext,
    };
    let scheduler = SchedulerAsked::Other { nice: 0 };
    let asked = Asked { scheduler, cpu: None, lock_memory: false, no_deep_sleep: false };
    (RtTask { timing, asked, lines: Box::new(Watched(tell)), workload: Box::new(Panics(when)) }, told)
}

#[test]
fn a_panic_in_a_job_makes_the_lines_safe() {
    let (task, told) = task(When::InAJob);
    let (mut handle, _records) = rt::spawn(task, Ring::new()).unwrap();
    // Ends when the thread has dropped the lines.
    assert_eq!(told.iter().collect::<Vec<_>>(), [Told::Driven, Told::Safe]);
    let ended = loop {
        match handle.ended() {
            Some(ended) => break ended,
            None => std::thread::yield_now(),
        }
    };
    assert_eq!(ended, Err(Panicked));
}

#[test]
fn a_panic_at_start_makes_the_lines_safe() {
    let (task, told) = task(When::AtStart);
    assert!(rt::spawn(task, Ring::new()).is_err());
    assert_eq!(told.iter().collect::<Vec<_>>(), [Told::Safe]);
}
