//! Reports of earlier runs wait again.

use shared_host::tree;
use shared_proto::ids::DeviceId;
use shared_proto::wire::Report;

use super::{SENT_AND_WAITING, Spool, Waiting, key, put};
use crate::store::RestoredReport;
use crate::store::kept::History;

impl<T: Copy + PartialEq> Spool<T> {
    /// Runs up to this number were earlier ones.
    pub fn skip_to_run(&mut self, run: u64) {
        self.run = self.run.max(run.saturating_add(1));
    }

    /// Reports of earlier runs wait again. Those of another `device`, and what does not fit, are given up.
    pub fn restore(&mut self, reports: Vec<RestoredReport>, device: &DeviceId) {
        let known = tree::set(self.waiting.iter().map(|waiting| key(&waiting.report)));
        let live = self.waiting.split_off(self.live_from);
        for RestoredReport { serial, kept } in reports {
            if known.contains(&key(&kept.report)) {
                continue;
            }
            if kept.report.device != *device {
                self.given_up += u64::from(kept.report.merged);
                self.ledger.remove(key(&kept.report));
                continue;
            }
            self.sent_and_waiting += usize::from(kept.history == History::Sent);
            let mut waiting = Waiting { report: kept.report, run: kept.run, history: kept.history, serial: 0 };
            waiting.serial = serial.unwrap_or_else(|| put(&mut self.ledger, &waiting));
            self.waiting.push_back(waiting);
        }
        self.sort();
        self.waiting.extend(live);
        self.sent_limit = self.sent_limit.max(self.sent_and_waiting.saturating_add(SENT_AND_WAITING));
        self.bound();
    }

    /// Adds the last report of an earlier run, which that run did not live to make.
    pub fn restore_last(&mut self, run: u64, report: Report) {
        let live = self.waiting.split_off(self.live_from);
        let mut waiting = Waiting { report: Box::new(report), run, history: History::Unsent, serial: 0 };
        waiting.serial = put(&mut self.ledger, &waiting);
        self.waiting.push_back(waiting);
        self.sort();
        self.waiting.extend(live);
        self.bound();
    }
}
