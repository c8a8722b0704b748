//! A CPU hog that comes and goes.

use std::hint::black_box;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{Builder, JoinHandle, park};

use crate::sys::{allowed_cpus, bind_to_cpu, schedule_other};

/// Threads that burn all they get of one CPU, under the ordinary scheduler.
#[derive(Debug)]
pub struct Hog {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    on: AtomicBool,
    end: AtomicBool,
}

impl Hog {
    /// Prepares `threads` threads on a CPU; they rest until [`Self::turn_on`].
    ///
    /// # Errors
    /// The system gives no thread.
    pub fn new(cpu: u16, threads: usize) -> io::Result<Self> {
        let mut hog = Self { shared: Arc::new(Shared::default()), threads: Vec::with_capacity(threads) };
        for _ in 0..threads {
            let shared = Arc::clone(&hog.shared);
            hog.threads.push(Builder::new().name("cpu-load".into()).spawn(move || {
                // An ordinary thread even in a program that was started under a real-time scheduler. If it cannot be bound it
                // still loads the machine.
                let _ = schedule_other(0);
                let _ = bind_to_cpu(cpu);
                burn(&shared);
            })?);
        }
        Ok(hog)
    }

    /// Starts to burn.
    pub fn turn_on(&self) {
        self.shared.on.store(true, Ordering::Relaxed);
        self.wake();
    }

    /// Rests.
    pub fn turn_off(&self) {
        self.shared.on.store(false, Ordering::Relaxed);
    }

    fn wake(&self) {
        for thread in &self.threads {
            thread.thread().unpark();
        }
    }
}

impl Drop for Hog {
    fn drop(&mut self) {
        self.shared.end.store(true, Ordering::Relaxed);
        self.wake();
        for thread in self.threads.drain(..) {
            // A hog cannot panic.
            let _ = thread.join();
        }
    }
}

fn burn(shared: &Shared) {
    let mut x = 1u64;
    while !shared.end.load(Ordering::Relaxed) {
        if shared.on.load(Ordering::Relaxed) {
            for _ in 0..10_000 {
                x = black_box(x.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1));
            }
        } else {
            park();
        }
    }
}

/// CPUs for tasks that meet a hog, last ones first: the first CPUs serve interrupts as a rule.
///
/// # Errors
/// What the system says when asked for the CPUs of this process.
pub fn cpus_for_tasks() -> io::Result<Vec<u16>> {
    let mut cpus = allowed_cpus()?;
    cpus.reverse();
    Ok(cpus)
}
