//! Start and end of the real-time thread.

use std::io;
use std::sync::Arc;
use std::sync::mpsc;
use std::thread::{Builder, JoinHandle};

use heapless::spsc::{Consumer, Producer, Queue};
use shared_proto::wire::Totals;

use super::overhead;
use super::periodic::{Periodic, Timing};
use super::record::JobRecord;
use super::settings::{self, Asked, Granted};
use super::sys;
use super::time::SystemClock;
use super::word::ModeWord;
use crate::gpio::{Level, Lines};
use crate::workload::Workload;

/// Records that fit the ring: 20 s of jobs at 20 ms, 1 s at 1 ms.
const RING: usize = 1024;
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

/// The running thread.
pub struct Handle {
    /// What was asked and what was granted.
    pub granted: Granted,
    /// Cost of a job beyond its workload in nanoseconds, measured at start.
    pub self_overhead_ns: u32,
    /// Thread id, for its files under `/proc`.
    pub thread_id: i32,
    word: Arc<ModeWord>,
    thread: Thread,
}

enum Thread {
    Running(JoinHandle<Totals>),
    Ended(Result<Totals, Panicked>),
}

/// The real-time thread ended by a panic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the real-time thread panicked; GPIO lines are at their safe levels")]
pub struct Panicked;

impl Handle {
    /// The word through which modes are ordered.
    #[must_use]
    pub fn word(&self) -> &ModeWord {
        &self.word
    }

    /// How the thread ended: its final counts; `None` while it runs. Never waits.
    pub fn ended(&mut self) -> Option<Result<Totals, Panicked>> {
        if let Thread::Running(thread) = &self.thread {
            if !thread.is_finished() {
                return None;
            }
            let ended = Thread::Ended(Err(Panicked));
            if let Thread::Running(thread) = std::mem::replace(&mut self.thread, ended) {
                self.thread = Thread::Ended(thread.join().map_err(|_| Panicked));
            }
        }
        match self.thread {
            Thread::Running(_) => None,
            Thread::Ended(outcome) => Some(outcome),
        }
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

/// Starts the thread; returns when its settings are tried and its workload is prepared.
///
/// # Errors
/// [`StartError`] if the system gives no thread or the preparation fails.
pub fn spawn(task: RtTask) -> Result<(Handle, Records), StartError> {
    let word = Arc::new(ModeWord::default());
    // Never freed: both ends live as long as the process, and a freed ring under a running thread would be fatal.
    let ring: &'static mut Queue<JobRecord, RING> = Box::leak(Box::default());
    touch(ring);
    let (producer, consumer) = ring.split();
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
    Ok((Handle { granted, self_overhead_ns, thread_id, word, thread }, Records(consumer)))
}

struct Ready {
    granted: Granted,
    self_overhead_ns: u32,
    thread_id: i32,
}

/// Writes to every slot of the ring once, so that the first lap faults on none of its pages.
fn touch(ring: &mut Queue<JobRecord, RING>) {
    for _ in 0..RING {
        // There is room: each record is taken out at once.
        let _ = ring.enqueue(JobRecord::default());
        let _ = ring.dequeue();
    }
}

fn run(
    timing: Timing,
    asked: &Asked,
    mut lines: SafeAtEnd,
    mut workload: Box<dyn Workload + Send>,
    word: &ModeWord,
    mut ring: Producer<'static, JobRecord>,
    ready: &mpsc::SyncSender<Ready>,
) -> Totals {
    let place = settings::take_place(asked);
    // While the thread is still an ordinary one: the calibration alone takes the better part of 100 ms.
    workload.prepare();
    let self_overhead_ns = overhead::self_overhead_ns();
    let granted = place.schedule(asked.scheduler);
    let told = Ready { granted, self_overhead_ns, thread_id: sys::thread_id() };
    if ready.send(told).is_err() {
        return Totals::default();
    }
    Periodic::new(SystemClock, timing).run(word, &mut lines, workload.as_mut(), |record| {
        // A full ring loses the record's times; its counts come with the next one.
        let _ = ring.enqueue(record);
    })
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
