//! The balance of counts.

use std::collections::BTreeMap;

use device_agent::agent::Agent;
use device_agent::spool::Lane;
use gateway_controller::fleet::DeviceView;
use shared_host::mqtt::Token;
use shared_proto::ids::BootId;
use shared_proto::wire::{self, Report};

use super::super::recorder::{Piece, Recorder, Taken, Windows, plus, since};
use super::{Broken, Law};

/// The archive at the broker, and what every run left behind.
#[derive(Debug, Default)]
pub(in super::super) struct Totals {
    at_broker: Recorder,
    /// What the runs that are over left behind.
    ended: BTreeMap<BootId, Remains>,
}

/// What an agent holds when it ends, or when the world does.
#[derive(Debug)]
pub(in super::super) struct Remains {
    boot: BootId,
    reports: u64,
    given_up: u64,
    waiting: Vec<Piece>,
    counted: wire::Totals,
}

impl Remains {
    /// Empties the agent's memory. `counted` is what its real-time thread has counted.
    pub(in super::super) fn of(agent: &mut Agent<Token>, counted: wire::Totals) -> Self {
        let boot = agent.identity().boot;
        let reports = agent.seq();
        let given_up = agent.spool().given_up();
        agent.connection_lost(|_| true);
        let mut waiting = Vec::new();
        while let Some(report) = agent.spool().next_to_send(Lane::Backlog) {
            waiting.push(Piece::of(report));
            agent.spool().give_up_next(Lane::Backlog);
        }
        Self { boot, reports, given_up, waiting, counted }
    }

    pub(in super::super) fn given_up(&self) -> u64 {
        self.given_up
    }
}

impl Totals {
    /// A report reached the broker; `counted` is what the running agent's thread has counted.
    pub(in super::super) fn at_broker(
        &mut self,
        report: &Report,
        digest: u64,
        counted: Option<wire::Totals>,
    ) -> Result<Taken, Broken> {
        let taken = self.at_broker.take(report, digest).map_err(invented)?;
        let counted =
            counted.or_else(|| self.ended.get(&report.boot).map(|remains| remains.counted)).unwrap_or_default();
        within(self.at_broker.sum(report.boot), counted).map_err(invented)?;
        within(report.total, counted).map_err(invented)?;
        Ok(taken)
    }

    /// A run has ended, or the world has.
    pub(in super::super) fn ended(&mut self, remains: Remains) {
        self.ended.insert(remains.boot, remains);
    }

    /// Every run that is over is balanced: to be called when nothing is on its way any more.
    pub(in super::super) fn balanced(&self) -> Result<(), Broken> {
        self.ended.values().try_for_each(|remains| self.balance(remains))
    }

    /// Received, waiting, given up and open together are what was counted.
    fn balance(&self, remains: &Remains) -> Result<(), Broken> {
        let mut windows = self.at_broker.of(remains.boot);
        let received = windows.sum();
        for piece in &remains.waiting {
            // What may have been delivered waits too.
            if !windows.holds(piece) {
                windows.take(*piece, 0).map_err(|how| Broken::new(Law::ExactTotals, how))?;
            }
        }
        let missing = remains.reports.checked_sub(windows.windows());
        if missing != Some(remains.given_up) {
            return Err(Broken::new(
                Law::ExactTotals,
                format!(
                    "run {}: of {} windows {} were received or wait, and {} were given up",
                    remains.boot,
                    remains.reports,
                    windows.windows(),
                    remains.given_up
                ),
            ));
        }
        let newest = windows.newest();
        if newest.map_or(0, |piece| piece.last) != remains.reports {
            let how = format!("run {}: the newest of {} windows is gone", remains.boot, remains.reports);
            return Err(Broken::new(Law::ExactTotals, how));
        }
        let closed = newest.map(|piece| piece.total).unwrap_or_default();
        let open = since(remains.counted, closed);
        let exact = open.is_some() && (remains.given_up > 0 || windows.sum() == closed);
        if exact {
            return Ok(());
        }
        Err(Broken::new(
            Law::ExactTotals,
            format!(
                "run {}: counted {:?}, at the last close {closed:?}; received {received:?}, with what waits {:?}",
                remains.boot,
                remains.counted,
                windows.sum()
            ),
        ))
    }
}

/// The controller's counts against those of the reports that reached it.
#[derive(Debug, Default)]
pub(in super::super) struct AtGateway {
    received: Recorder,
    boots: Vec<BootId>,
    most_gaps: usize,
}

/// Gaps that the controller remembers of one run.
const REMEMBERED_GAPS: usize = 8;

impl AtGateway {
    pub(in super::super) fn take(&mut self, report: &Report, digest: u64) -> Result<Taken, Broken> {
        if !self.boots.contains(&report.boot) {
            self.boots.push(report.boot);
        }
        let taken = self.received.take(report, digest).map_err(invented)?;
        if taken != Taken::Duplicate {
            self.most_gaps = self.most_gaps.max(self.received.of(report.boot).gaps());
        }
        Ok(taken)
    }

    pub(in super::super) fn missed_any(&self) -> bool {
        self.boots.iter().any(|boot| self.received.of(*boot).gaps() > 0)
    }

    /// The controller's view of the device against what it got.
    pub(in super::super) fn compare(&self, view: &DeviceView) -> Result<(), Broken> {
        let of_boot = |boot: &BootId| self.received.of(*boot);
        let got = self.boots.iter().map(|boot| of_boot(boot).sum()).fold(wire::Totals::default(), plus);
        let shown = wire::Totals { jobs: view.jobs, misses: view.misses, skipped: view.skipped };
        let span = self.boots.iter().map(|boot| spanned(&of_boot(boot))).fold(wire::Totals::default(), plus);
        // Beyond its gaps the controller takes what comes late for a repetition, and says that it is missing.
        let exact = self.most_gaps <= REMEMBERED_GAPS;
        if (exact && shown != got) || since(got, shown).is_none() || view.jobs + view.missing_jobs != span.jobs {
            return Err(Broken::new(
                Law::ControllerCounts,
                format!(
                    "{}: it got {got:?} out of {span:?}, and shows {shown:?} with {} missing jobs",
                    view.device, view.missing_jobs
                ),
            ));
        }
        Ok(())
    }
}

/// What the device counted from the first window that came to the last.
fn spanned(windows: &Windows) -> wire::Totals {
    let ends = windows.oldest().zip(windows.newest());
    ends.and_then(|(oldest, newest)| since(plus(newest.total, oldest.own), oldest.total)).unwrap_or_default()
}

fn invented(how: String) -> Broken {
    Broken::new(Law::NothingInvented, how)
}

fn within(received: wire::Totals, counted: wire::Totals) -> Result<(), String> {
    let enough = since(counted, received).map(drop);
    enough.ok_or_else(|| format!("{received:?} received, of {counted:?} counted"))
}
