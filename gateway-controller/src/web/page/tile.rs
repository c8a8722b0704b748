//! One device among many: what fits on a tile.

use serde::Serialize;
use shared_proto::ids::DeviceId;
use shared_proto::mode::{Mode, ModeSource};
use shared_proto::text::{Name, Reason};

use crate::fleet::DialectView;
use crate::sparse::Sparse;
use crate::watch::picture::{Device, FINE, History, Quantiles, Site, Slot, State};

/// Slots of the fine history in a sparkline: two minutes.
const SPARKS: u64 = 60;
/// Stretch of time for quantiles and rates, in milliseconds.
pub(super) const LATELY_MS: u64 = 10_000;

/// What fits on a tile. Figures are rounded, so that what does not matter is not told.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Tile<'a> {
    pub(super) id: &'a DeviceId,
    pub(super) state: State,
    pub(super) dialect: DialectView,
    pub(super) mode: Option<Mode>,
    pub(super) source: Option<ModeSource>,
    pub(super) reason: Option<&'a Reason>,
    pub(super) danger: Option<&'a Reason>,
    /// Misses per job over the miss window.
    pub(super) miss: Option<f64>,
    /// Wake-up latency over ten seconds, in microseconds.
    pub(super) p99: Option<f64>,
    pub(super) max: Option<f64>,
    pub(super) version: Option<&'a Name>,
    pub(super) temp_c: Option<f64>,
    pub(super) throttled: Option<u32>,
    pub(super) cpu: Option<f64>,
    pub(super) synced: Option<bool>,
}

/// The sparkline: misses per job in each slot up to `end`, newest last.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub(super) struct Spark {
    pub(super) end: u64,
    pub(super) rates: Vec<Option<f64>>,
}

/// Over ten seconds.
#[derive(Debug, Default)]
pub(super) struct Lately {
    pub(super) wakeup: Sparse,
    pub(super) jobs: u64,
    pub(super) misses: u64,
    pub(super) covers_ms: u64,
}

impl Lately {
    pub(super) fn of(device: &Device, now_ms: u64) -> Self {
        let mut sum = Self::default();
        for slot in device.history.iter().flat_map(|history| history.fine.last(now_ms, LATELY_MS)) {
            sum.wakeup.merge(&slot.wakeup);
            sum.jobs = sum.jobs.saturating_add(slot.jobs);
            sum.misses = sum.misses.saturating_add(slot.misses);
            sum.covers_ms = sum.covers_ms.saturating_add(slot.covers_ms);
        }
        sum
    }
}

impl<'a> Tile<'a> {
    pub(super) fn new(id: &'a DeviceId, device: &'a Device, state: State, lately: &Lately) -> Self {
        let newest = device.newest.as_deref();
        let wakeup = Quantiles::of_sparse(&lately.wakeup).or(newest.and_then(|newest| newest.wakeup_us));
        let mode = device.mode.as_ref();
        Self {
            id,
            state,
            dialect: device.dialect,
            mode: mode.map(|now| now.mode),
            source: mode.and_then(|now| now.source),
            reason: device.reason(),
            danger: device.status.as_ref().and_then(|status| status.danger.as_ref()),
            miss: device.miss_rate().map(|rate| rounded(rate, 4)),
            p99: wakeup.map(|wakeup| significant(wakeup.p99)),
            max: wakeup.map(|wakeup| significant(wakeup.max)),
            version: device.version.as_ref(),
            temp_c: newest.and_then(|newest| newest.host.temp_c).map(|temp| rounded(temp.into(), 0)),
            throttled: newest.and_then(|newest| newest.host.throttled),
            cpu: newest.and_then(|newest| newest.host.cpu).map(|cpu| rounded(cpu.get(), 2)),
            synced: newest.map(|newest| newest.clock_synced),
        }
    }
}

impl Spark {
    pub(super) fn of(device: &Device, now_ms: u64) -> Self {
        Self::made(device.history.as_deref(), now_ms, |_| 1)
    }

    /// Windows of a site are longer than a slot: each fills the slots that it covers.
    pub(super) fn of_site(site: &Site, now_ms: u64) -> Self {
        Self::made(Some(&site.history), now_ms, |slot| slot.covers_ms.div_ceil(FINE.slot_ms).clamp(1, SPARKS))
    }

    fn made(history: Option<&History>, now_ms: u64, covers: fn(&Slot) -> u64) -> Self {
        // The slot of now is not full yet.
        let end = (now_ms / FINE.slot_ms).saturating_sub(1);
        let first = end.saturating_sub(SPARKS - 1);
        let mut rates = vec![None; usize::try_from(SPARKS).unwrap_or_default()];
        // The newest first, so that an older slot's own rate stands over that of a window which merely covers it.
        for slot in history.iter().flat_map(|history| history.fine.last(now_ms, (SPARKS + 1) * FINE.slot_ms)).rev() {
            for (number, own) in (0..covers(slot)).map(|back| (slot.number.checked_sub(back), back == 0)) {
                let at = number.and_then(|number| number.checked_sub(first)).and_then(|at| usize::try_from(at).ok());
                if let Some(rate) = at.and_then(|at| rates.get_mut(at)).filter(|rate| own || rate.is_none()) {
                    *rate = slot.rate().map(|rate| rounded(rate, 4));
                }
            }
        }
        Self { end, rates }
    }

    /// The newest rate, if it is all that is new since `before`.
    pub(super) fn step(&self, before: &Self) -> Option<Option<f64>> {
        let older = self.rates.split_last().filter(|_| self.end == before.end.saturating_add(1))?;
        (Some(older.1) == before.rates.get(1..)).then_some(*older.0)
    }
}

/// With so many decimals.
pub(super) fn rounded(value: f64, decimals: i32) -> f64 {
    let scale = 10f64.powi(decimals);
    (value * scale).round() / scale
}

/// With three significant digits.
pub(super) fn significant(value: f64) -> f64 {
    if value <= 0.0 {
        return 0.0;
    }
    #[expect(clippy::cast_possible_truncation, reason = "the logarithm of a double is below 400")]
    let digits = 2 - value.log10().floor() as i32;
    if digits >= 0 { rounded(value, digits) } else { (value / 10f64.powi(-digits)).round() * 10f64.powi(-digits) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_digits_matter() {
        for (value, shown) in [(0.0, 0.0), (0.012_345, 0.0123), (43.27, 43.3), (999.6, 1000.0), (12_345.0, 12_300.0)] {
            assert!((significant(value) - shown).abs() < 1e-9, "{value}: {}", significant(value));
        }
    }

    #[test]
    fn a_sparkline_goes_on_by_one_or_is_told_anew() {
        let spark = |end, rates: &[f64]| Spark { end, rates: rates.iter().map(|rate| Some(*rate)).collect() };
        let before = spark(7, &[0.1, 0.2, 0.3]);
        assert_eq!(spark(8, &[0.2, 0.3, 0.4]).step(&before), Some(Some(0.4)));
        assert_eq!(spark(8, &[0.2, 0.9, 0.4]).step(&before), None);
        assert_eq!(spark(9, &[0.3, 0.4, 0.5]).step(&before), None);
    }
}
