//! A store whose work is done when its owner says so, on files in memory: for simulations, which have neither threads nor disks.

use std::fmt;
use std::io;
use std::sync::mpsc::Receiver;

use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

use super::Keeper;
use super::place::Role;
use super::plan::FlushConfig;
use super::worker::{Answer, Job, Worker, desk};
use crate::store::MemoryFiles;
use crate::store::Safety;
use crate::time::MonoTime;

type Open = Box<dyn FnMut() -> io::Result<MemoryFiles> + Send>;

/// A place, with somebody who works only when told to. To open it is the first job.
pub struct Bench {
    role: Role,
    worker: Worker<MemoryFiles, Open>,
    jobs: Receiver<Job>,
    answers: UnboundedSender<(Role, Answer)>,
}

impl fmt::Debug for Bench {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bench").field("role", &self.role).finish_non_exhaustive()
    }
}

impl Bench {
    /// Which place it is.
    #[must_use]
    pub fn role(&self) -> Role {
        self.role
    }

    /// Does the next jobs, at most so many. [`Keeper::step`] takes in their answers.
    pub fn work(&mut self, most: usize) {
        for job in self.jobs.try_iter().take(most) {
            let answer = self.worker.answer(job);
            // Nobody listens any more when the keeper is gone.
            let _ = self.answers.send((self.role, answer));
        }
    }
}

impl Keeper {
    /// A store on these files, each at most `max_bytes`, with the benches of the places that there are.
    #[must_use]
    pub fn by_hand(
        volatile: Option<&MemoryFiles>,
        durable: Option<&MemoryFiles>,
        max_bytes: u64,
        flush: FlushConfig,
        now: MonoTime,
    ) -> (Self, Vec<Bench>) {
        let (tell, answers) = unbounded_channel();
        let bench = |role, files: &MemoryFiles, safety| {
            let (give, jobs) = desk();
            let files = files.clone();
            let open: Open = Box::new(move || Ok(files.clone()));
            let worker = Worker::new(open, max_bytes, safety);
            (("memory".to_owned(), give), Bench { role, worker, jobs, answers: tell.clone() })
        };
        let (volatile, first) = volatile.map(|files| bench(Role::Volatile, files, Safety::Process)).unzip();
        let (durable, second) = durable.map(|files| bench(Role::Durable, files, Safety::PowerCut)).unzip();
        let keeper = Self::of_desks(volatile, durable, (tell.clone(), answers), flush, now);
        (keeper, first.into_iter().chain(second).collect())
    }
}
