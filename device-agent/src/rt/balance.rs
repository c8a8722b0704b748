//! Checks the release balance from the instants of the releases alone, apart from the loop that counts them.

use super::record::JobRecord;
use crate::time::MonoTime;

/// Watches that in every epoch the releases lie on the grid, and that as many were counted as fit between them.
///
/// A tool that moves its grid, or that drops passed releases without counting them, fails this check.
#[derive(Debug, Clone, Default)]
pub struct Balance {
    latest: Option<JobRecord>,
    epoch: Option<Epoch>,
}

#[derive(Debug, Clone, Copy)]
struct Epoch {
    number: u32,
    first_release: MonoTime,
    first_job: u64,
}

/// Releases were counted that there were not, or the other way round.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "release balance broken in epoch {epoch}: job {job} was counted as release {counted} of its epoch, its instant says {passed_ns} ns after the first at a period of {period_ns} ns"
)]
pub struct Unbalanced {
    /// Number of the epoch.
    pub epoch: u32,
    /// The job.
    pub job: u64,
    /// Releases counted between it and the first of its epoch, or the last of the epoch before.
    pub counted: u64,
    /// Time between these releases in nanoseconds.
    pub passed_ns: u64,
    /// The period in nanoseconds.
    pub period_ns: u64,
}

impl Balance {
    /// Takes in a record. Records between may be missing, except across a change of epoch, where the next one starts anew.
    ///
    /// # Errors
    /// [`Unbalanced`] if its instant and its number do not agree.
    pub fn see(&mut self, record: &JobRecord) -> Result<(), Unbalanced> {
        let latest = self.latest.replace(*record);
        match self.epoch {
            Some(epoch) if epoch.number == record.epoch => {
                check(record, record.period_ns, epoch.first_release, epoch.first_job)
            }
            _ => {
                self.epoch = Some(Epoch { number: record.epoch, first_release: record.release, first_job: record.job });
                // The first release of an epoch is still one of the grid before. If records are missing here, an epoch may be.
                match latest {
                    Some(latest) if record.job == latest.job + 1 + latest.skipped => {
                        check(record, latest.period_ns, latest.release, latest.job)
                    }
                    _ => Ok(()),
                }
            }
        }
    }
}

fn check(record: &JobRecord, period_ns: u64, from: MonoTime, from_job: u64) -> Result<(), Unbalanced> {
    let counted = record.job.saturating_sub(from_job);
    let passed_ns = record.release.nanos_since(from);
    if counted.checked_mul(period_ns) == Some(passed_ns) {
        return Ok(());
    }
    Err(Unbalanced { epoch: record.epoch, job: record.job, counted, passed_ns, period_ns })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(job: u64, release_ns: u64, epoch: u32, period_ns: u64) -> JobRecord {
        JobRecord { job, release: MonoTime::from_nanos(release_ns), epoch, period_ns, ..JobRecord::default() }
    }

    #[test]
    fn a_release_that_was_not_counted_is_found() {
        let mut balance = Balance::default();
        balance.see(&record(0, 1000, 0, 10)).unwrap();
        balance.see(&record(3, 1030, 0, 10)).unwrap();
        let broken = balance.see(&record(4, 1050, 0, 10)).unwrap_err();
        assert_eq!((broken.job, broken.counted, broken.passed_ns), (4, 4, 50));
    }

    #[test]
    fn a_grid_that_moves_is_found() {
        let mut balance = Balance::default();
        balance.see(&record(0, 1000, 0, 10)).unwrap();
        balance.see(&record(1, 1011, 0, 10)).unwrap_err();
    }

    #[test]
    fn the_first_release_of_an_epoch_lies_on_the_grid_before() {
        let mut balance = Balance::default();
        balance.see(&record(0, 1000, 0, 10)).unwrap();
        balance.see(&record(1, 1010, 1, 30)).unwrap();
        balance.see(&record(2, 1040, 1, 30)).unwrap();
        balance.see(&record(3, 1075, 2, 10)).unwrap_err();
    }
}
