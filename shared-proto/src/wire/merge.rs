//! Two neighbouring reports become one without losing a count.

use super::Report;
use crate::units::Ratio;

/// These reports cannot become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CannotMerge {
    /// They are not neighbours of the same run.
    #[error("the reports are not neighbours in one run of one device")]
    NotNeighbours,
    /// Their periods differ.
    #[error("the reports belong to different epochs")]
    EpochChanged,
    /// A bucket of a histogram would overflow.
    #[error("a histogram would overflow")]
    Overflow,
}

impl Report {
    /// Makes `self` cover the following window as well: counts and histograms add, the span grows, `merged` tells how
    /// many windows there are; states (mode, policy, totals, miss rate) are those of the newer one, rates of the machine are
    /// averaged over the span.
    ///
    /// # Errors
    /// [`CannotMerge`]; then `self` is unchanged.
    pub fn absorb(&mut self, next: &Self) -> Result<(), CannotMerge> {
        let neighbours = self.device == next.device
            && self.boot == next.boot
            && next.seq.checked_sub(u64::from(next.merged)) == Some(self.seq);
        if !neighbours {
            return Err(CannotMerge::NotNeighbours);
        }
        if self.epoch != next.epoch {
            return Err(CannotMerge::EpochChanged);
        }
        let merged = self.merged.checked_add(next.merged).ok_or(CannotMerge::Overflow)?;
        let mut wakeup_us = self.wakeup_us.clone();
        let mut response_us = self.response_us.clone();
        wakeup_us.merge(&next.wakeup_us).map_err(|_| CannotMerge::Overflow)?;
        response_us.merge(&next.response_us).map_err(|_| CannotMerge::Overflow)?;

        let weights = (self.span_ms, next.span_ms);
        let mut sum = next.clone();
        sum.wakeup_us = wakeup_us;
        sum.response_us = response_us;
        sum.merged = merged;
        sum.span_ms = self.span_ms.saturating_add(next.span_ms);
        sum.jobs = self.jobs.saturating_add(next.jobs);
        sum.misses = self.misses.saturating_add(next.misses);
        sum.skipped = self.skipped.saturating_add(next.skipped);
        sum.lost.records = self.lost.records.saturating_add(next.lost.records);
        sum.longest_miss_run = self.longest_miss_run.max(next.longest_miss_run);
        if self.worst_burst.misses > next.worst_burst.misses {
            sum.worst_burst = self.worst_burst;
        }
        sum.host.cpu = average(self.host.cpu, next.host.cpu, weights);
        sum.host.steal = average(self.host.steal, next.host.steal, weights);
        sum.host.throttled = match (self.host.throttled, next.host.throttled) {
            (Some(earlier), Some(later)) => Some(earlier | later),
            (earlier, later) => later.or(earlier),
        };
        sum.rt.preemptions = self.rt.preemptions.saturating_add(next.rt.preemptions);
        sum.rt.faults = self.rt.faults.saturating_add(next.rt.faults);
        *self = sum;
        Ok(())
    }
}

#[expect(clippy::cast_precision_loss, reason = "weights are milliseconds of one report")]
fn average(earlier: Option<Ratio>, later: Option<Ratio>, weights: (u64, u64)) -> Option<Ratio> {
    let (Some(a), Some(b)) = (earlier, later) else { return later.or(earlier) };
    let (earlier_ms, later_ms) = (weights.0 as f64, weights.1 as f64);
    let whole_ms = earlier_ms + later_ms;
    if whole_ms == 0.0 {
        return later;
    }
    Ratio::try_from((a.get() * earlier_ms + b.get() * later_ms) / whole_ms).ok()
}
