//! Gateway to a gateway above it: how the devices of a whole site kept their time, and who of them is there.

use heapless::Vec;
use serde::{Deserialize, Serialize};

use super::report::Inconsistent;
use super::{Departure, Version};
use crate::histogram::Latency;
use crate::ids::{BootId, DeviceId, SiteId};
use crate::limits::{MAX_EARLIER_RUNS, MAX_OCCURRENCES};
use crate::mode::Mode;
use crate::text::{Name, Reason};
use crate::units::Ratio;

/// One window of a site: the sum of all reports that its controller accepted in it.
///
/// `(boot, seq)` names its content; a merged one covers the windows `seq − merged + 1 ..= seq`. A receiver counts each window once, so late
/// and repeated ones do no harm, and its sums equal those over all reports of the site.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Site {
    /// Version of the wire.
    pub v: Version,
    /// The site.
    pub site: SiteId,
    /// Run of the site's controller.
    pub boot: BootId,
    /// Number of the window in this run, from 1. A merged one has the number of its newest.
    pub seq: u64,
    /// Wall clock at the close of the window, in milliseconds since 1970. For people: nothing is decided by it.
    pub t_ms: u64,
    /// Time of the site's controller at the close of the window, in milliseconds since its start on its monotonic clock.
    pub up_ms: u64,
    /// Length of the window in milliseconds.
    pub span_ms: u64,
    /// How many windows this one holds; more than one after a time without the broker above.
    pub merged: u32,
    /// The devices at the close of the window.
    pub devices: Census,
    /// What was counted in the window.
    pub counts: SiteCounts,
    /// The same since the controller's start, at the close of the window.
    pub total: SiteCounts,
    /// Releases that devices of the site have counted and no report has brought so far, at the close of the window. Late reports bring it
    /// down again.
    pub missing_jobs: u64,
    /// Start minus release, of the jobs that ran, in microseconds; of all devices together.
    pub wakeup_us: Latency,
    /// End minus release, of the jobs that ran, in microseconds; of all devices together.
    pub response_us: Latency,
    /// The device with the greatest miss rate in a report of the window; none if no job was missed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub worst: Option<Worst>,
    /// What happened to single devices, the earliest first.
    #[serde(default)]
    pub occurrences: Occurrences,
    /// What else happened, without room here.
    #[serde(default)]
    pub occurrences_left_out: u64,
}

/// How many devices a site has, and how they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Census {
    /// All that the controller looks after.
    pub known: u64,
    /// There, and heard on this connection to the broker of the site.
    pub online: u64,
    /// They said good-bye, or their connection broke. All others are not known to be there or away.
    pub offline: u64,
    /// In DEGRADED, as they told last.
    pub degraded: u64,
}

/// Exact counts over the reports of a site, each window of each device once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct SiteCounts {
    /// Reports accepted.
    pub reports: u64,
    /// Releases, run or skipped.
    pub jobs: u64,
    /// Jobs that missed their deadline, the skipped ones included.
    pub misses: u64,
    /// Releases that passed while an earlier job still ran.
    pub skipped: u64,
    /// Jobs that ran and whose times are in no histogram.
    pub lost_records: u64,
    /// Changes of a device's mode that the controller heard of.
    pub mode_changes: u64,
    /// Everything else that [`What`] names.
    pub alarms: u64,
    /// Bytes of all messages that the devices sent to the site's controller, topics and payloads.
    pub heard_bytes: u64,
}

/// The device that missed most.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Worst {
    /// Which.
    pub device: DeviceId,
    /// Its greatest miss rate.
    pub miss_rate: Ratio,
}

/// What happened at a site.
pub type Occurrences = Vec<Occurrence, MAX_OCCURRENCES>;

/// Something that happened to one device of a site, or to the site.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Occurrence {
    /// When, in milliseconds since 1970 on the wall clock of the site's gateway.
    pub t_ms: u64,
    /// To which device; none if it is the site's own connection.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<DeviceId>,
    /// What.
    pub what: What,
    /// The mode in effect, where that tells something.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<Mode>,
    /// Why.
    #[serde(default, skip_serializing_if = "Reason::is_empty")]
    pub reason: Reason,
}

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum What {
    /// A device's mode changed.
    Mode,
    /// A device's connection broke.
    Lost,
    /// A device is there again.
    Back,
    /// Something at a device keeps a mode that is not the wanted one.
    Held,
    /// Somebody else commands a device.
    Contested,
    /// A device refused a command.
    Rejected,
    /// The controller has no connection to the broker of its site: it hears of no device.
    LinkLost,
    /// It has one again.
    LinkBack,
}

