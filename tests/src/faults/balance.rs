//! What the device counted, against what was received.

use gateway_controller::fleet::DeviceView;
use serde::Serialize;
use shared_proto::wire::Totals;

use crate::site::{DeviceLedger, LastWords, Run, Window, plus};

/// Windows that a killed agent may not have kept in memory that outlives it: the one that was open, and the one being written.
pub(crate) const OPEN_WINDOWS: u64 = 2;

/// What a fault may cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Losses {
    /// Nothing.
    None,
    /// Nothing at the controller, which asks for what it has not heard. The recorder does not ask: what the broker had
    /// acknowledged and not passed on, it lacks.
    NoneAtTheController,
    /// Whatever was spoilt on the way: MQTT has no checksum of its own. Nothing of what the device counted after so many jobs, which
    /// arrives after so many messages: the controller asks for windows from before, and what is spoilt may claim anything.
    Spoilt { until_job: u64, until_message: u64 },
}

/// Since when the running controller listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ControllerKnows {
    /// Since before the agent was started.
    Everything,
    /// Since some report: the ones before were for a controller that was killed.
    SinceItsStart,
}

/// A run of the agent that was killed.
#[derive(Debug, Clone)]
pub(crate) struct Killed {
    pub(crate) boot: String,
    /// What it had counted just before, at least.
    pub(crate) total: Totals,
    /// So many windows may be missing at its end.
    pub(crate) windows_at_risk: u64,
}

/// What device and controller say of themselves.
#[derive(Debug, Clone, Default)]
pub(crate) struct Seen {
    pub(crate) boot: String,
    pub(crate) last_words: LastWords,
    pub(crate) killed: Vec<Killed>,
    pub(crate) view: Option<DeviceView>,
}

/// Counts of both sides, and what does not fit.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Balance {
    /// What the device counted; of runs that were killed, what is known of them.
    pub device: Totals,
    /// What the recorder received, each window once.
    pub received: Totals,
    /// What the controller received, by its own arithmetic.
    pub controller: Totals,
    /// Releases that the controller knows to be missing.
    pub controller_missing_jobs: u64,
    /// Reports that came again, by the controller's arithmetic.
    pub controller_duplicates: u64,
    /// Releases that nobody received.
    pub lost_jobs: u64,
    /// Releases that the recorder did not hear of and the controller did, because it asked.
    pub unheard_by_recorder: u64,
    /// Releases lost with one killed run, at most.
    pub worst_tail: u64,
    /// What does not fit.
    #[serde(skip)]
    pub problems: Vec<String>,
}

pub(crate) fn judge(seen: &Seen, books: &DeviceLedger, losses: &Losses, knows: ControllerKnows) -> Balance {
    let mut problems = Vec::new();
    let nothing = Run::default();
    let run = books.run_named(&seen.boot).unwrap_or(&nothing);
    let total = seen.last_words.total;
    last_run(run, &total, losses, &mut problems);
    let (mut device, mut worst_tail) = (total, 0);
    // Over all runs: of one that was killed soon there may be none to go by.
    let windows = books.runs.iter().flat_map(|(_, run)| run.windows.values());
    let jobs_of_a_window = windows.map(|window| window.own.jobs / u64::from(window.merged)).max().unwrap_or(1);
    for killed in &seen.killed {
        let run = books.run_named(&killed.boot).unwrap_or(&nothing);
        let counted = killed_run(run, killed, jobs_of_a_window, &mut problems);
        worst_tail = worst_tail.max(counted.jobs.saturating_sub(end_of(run).jobs));
        device = plus(&device, &counted);
    }
    let received = match losses {
        // Numbers of runs that never were may have come out of the noise.
        Losses::Spoilt { .. } => run.received(),
        Losses::None | Losses::NoneAtTheController => books.received(),
    };
    let lost_jobs = device.jobs.saturating_sub(received.jobs);
    let mut balance = Balance { device, received, lost_jobs, worst_tail, ..Balance::default() };
    if let Some(view) = &seen.view {
        balance.controller = Totals { jobs: view.jobs, misses: view.misses, skipped: view.skipped };
        balance.controller_missing_jobs = view.missing_jobs;
        balance.controller_duplicates = view.duplicates;
        if *losses == Losses::NoneAtTheController {
            balance.lost_jobs = device.jobs.saturating_sub(view.jobs);
            balance.unheard_by_recorder = lost_jobs;
        }
        controller(&balance, run, &total, losses, knows, &mut problems);
    }
    balance.problems = problems;
    balance
}

