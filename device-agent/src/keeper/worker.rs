//! The thread that writes one place. Nobody waits for it but whoever ends.

use std::io;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use tokio::sync::mpsc::UnboundedSender;

use crate::store::Files;
use crate::store::Recovered;
use crate::store::{Batch, Cost, Journal, Safety};

/// Jobs that may wait for the thread. If there is room for no more, the place is told all anew later.
const ROOM: usize = 64;
/// Enough to write a batch; an agent that locks its memory pays for all of it.
const STACK_BYTES: usize = 128 * 1024;

/// Something to do; each is answered by one [`Answer`].
#[derive(Debug)]
pub(super) enum Job {
    /// Open the directory and read what is there.
    Open,
    /// Write.
    Write(Batch),
}

/// What came of a job.
#[derive(Debug)]
pub(super) enum Answer {
    Opened(Recovered),
    Written(Cost),
    Failed(String),
}

/// Where jobs are handed in.
pub(super) fn desk() -> (SyncSender<Job>, Receiver<Job>) {
    sync_channel(ROOM)
}

/// Starts the thread. `open` opens the directory, again after each failure. Answers go to `answers`, with the `name` of the place.
pub(super) fn start<F: Files + 'static, N: Copy + Send + 'static>(
    thread: &str,
    name: N,
    max_bytes: u64,
    safety: Safety,
    open: impl FnMut() -> io::Result<F> + Send + 'static,
    answers: UnboundedSender<(N, Answer)>,
) -> io::Result<SyncSender<Job>> {
    let (give, jobs) = desk();
    let mut worker = Worker::new(open, max_bytes, safety);
    std::thread::Builder::new().name(thread.to_owned()).stack_size(STACK_BYTES).spawn(move || {
        while let Ok(job) = jobs.recv() {
            // Fails when nobody listens any more.
            if answers.send((name, worker.answer(job))).is_err() {
                return;
            }
        }
    })?;
    Ok(give)
}

/// Does the jobs, one after another.
#[derive(Debug)]
pub(super) struct Worker<F, O> {
    open: O,
    journal: Option<Journal<F>>,
    max_bytes: u64,
    safety: Safety,
}

impl<F: Files, O: FnMut() -> io::Result<F>> Worker<F, O> {
    pub(super) fn new(open: O, max_bytes: u64, safety: Safety) -> Self {
        Self { open, journal: None, max_bytes, safety }
    }

    pub(super) fn answer(&mut self, job: Job) -> Answer {
        match job {
            Job::Open => self.open(),
            Job::Write(batch) => self.write(&batch),
        }
    }

    fn open(&mut self) -> Answer {
        let opened = (self.open)().and_then(|files| Journal::open(files, self.max_bytes, self.safety));
        match opened {
            Ok((journal, recovered)) => {
                self.journal = Some(journal);
                Answer::Opened(recovered)
            }
            Err(error) => Answer::Failed(error.to_string()),
        }
    }

    fn write(&mut self, batch: &Batch) -> Answer {
        let Some(journal) = &mut self.journal else { return Answer::Failed("it is not open".to_owned()) };
        match journal.write(batch) {
            Ok(cost) => Answer::Written(cost),
            Err(error) => {
                // Nothing is known of it any more; the disk itself may be another one when it works again.
                self.journal = None;
                Answer::Failed(error.to_string())
            }
        }
    }
}