/// Gateway to the gateway above it, retained: whether the site's controller is connected. Also its will.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SiteStatus {
    /// Version of the wire.
    pub v: Version,
    /// The site.
    pub site: SiteId,
    /// Run of the site's controller.
    pub boot: BootId,
    /// Connection attempts of that run. A will with an older `(boot, conn)` than the current one is stale news.
    pub conn: u64,
    /// Time of the site's controller when this was sent, see [`Site::up_ms`]. A will has none: nobody knows when it is sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub up_ms: Option<u64>,
    /// Whether it is there.
    pub online: bool,
    /// How it went, if it is not there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub departure: Option<Departure>,
    /// Version of the controller.
    pub version: Name,
    /// Time between two windows, in milliseconds.
    pub every_ms: u64,
    /// Earlier runs of the controller that left windows behind. No later window tells that their last ones are missing.
    #[serde(default, skip_serializing_if = "EarlierRuns::is_empty")]
    pub earlier: EarlierRuns,
}

/// The latest of the runs that left windows behind.
pub type EarlierRuns = Vec<EarlierRun, MAX_EARLIER_RUNS>;

/// A run that left windows behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct EarlierRun {
    /// The run.
    pub boot: BootId,
    /// Number of the last window that it left.
    pub up_to: u64,
}

/// To a site's controller, from the one above: windows `after + 1 ..= up_to` never came. It sends again what it still has of them, as it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SiteMissing {
    /// Version of the wire.
    pub v: Version,
    /// The run whose windows are missing.
    pub boot: BootId,
    /// Number of the window before the first missing one.
    pub after: u64,
    /// Number of the last missing one.
    pub up_to: u64,
}

/// Two windows of a site cannot become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CannotMergeSites {
    /// They are not neighbours of the same run.
    #[error("the windows are not neighbours in one run of one site")]
    NotNeighbours,
    /// The newer one's totals are less than the older one's and what the newer one counts.
    #[error("the totals of the newer window do not hold those of the older one and its own counts")]
    TotalsDiffer,
    /// A bucket of a histogram would overflow.
    #[error("a histogram would overflow")]
    Overflow,
}

impl SiteCounts {
    /// Both together.
    #[must_use]
    pub fn plus(&self, other: &Self) -> Self {
        self.combine(other, u64::saturating_add)
    }

