//! The real-time thread keeps its scheduler and its CPU to itself: what is started from inside it is an ordinary thread, and
//! nothing else in the process is anything else. Read from `/proc`, where the kernel tells.

#![expect(clippy::unwrap_used, reason = "helpers of tests: a failure is the test's failure")]

use std::fs;
use std::io::{self, Write};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::{Builder, JoinHandle, park, sleep, yield_now};
use std::time::Duration;

use device_agent::gpio::NoLines;
use device_agent::rt::{self, Asked, Handle, Records, Ring, RtTask, SchedulerAsked, Timing};
use device_agent::sys::{allowed_cpus, thread_id};
use device_agent::workload::{Job, Ran, Workload};
use shared_proto::mode::Mode;
use shared_proto::wire::{OverrunPolicy, Schedule};

/// Numbers of policies, see sched(7).
const SCHED_OTHER: u32 = 0;
const SCHED_FIFO: u32 = 1;

/// Names of the real-time thread and of what is started from inside it.
const RT_TASK: &str = "rt-task";
const STARTED: &str = "started";

/// The tests look at all threads of the process, so each has the process to itself.
static ALONE: Mutex<()> = Mutex::new(());

fn alone() -> MutexGuard<'static, ()> {
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A thread as the kernel sees it.
#[derive(Debug)]
struct Thread {
    id: i32,
    name: String,
    policy: u32,
    priority: u32,
    cpus: String,
}

impl Thread {
    /// `None` if it has ended.
    fn read(id: i32) -> Option<Self> {
        let stat = fs::read_to_string(format!("/proc/self/task/{id}/stat")).ok()?;
        let status = fs::read_to_string(format!("/proc/self/task/{id}/status")).ok()?;
        // Fields count from 1, and the third one follows the name in brackets, see proc_pid_stat(5).
        let (head, tail) = stat.rsplit_once(") ").unwrap();
        let field = |number: usize| tail.split_whitespace().nth(number - 3).unwrap().parse().unwrap();
        let cpus = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:")).unwrap();
        Some(Self {
            id,
            name: head.split_once('(').unwrap().1.to_owned(),
            priority: field(40),
            policy: field(41),
            cpus: cpus.trim().to_owned(),
        })
    }

    fn all() -> Vec<Self> {
        let ids = fs::read_dir("/proc/self/task").unwrap();
        ids.filter_map(|id| Self::read(id.unwrap().file_name().to_str().unwrap().parse().unwrap())).collect()
    }
}

/// Where a workload starts a thread.
#[derive(Clone, Copy, PartialEq, Eq)]
enum From {
    Prepare,
    Job,
}

/// Starts one thread, tells its id, and lets it rest until the end of the task.
struct Starter {
    from: From,
    told: Sender<i32>,
    started: Option<JoinHandle<()>>,
}

impl Starter {
    fn start(&mut self) {
        let told = self.told.clone();
        let started = Builder::new().name(STARTED.into()).spawn(move || {
            told.send(thread_id()).unwrap();
            park();
        });
        self.started = Some(started.unwrap());
    }
}

impl Drop for Starter {
    fn drop(&mut self) {
        if let Some(started) = self.started.take() {
            started.thread().unpark();
            let _ = started.join();
        }
    }
}

impl Workload for Starter {
    fn name(&self) -> &'static str {
        "starter"
    }

    fn prepare(&mut self) {
        if self.from == From::Prepare {
            self.start();
        }
    }

    fn set_mode(&mut self, _: Mode) {}

    fn run(&mut self, _: &mut Job<'_>) -> Ran {
        if self.from == From::Job && self.started.is_none() {
            self.start();
        }
        Ran::Whole
    }
}

struct Task {
    handle: Handle,
    _records: Records,
    started: Receiver<i32>,
}

impl Task {
    /// SCHED_FIFO on the last CPU, whatever of it is granted.
    fn start(from: From) -> Self {
        let (told, started) = channel();
        let timing = Timing {
            normal_period_ns: 1_000_000,
            degraded_period_ns: 1_000_000,
            deadline_ns: None,
            overrun: OverrunPolicy::SkipNext,
        };
        let asked = Asked {
            scheduler: SchedulerAsked::Fifo(80),
            cpu: allowed_cpus().unwrap().last().copied(),
            lock_memory: true,
            no_deep_sleep: false,
        };
        let workload = Box::new(Starter { from, told, started: None });
        let task = RtTask { timing, asked, lines: Box::new(NoLines), workload };
        let (handle, records) = rt::spawn(task, Ring::new()).unwrap();
        if handle.granted.schedule != Schedule::Fifo {
            // Not by eprintln!, which the test harness would hide.
            let _ = writeln!(io::stderr(), "SCHED_FIFO is refused here: the task's own scheduler is not checked");
        }
        Self { handle, _records: records, started }
    }

    /// The real-time thread: as it must be for the rest to mean anything.
    fn check_itself(&self) {
        let thread = Thread::read(self.handle.thread_id).unwrap();
        assert_eq!(thread.name, RT_TASK);
        if self.handle.granted.schedule == Schedule::Fifo {
            assert_eq!((thread.policy, thread.priority), (SCHED_FIFO, 80), "{thread:?}");
        }
        assert_eq!(thread.cpus, self.handle.granted.cpu.unwrap().to_string(), "{thread:?}");
    }

    fn stop(mut self) {
        self.handle.word().stop();
        while self.handle.ended().is_none() {
            sleep(Duration::from_millis(1));
        }
        assert!(self.handle.ended().unwrap().is_ok());
        // A thread that was joined is still listed for a moment; the next test must not find it.
        while Thread::all().iter().any(|thread| [RT_TASK, STARTED].contains(&thread.name.as_str())) {
            yield_now();
        }
    }
}

/// CPUs of this test's own thread, which nobody has bound.
fn all_cpus() -> String {
    Thread::read(thread_id()).unwrap().cpus
}

#[test]
fn a_thread_started_while_preparing_is_ordinary_and_may_use_every_cpu() {
    let _alone = alone();
    let task = Task::start(From::Prepare);
    let started = Thread::read(task.started.recv().unwrap()).unwrap();
    assert_eq!((started.policy, started.priority), (SCHED_OTHER, 0), "{started:?}");
    assert_eq!(started.cpus, all_cpus(), "{started:?}");
    task.check_itself();
    task.stop();
}

#[test]
fn a_thread_started_inside_a_job_has_the_ordinary_scheduler() {
    let _alone = alone();
    let task = Task::start(From::Job);
    task.check_itself();
    let started = Thread::read(task.started.recv().unwrap()).unwrap();
    assert_eq!((started.policy, started.priority), (SCHED_OTHER, 0), "{started:?}");
    task.stop();
}

#[test]
fn every_other_thread_of_the_process_is_ordinary_and_may_use_every_cpu() {
    let _alone = alone();
    let task = Task::start(From::Prepare);
    let started = task.started.recv().unwrap();
    task.check_itself();
    let threads = Thread::all();
    assert!(threads.iter().any(|thread| thread.id == started), "{threads:?}");
    let cpus = all_cpus();
    for thread in threads.iter().filter(|thread| thread.id != task.handle.thread_id) {
        assert_eq!((thread.policy, thread.priority), (SCHED_OTHER, 0), "{thread:?}");
        assert_eq!(thread.cpus, cpus, "{thread:?}");
    }
    task.stop();
}
