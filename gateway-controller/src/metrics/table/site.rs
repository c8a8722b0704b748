//! Families with series for each site below.

use super::super::device::Presence;
use super::super::family::{Family, Samples::Site};
use super::super::write::Number;
use super::{by, counter, gauge, histogram};

pub(super) const FAMILIES: &[Family] = &[
    gauge(
        "edge_site_up",
        "1: the site's controller is there. 0: it has said good-bye, or the broker says that it is lost. A silent site is up until then: see edge_site_last_window_timestamp_seconds.",
        Site(|site, out| out.value(site.presence == Presence::Up)),
    ),
    by(
        &["state"],
        gauge(
            "edge_site_devices",
            "Devices of the site as the newest window of its present run tells: all known ones, and of these online, offline and in DEGRADED.",
            Site(|site, out| {
                if let Some(devices) = site.devices {
                    out.labelled(&["known"], devices.known);
                    out.labelled(&["online"], devices.online);
                    out.labelled(&["offline"], devices.offline);
                    out.labelled(&["degraded"], devices.degraded);
                }
            }),
        ),
    ),
    counter(
        "edge_site_reports_total",
        "Reports that the site's controller accepted, in the windows received; each window once.",
        Site(|site, out| out.value(site.counts.reports)),
    ),
    counter(
        "edge_site_jobs_total",
        "Releases of all tasks of the site, run or skipped, in the windows received; each window once.",
        Site(|site, out| out.value(site.counts.jobs)),
    ),
    counter(
        "edge_site_deadline_misses_total",
        "Jobs that missed their deadline, skipped releases included.",
        Site(|site, out| out.value(site.counts.misses)),
    ),
    counter(
        "edge_site_skipped_releases_total",
        "Releases that passed while an earlier job still ran.",
        Site(|site, out| out.value(site.counts.skipped)),
    ),
    counter(
        "edge_site_mode_changes_total",
        "Changes of a device's mode that the site's controller heard of.",
        Site(|site, out| out.value(site.counts.mode_changes)),
    ),
    counter(
        "edge_site_alarms_total",
        "Everything else that a site tells of single devices and of its own broker: lost, back, held, contested, rejected.",
        Site(|site, out| out.value(site.counts.alarms)),
    ),
    counter(
        "edge_site_heard_bytes_total",
        "Bytes of all messages that the devices sent to the site's controller, topics and payloads.",
        Site(|site, out| out.value(site.counts.heard_bytes)),
    ),
    counter(
        "edge_site_received_bytes_total",
        "Bytes of the windows that were accepted here, topics and payloads.",
        Site(|site, out| out.value(site.received_bytes)),
    ),
    counter(
        "edge_site_windows_total",
        "Windows accepted, those in a merged one too; what came twice counts once.",
        Site(|site, out| out.value(site.windows)),
    ),
    counter(
        "edge_site_merged_windows_total",
        "Windows that came merged into a later one, after a time without the broker above.",
        Site(|site, out| out.value(site.merged_windows)),
    ),
    gauge(
        "edge_site_last_window_timestamp_seconds",
        "When a window came last, by the controller's clock.",
        Site(|site, out| out.known(site.heard_ms.map(Number::millis))),
    ),
    gauge(
        "edge_site_window_interval_seconds",
        "Time between two windows, as the site's controller tells.",
        Site(|site, out| out.known(site.every_ms.map(Number::millis))),
    ),
    histogram(
        "edge_site_wakeup_latency_seconds",
        "From release to start of the jobs that ran, of all devices of the site. Counts are exact, the sum within 5 % (from bucket middles).",
        Site(|site, out| out.histogram(&site.wakeup)),
    ),
];
