//! The native wire's messages, as a probe hears and says them.

use std::collections::BTreeMap;

use shared_host::json;
use shared_host::mqtt::Retained;
use shared_proto::limits::MAX_COMMAND;
use shared_proto::mode::Mode;
use shared_proto::wire::{Ack, Lease, Report, SetMode, Status, Totals, Version};

use super::Probe;

/// Long enough for any story.
const LEASE_MS: u32 = 600_000;

/// A command to take DEGRADED.
pub(crate) fn degraded(id: &str) -> SetMode {
    command(id, Mode::Degraded)
}

/// A command to take NORMAL.
pub(crate) fn normal(id: &str) -> SetMode {
    command(id, Mode::Normal)
}

fn command(id: &str, mode: Mode) -> SetMode {
    let lease_ms = Lease::try_from(LEASE_MS).expect("a lease within its range");
    SetMode {
        v: Version,
        id: id.parse().expect("a command id"),
        mode,
        lease_ms,
        reason: "test".into(),
        cause: None,
        fresh: None,
        missing: None,
    }
}

/// Sum of what reports count.
pub(crate) fn sum(reports: &[Report]) -> Totals {
    reports.iter().fold(Totals::default(), |sum, report| Totals {
        jobs: sum.jobs + report.jobs,
        misses: sum.misses + report.misses,
        skipped: sum.skipped + report.skipped,
    })
}

fn topic(device: &str, word: &str) -> String {
    format!("edge/{device}/{word}")
}

impl Probe {
    /// Sends a command.
    pub(crate) fn send(&mut self, device: &str, command: &SetMode) {
        let payload = json::encode(command, MAX_COMMAND).expect("a command fits its limit");
        self.send_raw(device, payload);
    }

    /// Sends what may not be a command.
    pub(crate) fn send_raw(&mut self, device: &str, payload: impl AsRef<[u8]>) {
        self.publish(&topic(device, "command"), payload);
    }

    /// The next report that fits.
    pub(crate) fn report(&mut self, device: &str, what: &str, fits: impl Fn(&Report) -> bool) -> Report {
        self.wait_for(&topic(device, "report"), what, |message| {
            let report = json::decode_report(&message.payload).expect("a report");
            assert_eq!(message.retained, Retained::Live, "a report must not be retained");
            fits(&report).then_some(report)
        })
    }

    /// The next status that fits.
    pub(crate) fn status(&mut self, device: &str, what: &str, fits: impl Fn(&Status) -> bool) -> Status {
        self.wait_for(&topic(device, "status"), what, |message| {
            Some(json::decode_status(&message.payload).expect("a status")).filter(|status| fits(status))
        })
    }

    /// The next acknowledgement of this command.
    pub(crate) fn ack(&mut self, device: &str, id: &str) -> Ack {
        self.wait_for(&topic(device, "ack"), &format!("acknowledgement of {id}"), |message| {
            Some(json::decode_ack(&message.payload).expect("an acknowledgement")).filter(|ack| ack.id.as_str() == id)
        })
    }

    /// The next command that fits.
    pub(crate) fn command(&mut self, device: &str, what: &str, fits: impl Fn(&SetMode) -> bool) -> SetMode {
        self.wait_for(&topic(device, "command"), what, |message| {
            Some(json::decode_command(&message.payload).expect("a command")).filter(|command| fits(command))
        })
    }

    /// All reports so far, each once however often it came, in order of their runs and numbers.
    pub(crate) fn reports(&mut self, device: &str) -> Vec<Report> {
        let decode = |payload: &[u8]| json::decode_report(payload).expect("a report");
        let topic = topic(device, "report");
        let reports = self.heard(&topic).map(|message| decode(&message.payload));
        let distinct: BTreeMap<_, _> = reports.map(|report| ((report.boot, report.seq), report)).collect();
        distinct.into_values().collect()
    }
}
