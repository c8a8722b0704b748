//! What people and programs are shown of the sites.

use serde::{Deserialize, Serialize};
use shared_proto::ids::{BootId, SiteId};
use shared_proto::text::Name;
use shared_proto::units::{Ratio, ns_to_micros};
use shared_proto::wire::{Census, SiteCounts, Worst};

use super::{Entry, Presence, Sites};
use crate::fleet::{Moment, PresenceView};
use crate::sparse::Sparse;

/// All sites, by name.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct SitesView {
    /// The sites.
    pub sites: Vec<SiteView>,
    /// All of them together; `null` if there is none.
    pub all: Option<SitesSum>,
}

/// One site as this controller knows it. Counts are since this controller first heard of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SiteView {
    /// The site.
    pub site: SiteId,
    /// Whether its controller is there.
    pub presence: PresenceView,
    /// Run of its controller.
    pub boot: BootId,
    /// Version of its controller.
    pub version: Option<Name>,
    /// Its devices, as the newest window tells.
    pub devices: Option<Census>,
    /// Misses per job in the newest window.
    pub miss_rate: Option<Ratio>,
    /// The device with the greatest miss rate in the newest window.
    pub worst: Option<Worst>,
    /// What was received, each window once.
    pub counts: SiteCounts,
    /// What the site has counted and no window has brought.
    pub undelivered: SiteCounts,
    /// Releases that devices have counted and no report has brought to the site's controller, as the newest window tells.
    pub missing_jobs: u64,
    /// Windows that came more than once.
    pub duplicates: u64,
    /// Wake-up latency over all windows received.
    pub wakeup_us: Option<LatencyView>,
    /// Response time over all windows received.
    pub response_us: Option<LatencyView>,
    /// Bytes of the windows that came, topics and payloads, the repeated ones too. `counts.heard_bytes` is what the devices sent.
    pub received_bytes: u64,
    /// Time since anything was heard of it, in milliseconds.
    pub age_ms: u64,
}

/// All sites together.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct SitesSum {
    /// All devices, as the newest windows tell.
    pub devices: Census,
    /// What was received.
    pub counts: SiteCounts,
    /// What the sites have counted and no window has brought.
    pub undelivered: SiteCounts,
    /// Wake-up latency over all windows of all sites.
    pub wakeup_us: Option<LatencyView>,
    /// Response time over all windows of all sites.
    pub response_us: Option<LatencyView>,
    /// Bytes of the windows that came.
    pub received_bytes: u64,
}

/// A distribution in microseconds: quantiles at most 4.5 % off, the extremes exact.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct LatencyView {
    /// Number of values.
    pub count: u64,
    /// Least.
    pub min: f64,
    /// Median.
    pub p50: f64,
    /// 99th percentile.
    pub p99: f64,
    /// 99.9th percentile.
    pub p999: f64,
    /// Greatest.
    pub max: f64,
}

impl LatencyView {
    /// `None` if nothing is counted.
    pub(crate) fn of(sparse: &Sparse) -> Option<Self> {
        let [p50, p99, p999] = sparse.quantiles_ns([0.5, 0.99, 0.999])?.map(ns_to_micros);
        let (min, max) = (ns_to_micros(sparse.min_ns()?), ns_to_micros(sparse.max_ns()?));
        Some(Self { count: sparse.total(), min, p50, p99, p999, max })
    }
}

impl Sites {
    /// What is known of every site, and of all together.
    #[must_use]
    pub fn view(&self, now: Moment) -> SitesView {
        let (mut wakeup, mut response) = (Sparse::default(), Sparse::default());
        for entry in self.sites.values() {
            wakeup.merge(&entry.wakeup);
            response.merge(&entry.response);
        }
        let sites: Vec<_> = self.sites.iter().map(|(id, entry)| entry.view(id, now, self.link)).collect();
        let all = (!sites.is_empty()).then(|| SitesSum {
            devices: sites.iter().filter_map(|site| site.devices).fold(Census::default(), |a, b| Census {
                known: a.known.saturating_add(b.known),
                online: a.online.saturating_add(b.online),
                offline: a.offline.saturating_add(b.offline),
                degraded: a.degraded.saturating_add(b.degraded),
            }),
            counts: sites.iter().fold(SiteCounts::default(), |sum, site| sum.plus(&site.counts)),
            undelivered: sites.iter().fold(SiteCounts::default(), |sum, site| sum.plus(&site.undelivered)),
            wakeup_us: LatencyView::of(&wakeup),
            response_us: LatencyView::of(&response),
            received_bytes: sites.iter().fold(0, |sum, site| sum.saturating_add(site.received_bytes)),
        });
        SitesView { sites, all }
    }
}

impl Entry {
    fn view(&self, id: &SiteId, now: Moment, link: Option<u64>) -> SiteView {
        let sum = self.tally.sum();
        let newest = self.newest.as_deref();
        SiteView {
            site: id.clone(),
            presence: self.presence_view(now, link),
            boot: self.boot,
            version: self.version.clone(),
            devices: newest.map(|window| window.devices),
            miss_rate: newest.map(|window| Ratio::of(window.counts.misses, window.counts.jobs)),
            worst: newest.and_then(|window| window.worst.clone()),
            counts: sum.received,
            undelivered: sum.missing,
            missing_jobs: newest.map_or(0, |window| window.missing_jobs),
            duplicates: self.tally.duplicates(),
            wakeup_us: LatencyView::of(&self.wakeup),
            response_us: LatencyView::of(&self.response),
            received_bytes: self.received_bytes,
            age_ms: now.millis_since(self.heard),
        }
    }

    fn presence_view(&self, now: Moment, link: Option<u64>) -> PresenceView {
        match self.presence {
            Presence::Offline(_) => PresenceView::Offline,
            Presence::Online if link.is_none() || link != self.heard_on => PresenceView::Unknown,
            Presence::Online if now.millis_since(self.heard) > self.patience_ms() => PresenceView::Unknown,
            Presence::Online => PresenceView::Online,
        }
    }
}
