//! Makes a run from the records of a real-time thread, whoever drains its ring.

use analysis::run::{Context, Refusal, Run, Settings, Task};
use shared_proto::units::{Ratio, ns_to_micros};
use shared_proto::wire::{Host, SettingOutcome, Totals};

use super::plan::Plan;
use super::tally::{Counted, Tally};
use crate::host::{HostReader, TaskCounters, TaskReader};
use crate::rt::{Granted, Handle, JobRecord, Unbalanced};
use crate::time::MonoTime;
use crate::window::Closed;

/// Counts the jobs of one thread, and looks at thread and machine when the counting begins and ends.
#[derive(Debug)]
pub struct Collector {
    plan: Plan,
    tally: Tally,
    settings: Settings,
    self_overhead_ns: u32,
    host: HostReader,
    thread: TaskReader,
    /// The thread's counters when the counting began.
    began: Option<(TaskCounters, MonoTime)>,
    ended: Option<Ended>,
}

/// What was seen when the counting ended.
#[derive(Debug)]
struct Ended {
    host: Host,
    /// The thread's counters since the counting began, and the time in nanoseconds.
    thread: Option<(TaskCounters, u64)>,
}

impl Collector {
    /// For a thread that runs the task of this plan. Nothing is counted before [`Self::count_from`].
    #[must_use]
    pub fn new(plan: &Plan, rt: &Handle) -> Self {
        Self {
            plan: plan.clone(),
            tally: Tally::new(plan.window, &plan.timing, plan.outliers, MonoTime::from_nanos(u64::MAX)),
            settings: settings(&rt.granted),
            self_overhead_ns: rt.self_overhead_ns,
            host: HostReader::new(rt.granted.cpu),
            thread: TaskReader::new(rt.thread_id),
            began: None,
            ended: None,
        }
    }

    /// Counts jobs released at `instant` or later: all before is warm-up.
    pub fn count_from(&mut self, instant: MonoTime) {
        self.tally.count_from(instant);
    }

    /// Takes in a record; tells whether it is counted.
    ///
    /// # Errors
    /// [`Unbalanced`] if the loop's counts do not fit the instants of its releases.
    pub fn see(&mut self, record: &JobRecord) -> Result<Counted, Unbalanced> {
        let counted = self.tally.see(record)?;
        if counted == Counted::Yes && self.began.is_none() {
            self.began = self.thread.read().map(|counters| (counters, MonoTime::now()));
            // From here on, so that the load before does not count.
            let _ = self.host.read();
        }
        Ok(counted)
    }

    /// The instant of the first counted release.
    #[must_use]
    pub fn first_release(&self) -> Option<MonoTime> {
        self.tally.first_release()
    }

    /// Closes a window, for whoever decides by it.
    pub(super) fn close_window(&mut self) -> Closed {
        self.tally.close_window()
    }

    /// Looks at thread and machine for the last time: to be called while the thread still runs.
    pub fn look_at_end(&mut self) {
        let thread = self
            .began
            .and_then(|(before, since)| Some((self.thread.read()?.since(&before), MonoTime::now().nanos_since(since))));
        self.ended = Some(Ended { host: self.host.read(), thread });
    }

    /// The run of the named workload, up to the thread's final counts; without scenario and repetition. `None` if no job was
    /// counted.
    #[must_use]
    pub fn finish(self, workload: &str, total: Totals) -> Option<Run> {
        let (host, thread) = self.ended.map_or_else(Default::default, |ended| (ended.host, ended.thread));
        let share = |part: fn(&TaskCounters) -> u64| {
            let (counters, elapsed_ns) = thread.as_ref()?;
            (counters.on_cpu_ns > 0).then(|| Ratio::of(part(counters), *elapsed_ns).get())
        };
        let timing = &self.plan.timing;
        Some(Run {
            task: Task {
                period_us: ns_to_micros(timing.normal_period_ns),
                deadline_us: ns_to_micros(timing.deadline_at(timing.normal_period_ns)),
                workload: workload.to_owned(),
                workload_ratio: self.plan.workload_ratio(workload),
                overrun: timing.overrun,
            },
            cpu: share(|counters| counters.on_cpu_ns),
            cpu_wait: share(|counters| counters.waiting_ns),
            self_overhead_ns: Some(self.self_overhead_ns),
            context: Context {
                steal: host.steal.map(Ratio::get),
                machine_cpu: host.cpu.map(Ratio::get),
                preemptions: thread.map(|(counters, _)| counters.preemptions),
                page_faults: thread.map(|(counters, _)| counters.faults),
                temp_c: host.temp_c,
                throttled: host.throttled,
                freq_mhz: host.freq_mhz,
            },
            settings: self.settings,
            ..self.tally.finish(total)?
        })
    }
}

fn settings(granted: &Granted) -> Settings {
    let mut settings = Settings {
        schedule: Some(granted.schedule),
        priority: granted.priority,
        cpu: granted.cpu,
        locked: granted.locked,
        ..Settings::default()
    };
    for setting in &granted.settings {
        let words = format!("{}={}", setting.name, setting.asked);
        settings.asked.push(words.clone());
        match setting.outcome {
            SettingOutcome::Granted => settings.granted.push(words),
            SettingOutcome::Refused => {
                let advice = granted.advice.iter().find(|(name, _)| *name == setting.name);
                settings.refused.push(Refusal {
                    setting: words,
                    why: setting.why.to_string(),
                    advice: advice.map(|(_, advice)| advice.clone()).unwrap_or_default(),
                });
            }
        }
    }
    settings
}
