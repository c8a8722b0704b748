//! The balance of counts.

use device_agent::agent::Agent;
use shared_host::mqtt::Token;
use shared_proto::ids::BootId;
use shared_proto::wire::{self, Report};

use super::super::recorder::{Names, Piece, Recorder, Taken, since};
use super::{Broken, Law};

/// The archive at the broker, and what every run left behind.
#[derive(Debug, Default)]
pub(in super::super) struct Totals {
    at_broker: Recorder,
    /// What the runs that are over left behind, in their order.
    ended: Vec<Remains>,
}

/// What is with the reports that a run could not deliver.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Fate {
    /// They are lost with the process.
    Lost,
    /// The next run sends them, and closes this one, with all that was safe.
    Kept {
        /// What the store had been told of the counts.
        safe: wire::Totals,
    },
    /// A power cut left some of them.
    Torn,
}

/// What an agent holds when it ends, or when the world does.
#[derive(Debug)]
pub(in super::super) struct Remains {
    boot: BootId,
    reports: u64,
    given_up: u64,
    /// Of any run.
    waiting: Vec<(BootId, Piece)>,
    counted: wire::Totals,
    fate: Fate,
}

impl Remains {
    /// Empties the agent's memory. `counted` is what its real-time thread has counted.
    pub(in super::super) fn of(agent: &Agent<Token>, counted: wire::Totals, fate: Fate) -> Self {
        let boot = agent.identity().boot;
        let reports = agent.seq();
        let given_up = agent.given_up();
        let piece = |report: &Report| Some((report.boot, Piece::of(report)?));
        let waiting = agent.waiting_reports().filter_map(piece).collect();
        Self { boot, reports, given_up, waiting, counted, fate }
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
        let taken = self.at_broker.take(report, digest, self.names()).map_err(invented)?;
        let ended = self.ended.iter().find(|remains| remains.boot == report.boot);
        let counted = counted.or(ended.map(|remains| remains.counted)).unwrap_or_default();
        within(self.at_broker.sum(report.boot), counted).map_err(invented)?;
        within(report.total, counted).map_err(invented)?;
        Ok(taken)
    }

    /// What the number of a report stands for on this device by now.
    pub(in super::super) fn names(&self) -> Names {
        let torn = self.ended.iter().any(|remains| remains.fate == Fate::Torn);
        if torn { Names::PerhapsParts } else { Names::OneContent }
    }

    /// A run has ended, or the world has.
    pub(in super::super) fn ended(&mut self, remains: Remains) {
        if remains.fate == Fate::Torn {
            // So is whatever it had still to send of the runs before.
            self.ended.iter_mut().filter(|ended| ended.fate != Fate::Lost).for_each(|ended| ended.fate = Fate::Torn);
        }
        self.ended.push(remains);
    }

    /// Every run that is over is balanced: to be called when nothing is on its way any more.
    pub(in super::super) fn balanced(&self) -> Result<(), Broken> {
        let Some((last, before)) = self.ended.split_last() else { return Ok(()) };
        self.balance(last)?;
        for remains in before {
            match remains.fate {
                Fate::Lost => self.balance(remains)?,
                Fate::Kept { safe } => self.closed_by_the_next(remains, safe, last)?,
                // What came of it was checked when it came.
                Fate::Torn => {}
            }
        }
        Ok(())
    }

    /// Received, waiting, given up and open together are what was counted.
    fn balance(&self, remains: &Remains) -> Result<(), Broken> {
        let boot = remains.boot;
        let mut windows = self.at_broker.of(boot);
        let received = windows.sum();
        for (_, piece) in remains.waiting.iter().filter(|(of, _)| *of == boot) {
            windows.take(*piece).map_err(inexact)?;
        }
        let there = windows.windows();
        let missing = remains.reports.checked_sub(there);
        let newest = windows.newest();
        let closed = newest.map(|span| span.to).unwrap_or_default();
        let open = since(remains.counted, closed);
        // Windows of earlier runs may have been given up too.
        let all = missing == Some(0) && windows.sum() == closed;
        let some = missing.is_some_and(|missing| missing <= remains.given_up) && remains.given_up > 0;
        let newest_there = newest.map_or(0, |span| span.last) == remains.reports;
        if open.is_some() && newest_there && (all || some) {
            return Ok(());
        }
        Err(inexact(format!(
            "run {boot}: counted {:?}, at the last close {closed:?}; received {received:?}, with what waits {:?}; of {} windows \
             {there} were received or wait, and {} were given up",
            remains.counted,
            windows.sum(),
            remains.reports,
            remains.given_up
        )))
    }

    /// What a run left in its store was sent or is held by the last one, and closed to where it was safe.
    fn closed_by_the_next(&self, remains: &Remains, safe: wire::Totals, last: &Remains) -> Result<(), Broken> {
        let mut windows = self.at_broker.of(remains.boot);
        for (_, piece) in last.waiting.iter().filter(|(of, _)| *of == remains.boot) {
            windows.take(*piece).map_err(inexact)?;
        }
        let closed = windows.newest().map(|span| span.to).unwrap_or_default();
        let given_up = self.ended.iter().any(|remains| remains.given_up > 0);
        let closed_enough = given_up || (since(closed, safe).is_some() && windows.sum() == closed);
        if closed_enough && since(remains.counted, closed).is_some() {
            return Ok(());
        }
        Err(inexact(format!(
            "run {}: counted {:?}, of which {safe:?} were in its store; received {:?}, up to {closed:?}",
            remains.boot,
            remains.counted,
            windows.sum()
        )))
    }
}

pub(super) fn invented(how: String) -> Broken {
    Broken::new(Law::NothingInvented, how)
}

fn inexact(how: String) -> Broken {
    Broken::new(Law::ExactTotals, how)
}

fn within(received: wire::Totals, counted: wire::Totals) -> Result<(), String> {
    let enough = since(counted, received).map(drop);
    enough.ok_or_else(|| format!("{received:?} received, of {counted:?} counted"))
}
