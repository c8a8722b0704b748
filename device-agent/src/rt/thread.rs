//! Start and end of the real-time thread.

use std::io;
use std::sync::Arc;
use std::sync::mpsc;
use std::thread::{Builder, JoinHandle};

use heapless::spsc::{Consumer, Producer, Queue};
use shared_proto::wire::Totals;

use super::clock::SystemClock;
use super::job::Workload;
use super::overhead;
use super::periodic::{Periodic, Timing};
use super::record::JobRecord;
use super::settings::{self, Asked, Granted};
use super::word::ModeWord;
use crate::gpio::{Level, Lines};
use crate::sys;

/// Records that fit the ring: 80 s of jobs at 20 ms, 4 s at 1 ms.
const RING: usize = 4096;
const STACK_BYTES: usize = 512 * 1024;

/// Everything the thread needs.
pub struct RtTask {
    /// Periods and deadline.
    pub timing: Timing,
    /// Real-time settings to try.
    pub asked: Asked,
    /// GPIO lines; put to their safe levels when the thread ends, however it ends.
    pub lines: Box<dyn Lines + Send>,
    /// What each job does.
    pub workload: Box<dyn Workload + Send>,
}

/// The thread could not be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The system gave no thread.
    #[error("cannot start the real-time thread: {0}")]
    Spawn(#[from] io::Error),
    /// It ended before its first job.
    #[error("the real-time thread failed while preparing")]
    Prepare,
}

/// The running thread; told to stop when this is dropped.
pub struct Handle {
    /// What was asked and what was granted.
    pub granted: Granted,
    /// Cost of a job beyond its workload in nanoseconds, measured at start.
    pub self_overhead_ns: u32,
    /// Thread id, for its files under `/proc`.
    pub thread_id: i32,
    word: StopAtEnd,
    thread: Thread,
    /// The writing end of the ring, back from a thread that has ended.
    producer: Option<Producer<'static, JobRecord>>,
}

/// The thread must not go on when nobody holds its handle any more.
struct StopAtEnd(Arc<ModeWord>);

impl Drop for StopAtEnd {
    fn drop(&mut self) {
        self.0.stop();
    }
}

enum Thread {
    Running(JoinHandle<Finished>),
    Ended(Result<Totals, Panicked>),
}

struct Finished {
    total: Totals,
    producer: Producer<'static, JobRecord>,
}

/// The real-time thread ended by a panic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the real-time thread panicked; GPIO lines are at their safe levels")]
pub struct Panicked;

impl Handle {
    /// The word through which modes are ordered.
    #[must_use]
    pub fn word(&self) -> &ModeWord {
        &self.word.0
    }

    /// How the thread ended: its final counts; `None` while it runs. Never waits.
    pub fn ended(&mut self) -> Option<Result<Totals, Panicked>> {
        if let Thread::Running(thread) = &self.thread {
            if !thread.is_finished() {
                return None;
            }
            let ended = Thread::Ended(Err(Panicked));
            if let Thread::Running(thread) = std::mem::replace(&mut self.thread, ended) {
                let finished = thread.join().map_err(|_| Panicked);
                self.thread = Thread::Ended(finished.map(|Finished { total, producer }| {
                    self.producer = Some(producer);
                    total
                }));
            }
        }
        match self.thread {
            Thread::Running(_) => None,
            Thread::Ended(outcome) => Some(outcome),
        }
    }

    /// The ring of a thread that has ended, emptied, for the next one; `None` if it runs or panicked.
    #[must_use]
    pub fn into_ring(mut self, mut records: Records) -> Option<Ring> {
        self.ended()?.ok()?;
        while records.take().is_some() {}
        Some(Ring { producer: self.producer?, consumer: records.0 })
    }
}

