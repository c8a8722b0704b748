//! The table of the sites below, for people.

use shared_proto::wire::{Census, SiteCounts};

use super::table::{age, aligned, known, presence};
use crate::sites::{LatencyView, SiteView, SitesSum, SitesView};

const HEADINGS: [&str; 13] = [
    "SITE",
    "PRESENCE",
    "DEVICES",
    "DEGRADED",
    "MISS RATE",
    "JOBS",
    "MISSING",
    "WAKE p50",
    "p99",
    "max µs",
    "WORST",
    "SAVED",
    "AGE",
];

/// The sites as lines of aligned columns, with all together in the last line if there is more than one.
pub(super) fn sites_table(view: &SitesView) -> String {
    if view.sites.is_empty() {
        return "no sites\n".to_owned();
    }
    let all = view.all.as_ref().filter(|_| view.sites.len() > 1);
    let rows: Vec<_> = view.sites.iter().map(row).chain(all.map(all_together)).collect();
    aligned(HEADINGS, &rows)
}

fn row(view: &SiteView) -> [String; HEADINGS.len()] {
    let [p50, p99, max] = latency(view.wakeup_us.as_ref());
    let worst = view.worst.as_ref().map(|worst| format!("{} {}", worst.device, percent(worst.miss_rate.get())));
    [
        view.site.to_string(),
        presence(view.presence).to_owned(),
        devices(view.devices.as_ref()),
        known(view.devices.map(|devices| devices.degraded)),
        miss_rate(&view.counts),
        view.counts.jobs.to_string(),
        missing(&view.undelivered),
        p50,
        p99,
        max,
        known(worst),
        saved(&view.counts, view.received_bytes),
        age(view.age_ms),
    ]
}

fn all_together(sum: &SitesSum) -> [String; HEADINGS.len()] {
    let [p50, p99, max] = latency(sum.wakeup_us.as_ref());
    [
        "all".to_owned(),
        String::new(),
        devices(Some(&sum.devices)),
        sum.devices.degraded.to_string(),
        miss_rate(&sum.counts),
        sum.counts.jobs.to_string(),
        missing(&sum.undelivered),
        p50,
        p99,
        max,
        String::new(),
        saved(&sum.counts, sum.received_bytes),
        String::new(),
    ]
}

/// Online, of all known ones.
fn devices(census: Option<&Census>) -> String {
    known(census.map(|census| format!("{}/{}", census.online, census.known)))
}

fn percent(share: f64) -> String {
    format!("{:.2} %", share * 100.0)
}

/// Over all windows received.
#[expect(clippy::cast_precision_loss, reason = "a share, shown with two decimals")]
fn miss_rate(counts: &SiteCounts) -> String {
    known((counts.jobs > 0).then(|| percent(counts.misses as f64 / counts.jobs as f64)))
}

/// Releases that the site has counted and no window has brought.
fn missing(undelivered: &SiteCounts) -> String {
    undelivered.jobs.to_string()
}

/// Share of the devices' bytes that did not go on to here; below 0 if more did.
#[expect(clippy::cast_precision_loss, reason = "a share, shown with one decimal")]
fn saved(counts: &SiteCounts, received_bytes: u64) -> String {
    let share = || (1.0 - received_bytes as f64 / counts.heard_bytes as f64) * 100.0;
    known((counts.heard_bytes > 0).then(|| format!("{:.1} %", share())))
}

fn latency(view: Option<&LatencyView>) -> [String; 3] {
    let shown = |pick: fn(&LatencyView) -> f64| known(view.map(|view| format!("{:.0}", pick(view))));
    [shown(|view| view.p50), shown(|view| view.p99), shown(|view| view.max)]
}

#[cfg(test)]
mod tests {
    use shared_proto::ids::BootId;
    use shared_proto::units::Ratio;
    use shared_proto::wire::Worst;

    use super::*;
    use crate::fleet::PresenceView;

    fn site(name: &str) -> SiteView {
        let wakeup = LatencyView { count: 9, min: 10.0, p50: 51.0, p99: 88.4, p999: 90.0, max: 120.0 };
        SiteView {
            site: name.parse().unwrap(),
            presence: PresenceView::Online,
            boot: BootId(1),
            version: None,
            devices: Some(Census { known: 14, online: 12, offline: 2, degraded: 3 }),
            miss_rate: Some(Ratio::of(1, 8)),
            worst: Some(Worst { device: "pi-7".parse().unwrap(), miss_rate: Ratio::of(1, 4) }),
            counts: SiteCounts { jobs: 4_000, misses: 50, heard_bytes: 10_000, ..SiteCounts::default() },
            undelivered: SiteCounts { jobs: 17, ..SiteCounts::default() },
            missing_jobs: 0,
            duplicates: 0,
            wakeup_us: Some(wakeup),
            response_us: None,
            received_bytes: 450,
            age_ms: 1_250,
        }
    }

    fn sum() -> SitesSum {
        SitesSum {
            devices: Census { known: 14, online: 12, offline: 2, degraded: 3 },
            counts: SiteCounts { jobs: 4_000, misses: 50, heard_bytes: 10_000, ..SiteCounts::default() },
            undelivered: SiteCounts { jobs: 17, ..SiteCounts::default() },
            wakeup_us: None,
            response_us: None,
            received_bytes: 900,
        }
    }

    #[test]
    fn columns_line_up_and_all_are_summed_below_more_than_one() {
        let silent = SiteView {
            presence: PresenceView::Unknown,
            devices: None,
            miss_rate: None,
            worst: None,
            counts: SiteCounts::default(),
            undelivered: SiteCounts::default(),
            wakeup_us: None,
            ..site("a-much-longer-name")
        };
        let text = sites_table(&SitesView { sites: vec![site("north"), silent], all: Some(sum()) });
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines.len(), 4, "{text}");
        let column = |line: &str, word: &str| line.find(word).map(|at| line[..at].chars().count());
        for (heading, cell) in [
            ("DEVICES", "12/14"),
            ("MISS RATE", "1.25 %"),
            ("MISSING", "17"),
            ("WORST", "pi-7 25.00 %"),
            ("SAVED", "95.5 %"),
        ] {
            assert_eq!(column(lines[0], heading), column(lines[1], cell), "{heading}\n{text}");
        }
        for word in ["north", "online", "4000", "51", "88", "120", "1.2 s"] {
            assert!(lines[1].contains(word), "{word}: {}", lines[1]);
        }
        assert!(lines[2].contains("unknown") && lines[2].matches("  - ").count() == 8, "{}", lines[2]);
        assert!(
            lines[3].starts_with("all ") && lines[3].ends_with("91.0 %") && lines[3].contains("1.25 %"),
            "{}",
            lines[3]
        );
    }

    #[test]
    fn one_site_is_not_summed_and_none_is_said() {
        let text = sites_table(&SitesView { sites: vec![site("north")], all: Some(sum()) });
        assert_eq!(text.lines().count(), 2, "{text}");
        assert_eq!(sites_table(&SitesView::default()), "no sites\n");
    }

    #[test]
    fn more_bytes_than_the_devices_sent_are_less_than_none_saved() {
        let counts = SiteCounts { heard_bytes: 100, ..SiteCounts::default() };
        assert_eq!([saved(&counts, 150), saved(&SiteCounts::default(), 9)], ["-50.0 %", "-"]);
    }
}