    /// What was counted since `earlier`; zero where `earlier` is ahead.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        self.combine(earlier, u64::saturating_sub)
    }

    fn combine(&self, other: &Self, of: impl Fn(u64, u64) -> u64) -> Self {
        Self {
            reports: of(self.reports, other.reports),
            jobs: of(self.jobs, other.jobs),
            misses: of(self.misses, other.misses),
            skipped: of(self.skipped, other.skipped),
            lost_records: of(self.lost_records, other.lost_records),
            mode_changes: of(self.mode_changes, other.mode_changes),
            alarms: of(self.alarms, other.alarms),
            heard_bytes: of(self.heard_bytes, other.heard_bytes),
        }
    }

    fn is_within(&self, total: &Self) -> bool {
        self.since(total) == Self::default()
    }

    /// Jobs whose times are in the histograms; `None` if the counts contradict each other.
    fn recorded(&self) -> Option<u64> {
        self.jobs.checked_sub(self.skipped)?.checked_sub(self.lost_records)
    }

    /// What happened to single devices; `None` if it does not fit.
    fn happened(&self) -> Option<u64> {
        self.mode_changes.checked_add(self.alarms)
    }

    /// The first promise that is broken, of `said`.
    fn broken_promise(&self, said: [&'static str; 4]) -> Option<&'static str> {
        let kept = [
            self.recorded().is_some(),
            self.misses <= self.jobs,
            self.skipped <= self.misses,
            self.happened().is_some(),
        ];
        kept.into_iter().zip(said).find(|(kept, _)| !kept).map(|(_, broken)| broken)
    }
}

/// What [`SiteCounts::broken_promise`] says of the counts in this field.
macro_rules! promises {
    ($field:literal) => {
        [
            concat!($field, ".skipped and ", $field, ".lost_records together must not exceed ", $field, ".jobs"),
            concat!($field, ".misses must not exceed ", $field, ".jobs"),
            concat!($field, ": every skipped job must be counted as a miss"),
            concat!($field, ".mode_changes and ", $field, ".alarms together must fit 64 bits"),
        ]
    };
}

impl Site {
    /// Checks what the numbers promise each other.
    ///
    /// # Errors
    /// [`Inconsistent`] names the broken promise.
    pub fn validate(&self) -> Result<(), Inconsistent> {
        let counts = self.counts.broken_promise(promises!("counts"));
        if let Some(broken) = counts.or_else(|| self.total.broken_promise(promises!("total"))) {
            return Err(Inconsistent(broken));
        }
        let recorded = self.counts.recorded();
        let Census { known, online, offline, degraded } = self.devices;
        let promises = [
            (Some(self.wakeup_us.count()) == recorded, "wakeup_us must hold jobs − skipped − lost_records values"),
            (Some(self.response_us.count()) == recorded, "response_us must hold jobs − skipped − lost_records values"),
            (self.counts.is_within(&self.total), "counts must not exceed total"),
            (
                online.checked_add(offline).is_some_and(|told| told <= known),
                "devices.online and devices.offline must not exceed devices.known",
            ),
            (degraded <= known, "devices.degraded must not exceed devices.known"),
            (
                self.happened() == self.counts.happened(),
                "occurrences and occurrences_left_out must be the mode changes and alarms of the window",
            ),
            (self.merged >= 1, "merged must be at least 1"),
            (u64::from(self.merged) <= self.seq, "merged must not exceed seq"),
        ];
        promises.into_iter().find(|(kept, _)| !kept).map_or(Ok(()), |(_, broken)| Err(Inconsistent(broken)))
    }

    /// Occurrences told and left out; `None` if they do not fit.
    fn happened(&self) -> Option<u64> {
        u64::try_from(self.occurrences.len()).ok()?.checked_add(self.occurrences_left_out)
    }

    /// Number of the window before the first that this one covers.
    #[must_use]
    pub fn after(&self) -> u64 {
        self.seq.saturating_sub(u64::from(self.merged))
    }

    /// Makes `self` cover the following window as well: counts and histograms add, states are those of the newer one. Occurrences beyond
    /// [`MAX_OCCURRENCES`] are counted in `occurrences_left_out`. Of valid windows it makes a valid one.
    ///
    /// # Errors
    /// [`CannotMergeSites`]; then `self` is unchanged.
    pub fn absorb(&mut self, next: &Self) -> Result<(), CannotMergeSites> {
        let follows = next.seq.checked_sub(u64::from(next.merged)) == Some(self.seq);
        if self.site != next.site || self.boot != next.boot || !follows {
            return Err(CannotMergeSites::NotNeighbours);
        }
        // Without this, the sum of two windows that are each within their totals may be beyond them.
        if !self.total.is_within(&next.total) || !next.counts.is_within(&next.total.since(&self.total)) {
            return Err(CannotMergeSites::TotalsDiffer);
        }
        let merged = self.merged.checked_add(next.merged).ok_or(CannotMergeSites::Overflow)?;
        let mut wakeup_us = self.wakeup_us.clone();
        let mut response_us = self.response_us.clone();
        wakeup_us.merge(&next.wakeup_us).map_err(|_| CannotMergeSites::Overflow)?;
        response_us.merge(&next.response_us).map_err(|_| CannotMergeSites::Overflow)?;
        (self.wakeup_us, self.response_us, self.merged) = (wakeup_us, response_us, merged);
        (self.seq, self.t_ms, self.up_ms) = (next.seq, next.t_ms, next.up_ms);
        self.span_ms = self.span_ms.saturating_add(next.span_ms);
        self.counts = self.counts.plus(&next.counts);
        (self.devices, self.total, self.missing_jobs) = (next.devices, next.total, next.missing_jobs);
        if let Some(worst) = &next.worst
            && self.worst.as_ref().is_none_or(|own| own.miss_rate < worst.miss_rate)
        {
            self.worst = Some(worst.clone());
        }
        self.occurrences_left_out = self.occurrences_left_out.saturating_add(next.occurrences_left_out);
        for occurrence in &next.occurrences {
            self.note(occurrence.clone());
        }
        Ok(())
    }

    /// Adds an occurrence, or counts it as left out. It belongs to `counts` and `total` too, which this leaves alone.
    pub fn note(&mut self, occurrence: Occurrence) {
        if self.occurrences.push(occurrence).is_err() {
            self.occurrences_left_out = self.occurrences_left_out.saturating_add(1);
        }
    }
}
