//! One site among others: what fits on a tile.

use serde::Serialize;
use shared_proto::ids::{DeviceId, SiteId};
use shared_proto::text::Name;

use super::tile::{rounded, significant};
use crate::watch::picture::{Site, State};

/// What fits on a tile, of the newest window where nothing else is said. Figures are rounded, so that what does not matter is not told.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct SiteTile<'a> {
    id: &'a SiteId,
    state: State,
    version: Option<&'a Name>,
    known: Option<u64>,
    online: Option<u64>,
    degraded: Option<u64>,
    /// Misses per job.
    miss: Option<f64>,
    /// Wake-up latency, in microseconds.
    p99: Option<f64>,
    max: Option<f64>,
    /// The device that missed most, and its miss rate.
    worst: Option<&'a DeviceId>,
    worst_miss: Option<f64>,
    /// Since the controller's start.
    alarms: u64,
    /// Share of the devices' bytes that did not go on to here, since the controller's start.
    saved: Option<f64>,
}

impl<'a> SiteTile<'a> {
    pub(super) fn new(id: &'a SiteId, site: &'a Site, state: State) -> Self {
        let newest = site.newest.as_deref();
        let wakeup = newest.and_then(|newest| newest.wakeup_us);
        let worst = newest.and_then(|newest| newest.worst.as_ref());
        let devices = newest.map(|newest| newest.devices);
        Self {
            id,
            state,
            version: site.version.as_ref(),
            known: devices.map(|devices| devices.known),
            online: devices.map(|devices| devices.online),
            degraded: devices.map(|devices| devices.degraded),
            miss: newest.and_then(|newest| newest.miss_rate).map(|rate| rounded(rate, 5)),
            p99: wakeup.map(|wakeup| significant(wakeup.p99)),
            max: wakeup.map(|wakeup| significant(wakeup.max)),
            worst: worst.map(|worst| &worst.device),
            worst_miss: worst.map(|worst| rounded(worst.miss_rate.get(), 4)),
            alarms: site.received.counts.alarms,
            saved: site.received.saved().map(|share| rounded(share, 3)),
        }
    }
}
