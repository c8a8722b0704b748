//! Which process runs on which CPU.

use std::io;
use std::thread;

use device_agent::sys::{allowed_cpus, bind_to_cpu};

/// The places. The agent's supervisor has none: it runs wherever the kernel puts it, as in the field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cpus {
    pub(super) task: u16,
    /// `None` on a machine of one CPU.
    pub(super) broker: Option<u16>,
    /// `None` on a machine of one CPU.
    pub(super) flood: Option<u16>,
}

impl Cpus {
    /// The task on the given CPU, or else on the last one that this process may use.
    ///
    /// # Errors
    /// The system does not tell the CPUs.
    pub(super) fn of_machine(task: Option<u16>) -> io::Result<Self> {
        let allowed = allowed_cpus()?;
        let last = allowed.last().copied().ok_or_else(|| io::Error::other("there is no CPU for this process"))?;
        Ok(Self::among(&allowed, task.unwrap_or(last)))
    }

    fn among(allowed: &[u16], task: u16) -> Self {
        let mut others = allowed.iter().copied().filter(|&cpu| cpu != task);
        let broker = others.next();
        Self { task, broker, flood: others.next().or(broker) }
    }
}

/// Does something on a CPU; processes that it starts stay there.
///
/// # Errors
/// The kernel refuses the CPU.
pub(super) fn on<T: Send>(cpu: Option<u16>, work: impl FnOnce() -> T + Send) -> io::Result<T> {
    // A thread of its own: this one goes on wherever the kernel puts it.
    thread::scope(|scope| {
        let thread = scope.spawn(|| {
            cpu.map_or(Ok(()), bind_to_cpu)?;
            Ok(work())
        });
        thread.join().unwrap_or_else(|_| Err(io::Error::other("a thread panicked")))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_shares_the_task_s_cpu_unless_it_is_the_only_one() {
        let places = |allowed: &[u16], task| {
            let Cpus { broker, flood, .. } = Cpus::among(allowed, task);
            (broker, flood)
        };
        assert_eq!(places(&[0], 0), (None, None));
        assert_eq!(places(&[0, 1], 1), (Some(0), Some(0)));
        assert_eq!(places(&[0, 1, 2, 3], 3), (Some(0), Some(1)));
        assert_eq!(places(&[0, 1, 2, 3], 0), (Some(1), Some(2)));
    }

    #[test]
    fn what_is_done_on_a_cpu_binds_nobody_else() {
        let before = allowed_cpus().unwrap();
        let cpu = before[0];
        let there = on(Some(cpu), allowed_cpus).unwrap().unwrap();
        assert_eq!((there, allowed_cpus().unwrap()), (vec![cpu], before));
        assert!(on(Some(u16::MAX), || ()).is_err());
    }
}