/// The run that ended in good order.
fn last_run(run: &Run, total: &Totals, losses: &Losses, problems: &mut Vec<String>) {
    if let Losses::Spoilt { until_job, until_message } = *losses {
        let clean = |window: &&Window| window.arrived > until_message && window.total.jobs > until_job;
        let (mut sum, mut begin) = (Totals::default(), None);
        for window in run.windows.values().filter(clean) {
            begin.get_or_insert_with(|| window.total.since(&window.own));
            sum = plus(&sum, &window.own);
        }
        let begin = begin.filter(|begin| begin.jobs <= until_job);
        let due = begin.map(|begin| total.since(&begin));
        if due != Some(sum) {
            problems.push(format!("after the fault the device counted {due:?} and {sum:?} were received"));
        }
        return;
    }
    whole(run, "", problems);
    if *losses == Losses::None && run.received() != *total {
        problems.push(format!("the device counted {total:?}, received were {:?}", run.received()));
    }
}

/// A run that was killed may lack its end, and nothing before.
fn killed_run(run: &Run, killed: &Killed, jobs_of_a_window: u64, problems: &mut Vec<String>) -> Totals {
    let name = format!("killed run {}: ", killed.boot);
    whole(run, &name, problems);
    let (gaps, _) = run.gaps_and_overlaps();
    if gaps > 0 {
        problems.push(format!("{name}{gaps} windows are missing before its end"));
    }
    let received = end_of(run);
    let tail = killed.total.jobs.saturating_sub(received.jobs);
    if tail > killed.windows_at_risk * jobs_of_a_window {
        problems.push(format!("{name}its last {tail} jobs are lost, allowed are {} windows", killed.windows_at_risk));
    }
    // The counts just before the kill, or those of a window that closed between.
    if received.jobs > killed.total.jobs { received } else { killed.total }
}

fn end_of(run: &Run) -> Totals {
    run.newest().map(|(_, total)| total).unwrap_or_default()
}

fn whole(run: &Run, name: &str, problems: &mut Vec<String>) {
    let (_, overlaps) = run.gaps_and_overlaps();
    if overlaps > 0 {
        problems.push(format!("{name}{overlaps} windows are in two different reports"));
    }
    if run.contradictions > 0 {
        problems.push(format!("{name}{} reports came again with another content", run.contradictions));
    }
}

fn controller(
    balance: &Balance,
    run: &Run,
    total: &Totals,
    losses: &Losses,
    knows: ControllerKnows,
    problems: &mut Vec<String>,
) {
    let Balance { controller, received, controller_missing_jobs: missing, .. } = balance;
    match (losses, knows) {
        (Losses::Spoilt { .. }, _) => {}
        (Losses::NoneAtTheController, _) => {
            if controller != total || *missing != 0 {
                problems.push(format!(
                    "the controller received {controller:?} (misses {missing} jobs), the device counted {total:?}"
                ));
            }
        }
        (Losses::None, ControllerKnows::Everything) => {
            if controller != received || *missing != 0 {
                problems
                    .push(format!("the controller received {controller:?} (misses {missing} jobs) of {received:?}"));
            }
        }
        (Losses::None, ControllerKnows::SinceItsStart) => {
            let since_a_window = run.windows.values().any(|window| {
                let begin = window.total.since(&window.own);
                plus(controller, &begin) == *total
            });
            if !since_a_window || *missing != 0 {
                problems.push(format!(
                    "the controller received {controller:?} (misses {missing} jobs), which fits no window of {total:?}"
                ));
            }
        }
    }
}
