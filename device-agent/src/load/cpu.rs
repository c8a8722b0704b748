//! A CPU hog that comes and goes.

use std::hint::black_box;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{JoinHandle, park, spawn};

use crate::rt::sys::{allowed_cpus, bind_to_cpu};

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
    #[must_use]
    pub fn new(cpu: u16, threads: usize) -> Self {
        let shared = Arc::new(Shared::default());
        let hog = |_| {
            let shared = Arc::clone(&shared);
            spawn(move || {
                // If it cannot be bound it still loads the machine; which CPUs there are was asked before.
                let _ = bind_to_cpu(cpu);
                burn(&shared);
            })
        };
        Self { threads: (0..threads).map(hog).collect(), shared }
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