/// The reading end of the ring.
pub struct Records(Consumer<'static, JobRecord>);

impl Records {
    /// The oldest record not yet read.
    pub fn take(&mut self) -> Option<JobRecord> {
        self.0.dequeue()
    }
}

/// The way of the records out of the thread. Its memory is never freed, so programs that start many threads, one after the
/// other, use one ring for all of them: see [`Handle::into_ring`].
pub struct Ring {
    producer: Producer<'static, JobRecord>,
    consumer: Consumer<'static, JobRecord>,
}

impl Ring {
    /// An empty ring, touched, so that the first lap faults on none of its pages.
    #[must_use]
    pub fn new() -> Self {
        // Never freed: a freed ring under a running thread would be fatal.
        let queue: &'static mut Queue<JobRecord, RING> = Box::leak(Box::default());
        for _ in 0..RING {
            // There is room: each record is taken out at once.
            let _ = queue.enqueue(JobRecord::default());
            let _ = queue.dequeue();
        }
        let (producer, consumer) = queue.split();
        Self { producer, consumer }
    }
}

impl Default for Ring {
    fn default() -> Self {
        Self::new()
    }
}

/// Starts the thread; returns when its settings are tried and its workload is prepared.
///
/// # Errors
/// [`StartError`] if the system gives no thread or the preparation fails.
pub fn spawn(task: RtTask, ring: Ring) -> Result<(Handle, Records), StartError> {
    let word = Arc::new(ModeWord::default());
    let Ring { producer, consumer } = ring;
    let (ready, started) = mpsc::sync_channel(1);
    let RtTask { timing, asked, lines, workload } = task;
    // From here on the lines get safe levels whatever happens, also if the system gives no thread.
    let lines = SafeAtEnd(lines);
    let thread = Builder::new().name("rt-task".into()).stack_size(STACK_BYTES).spawn({
        let word = Arc::clone(&word);
        move || run(timing, &asked, lines, workload, &word, producer, &ready)
    })?;
    let Ready { granted, self_overhead_ns, thread_id } = started.recv().map_err(|_| StartError::Prepare)?;
    let thread = Thread::Running(thread);
    Ok((
        Handle { granted, self_overhead_ns, thread_id, word: StopAtEnd(word), thread, producer: None },
        Records(consumer),
    ))
}

struct Ready {
    granted: Granted,
    self_overhead_ns: u32,
    thread_id: i32,
}

fn run(
    timing: Timing,
    asked: &Asked,
    mut lines: SafeAtEnd,
    mut workload: Box<dyn Workload + Send>,
    word: &ModeWord,
    mut ring: Producer<'static, JobRecord>,
    ready: &mpsc::SyncSender<Ready>,
) -> Finished {
    // First of all, while the thread is an ordinary one on any CPU: what it starts here inherits neither scheduler nor CPU,
    // and a calibration alone takes the better part of 100 ms.
    workload.prepare();
    let place = settings::take_place(asked);
    let self_overhead_ns = overhead::self_overhead_ns();
    let granted = place.schedule(asked.scheduler);
    let told = Ready { granted, self_overhead_ns, thread_id: sys::thread_id() };
    let total = if ready.send(told).is_ok() {
        Periodic::new(SystemClock, timing).run(word, &mut lines, workload.as_mut(), |record| {
            // A full ring loses the record's times; its counts come with the next one.
            let _ = ring.enqueue(record);
        })
    } else {
        Totals::default()
    };
    Finished { total, producer: ring }
}

/// Puts the lines to their safe levels when the thread ends, by a stop or by a panic.
struct SafeAtEnd(Box<dyn Lines + Send>);

impl Drop for SafeAtEnd {
    fn drop(&mut self) {
        self.0.make_safe();
    }
}

impl Lines for SafeAtEnd {
    fn set_mode(&mut self, mode: shared_proto::mode::Mode) {
        self.0.set_mode(mode);
    }

    fn heartbeat(&mut self) {
        self.0.heartbeat();
    }

    fn input(&mut self) -> Level {
        self.0.input()
    }

    fn output(&mut self, level: Level) {
        self.0.output(level);
    }

    fn make_safe(&mut self) {
        self.0.make_safe();
    }
}
