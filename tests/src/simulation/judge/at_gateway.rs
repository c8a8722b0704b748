//! The controller's counts against those of the reports that reached it.

use gateway_controller::fleet::DeviceView;
use shared_proto::ids::BootId;
use shared_proto::wire::{Report, Totals};

use super::super::recorder::{Names, Recorder, Taken, Windows, plus, since};
use super::totals::invented;
use super::{Broken, Law};

/// Gaps that the controller remembers of one run, and runs besides the current one.
const REMEMBERED_GAPS: usize = 8;
const REMEMBERED_RUNS: usize = 8;

/// What reached one life of the controller of one device.
#[derive(Debug, Default)]
pub(in super::super) struct AtGateway {
    received: Recorder,
    boots: Vec<BootId>,
    most_gaps: usize,
}

impl AtGateway {
    pub(in super::super) fn take(&mut self, report: &Report, digest: u64, names: Names) -> Result<Taken, Broken> {
        if !self.boots.contains(&report.boot) {
            self.boots.push(report.boot);
        }
        let taken = self.received.take(report, digest, names).map_err(invented)?;
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
        let got = self.boots.iter().map(|boot| of_boot(boot).sum()).fold(Totals::default(), plus);
        let shown = Totals { jobs: view.jobs, misses: view.misses, skipped: view.skipped };
        let span = self.boots.iter().map(|boot| spanned(&of_boot(boot))).fold(Totals::default(), plus);
        // Beyond its gaps the controller takes what comes late for a repetition, and says that it is missing.
        let exact = self.most_gaps <= REMEMBERED_GAPS;
        let remembered = self.boots.len() <= REMEMBERED_RUNS + 1;
        let wrong = (exact && shown != got) || since(got, shown).is_none();
        if remembered && (wrong || view.jobs + view.missing_jobs != span.jobs) {
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
fn spanned(windows: &Windows) -> Totals {
    let ends = windows.oldest().zip(windows.newest());
    ends.and_then(|(oldest, newest)| since(newest.to, oldest.from)).unwrap_or_default()
}
