//! One device with all that is known of it.

use serde::Serialize;
use serde_json::value::RawValue;
use shared_proto::ids::{BootId, DeviceId};
use shared_proto::mode::{Mode, ModeSource};
use shared_proto::text::Reason;
use shared_proto::units::ns_to_micros;
use shared_proto::wire::{Departure, Status};

use super::tile::{rounded, significant};
use crate::fleet::{DeviceView, DialectView};
use crate::sparse::Sparse;
use crate::watch::picture::{
    Device, FINE, History, Live, Maximum, ModeNow, Newest, Quantiles, Received, Slot, State, Track,
};

/// How far a reader has read.
#[derive(Debug, Default)]
pub(super) struct Cursor {
    rev: Option<u64>,
    status_rev: Option<u64>,
    maximum: u64,
    line: u64,
}

/// A device, or what is new of it.
#[derive(Debug, Serialize)]
pub(super) struct Detail<'a> {
    id: &'a DeviceId,
    /// Wall clock of the gateway in milliseconds since 1970.
    t_ms: u64,
    /// What the wall clock says when the page's own is at 0.
    epoch_ms: u64,
    state: State,
    departure: Option<Departure>,
    age_ms: u64,
    patience_ms: u64,
    boot: Option<BootId>,
    dialect: DialectView,
    version: Option<&'a str>,
    mode: Option<&'a ModeNow>,
    reason: Option<&'a Reason>,
    newest: Option<&'a Newest>,
    observed_rate: Option<f64>,
    received: Received,
    /// What the controller wants of it, and what it has counted.
    controller: Option<&'a DeviceView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<&'a Status>,
    /// Whether there is a history.
    history: bool,
    fine: Vec<SlotView>,
    coarse: Vec<SlotView>,
    /// `[number, close in ms of the page's clock, wake-up µs, response µs]`.
    maxima: Vec<(u64, u64, f64, f64)>,
    histogram: Option<Histograms>,
    log: Vec<Box<RawValue>>,
}

/// One slot.
#[derive(Debug, Serialize)]
pub(super) struct SlotView {
    n: u64,
    /// Length of the windows in it.
    covers_ms: u64,
    jobs: u64,
    misses: u64,
    skipped: u64,
    rate: Option<f64>,
    mode: Option<Mode>,
    source: Option<ModeSource>,
    /// Median, 99th percentile, greatest in microseconds.
    wakeup: Option<[f64; 3]>,
    response: Option<[f64; 3]>,
    cpu: Option<f64>,
    temp_c: Option<f32>,
    mhz: Option<u32>,
    throttled: Option<u32>,
}

/// Distributions over a span, exact counts.
#[derive(Debug, Serialize)]
pub(super) struct Histograms {
    span_s: u64,
    wakeup: Distribution,
    response: Distribution,
}

#[derive(Debug, Serialize)]
struct Distribution {
    count: u64,
    min: Option<f64>,
    quantiles: Option<Quantiles>,
    /// `[bucket, count]`: bucket `i` is from 2^(i/8) to 2^((i+1)/8) microseconds.
    buckets: Vec<(i16, u64)>,
}

impl<'a> Detail<'a> {
    pub(super) fn new(
        id: &'a DeviceId,
        device: &'a Device,
        live: &Live,
        controller: Option<&'a DeviceView>,
        span_s: u64,
        cursor: &mut Cursor,
    ) -> Self {
        let now = live.now();
        let history = device.history.as_deref();
        let slots = |track: fn(&History) -> &Track, rev: Option<u64>| {
            history.map(|history| slots(track(history), now.ms, rev)).unwrap_or_default()
        };
        let maxima = history.into_iter().flat_map(|history| history.maxima.iter());
        let maxima: Vec<_> = maxima.filter(|maximum| maximum.number > cursor.maximum).map(maximum).collect();
        let rev = cursor.rev;
        let detail = Self {
            id,
            t_ms: now.wall_ms,
            epoch_ms: now.wall_ms.saturating_sub(now.ms),
            state: device.state(now.ms, live.picture.conn()),
            departure: device.departure(),
            age_ms: device.age_ms(now.ms),
            patience_ms: device.patience_ms(),
            boot: device.boot(),
            dialect: device.dialect,
            version: device.version.as_ref().map(|version| version.as_str()),
            mode: device.mode.as_ref(),
            reason: device.reason(),
            newest: device.newest.as_deref(),
            observed_rate: device.observed_rate,
            received: device.received,
            controller,
            status: device.status.as_deref().filter(|_| cursor.status_rev != Some(device.status_rev)),
            history: history.is_some(),
            fine: slots(|history| &history.fine, rev),
            coarse: slots(|history| &history.coarse, rev),
            histogram: history.map(|history| Histograms::of(history, now.ms, span_s)),
            log: device.log.after(cursor.line),
            maxima,
        };
        cursor.maximum = detail.maxima.last().map_or(cursor.maximum, |last| last.0);
        cursor.rev = Some(device.rev);
        cursor.status_rev = Some(device.status_rev);
        cursor.line = device.log.last();
        detail
    }
}

/// The slots that have changed since `rev`; all of them without one.
pub(super) fn slots(track: &Track, now_ms: u64, rev: Option<u64>) -> Vec<SlotView> {
    let whole_ms = track.grain().slot_ms.saturating_mul(track.grain().slots);
    track.last(now_ms, whole_ms).filter(|slot| rev.is_none_or(|rev| slot.rev > rev)).map(SlotView::of).collect()
}

impl SlotView {
    fn of(slot: &Slot) -> Self {
        let three = |sparse: &Sparse| Quantiles::of_sparse(sparse).map(|q| [q.p50, q.p99, q.max].map(significant));
        Self {
            n: slot.number,
            covers_ms: slot.covers_ms,
            jobs: slot.jobs,
            misses: slot.misses,
            skipped: slot.skipped,
            rate: slot.rate().map(|rate| rounded(rate, 5)),
            mode: slot.mode,
            source: slot.source,
            wakeup: three(&slot.wakeup),
            response: three(&slot.response),
            cpu: slot.cpu.map(|cpu| rounded(cpu.into(), 3)),
            temp_c: slot.temp_c,
            mhz: slot.freq_mhz,
            throttled: slot.throttled,
        }
    }
}

impl Histograms {
    pub(super) fn of(history: &History, now_ms: u64, span_s: u64) -> Self {
        let span_ms = span_s.saturating_mul(1_000);
        let fine_ms = FINE.slot_ms.saturating_mul(FINE.slots);
        let track = if span_ms <= fine_ms { &history.fine } else { &history.coarse };
        let (mut wakeup, mut response) = (Sparse::default(), Sparse::default());
        for slot in track.last(now_ms, span_ms) {
            wakeup.merge(&slot.wakeup);
            response.merge(&slot.response);
        }
        Self { span_s, wakeup: Distribution::of(&wakeup), response: Distribution::of(&response) }
    }
}

impl Distribution {
    fn of(sparse: &Sparse) -> Self {
        Self {
            count: sparse.total(),
            min: sparse.min_ns().map(ns_to_micros),
            quantiles: Quantiles::of_sparse(sparse),
            buckets: sparse.iter().collect(),
        }
    }
}

fn maximum(maximum: &Maximum) -> (u64, u64, f64, f64) {
    (maximum.number, maximum.at_ms, ns_to_micros(maximum.wakeup_ns), ns_to_micros(maximum.response_ns))
}
