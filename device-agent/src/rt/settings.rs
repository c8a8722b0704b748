//! Real-time settings: each one is tried, and granted or refused in so many words.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};

use shared_proto::text::{Name, Text};
use shared_proto::wire::{Schedule, Setting, SettingOutcome, Settings};

use super::advice;
use crate::sys::{self, LockedMemory};

/// Timer slack where the scheduler is not a real-time one: the least that the kernel takes.
const TIMER_SLACK_NS: u32 = 1;

/// Settings that the configuration asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asked {
    /// Scheduling of the thread.
    pub scheduler: SchedulerAsked,
    /// CPU to bind it to.
    pub cpu: Option<u16>,
    /// Whether to lock memory.
    pub lock_memory: bool,
    /// Whether to keep the CPU out of deep sleep states.
    pub no_deep_sleep: bool,
}

/// Scheduling to ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SchedulerAsked {
    /// The ordinary scheduler with a niceness of -20 to 19.
    Other {
        /// Niceness; below 0 is a greater share of the CPU.
        nice: i8,
    },
    /// `SCHED_FIFO` at this priority.
    Fifo(u8),
    /// `SCHED_DEADLINE`.
    Deadline {
        /// CPU time in each period, in nanoseconds.
        runtime_ns: u64,
        /// Relative deadline in nanoseconds.
        deadline_ns: u64,
        /// Period in nanoseconds.
        period_ns: u64,
    },
}

/// What was granted. Dropping it lets the CPU sleep deeply again.
#[derive(Debug)]
pub struct Granted {
    /// Every setting asked, with its outcome.
    pub settings: Settings,
    /// For each refused setting, by name, what would get it granted.
    pub advice: Vec<(Name, String)>,
    /// Scheduling that the thread really has.
    pub schedule: Schedule,
    /// Its priority; 0 without a real-time scheduler.
    pub priority: u8,
    /// CPU that it is bound to.
    pub cpu: Option<u16>,
    /// Whether memory is locked.
    pub locked: bool,
    /// Open for as long as the CPU shall stay awake.
    _awake: Option<File>,
}

/// The thread's place, before it gets its scheduler.
pub(super) struct Place {
    settings: Settings,
    advice: Vec<(Name, String)>,
    cpu: Option<u16>,
    locked: bool,
    awake: Option<File>,
}

/// Tries everything but the scheduler, on the calling thread.
pub(super) fn take_place(asked: &Asked) -> Place {
    let mut place = Place { settings: Settings::new(), advice: Vec::new(), cpu: None, locked: false, awake: None };
    if let Some(wanted) = asked.cpu {
        let result = sys::bind_to_cpu(wanted);
        place.cpu = place.note("cpu", Text::of(wanted), &result, advice::cpu).then_some(wanted);
    }
    if asked.lock_memory {
        let how = LockedMemory::of_process();
        let words = match how {
            LockedMemory::Unlimited => "mlockall",
            LockedMemory::Limited => "mlockall, present memory",
        };
        place.locked = place.note("lock_memory", words.into(), &sys::lock_memory(how), advice::lock_memory);
    }
    sys::prefault_stack();
    if asked.no_deep_sleep {
        let result = keep_awake().map(|file| place.awake = Some(file));
        place.note("no_deep_sleep", "/dev/cpu_dma_latency 0".into(), &result, advice::no_deep_sleep);
    }
    place
}

impl Place {
    /// Tries the scheduler, last of all: what comes before may take its time.
    pub(super) fn schedule(mut self, asked: SchedulerAsked) -> Granted {
        match asked {
            // Also where nothing special is asked: the program may have been started under another scheduler.
            SchedulerAsked::Other { nice } => {
                let result = sys::schedule_other(nice);
                if nice != 0 || result.is_err() {
                    self.note("nice", Text::of(nice), &result, |_| advice::nice(nice));
                }
            }
            SchedulerAsked::Fifo(priority) => {
                let result = sys::schedule_fifo(priority);
                let words = Text::of(format_args!("fifo {priority}"));
                self.note("scheduler", words, &result, |error| advice::fifo(priority, error));
            }
            SchedulerAsked::Deadline { runtime_ns, deadline_ns, period_ns } => {
                let result = sys::schedule_deadline(runtime_ns, deadline_ns, period_ns);
                let words = format_args!("deadline {}/{} us", runtime_ns / 1000, period_ns / 1000);
                let cpu = self.cpu;
                self.note("scheduler", Text::of(words), &result, |error| advice::deadline(cpu, error));
            }
        }
        let (schedule, priority) = sys::current_schedule().unwrap_or((Schedule::Other, 0));
        if schedule == Schedule::Other {
            let result = sys::set_timer_slack_ns(TIMER_SLACK_NS);
            self.note("timer_slack", Text::of(format_args!("{TIMER_SLACK_NS} ns")), &result, advice::timer_slack);
        }
        let Self { settings, advice, cpu, locked, awake } = self;
        Granted { settings, advice, schedule, priority, cpu, locked, _awake: awake }
    }

    /// Notes what came of a setting, with advice if it was refused; whether it was granted.
    fn note(
        &mut self,
        name: &str,
        asked: Name,
        result: &io::Result<()>,
        advice: impl FnOnce(&io::Error) -> String,
    ) -> bool {
        let (outcome, why) = match result {
            Ok(()) => (SettingOutcome::Granted, Text::default()),
            Err(error) => {
                self.advice.push((name.into(), advice(error)));
                (SettingOutcome::Refused, Text::of(error))
            }
        };
        // There are fewer settings than the list holds.
        let _ = self.settings.push(Setting { name: name.into(), asked, outcome, why });
        result.is_ok()
    }
}

/// Asks for no wake-up delay from sleep states, for as long as the file stays open
/// (<https://docs.kernel.org/power/pm_qos_interface.html>).
fn keep_awake() -> io::Result<File> {
    let mut file = OpenOptions::new().write(true).open("/dev/cpu_dma_latency")?;
    file.write_all(&0i32.to_ne_bytes())?;
    Ok(file)
}
