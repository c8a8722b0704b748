//! The table of devices, for people.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::fleet::{CountedView, DeviceView, PresenceView, WantedBy};

const HEADINGS: [&str; 15] = [
    "DEVICE",
    "PRESENCE",
    "MODE",
    "SOURCE",
    "REASON",
    "WANTED",
    "MISS RATE",
    "JOBS",
    "SKIPPED",
    "MISSING",
    "WAKE p50",
    "p99",
    "max µs",
    "HEARD (UTC)",
    "AGE",
];

/// Below the table, where the counts are the devices' own.
const TOLD: &str = "\nThis controller shares the reports with others: JOBS and SKIPPED are what each device counted since its agent's start.\n";

/// The devices as lines of aligned columns.
pub(super) fn table(devices: &[DeviceView], now: SystemTime) -> String {
    if devices.is_empty() {
        return "no devices\n".to_owned();
    }
    let rows: Vec<_> = devices.iter().map(|device| row(device, now)).collect();
    let told = devices.iter().any(|device| device.counted == CountedView::Told);
    aligned(HEADINGS, &rows) + if told { TOLD } else { "" }
}

/// Cells as lines of aligned columns, under their headings.
pub(super) fn aligned<const N: usize>(headings: [&str; N], rows: &[[String; N]]) -> String {
    let headings = headings.map(str::to_owned);
    let mut widths = [0; N];
    for cells in std::iter::once(&headings).chain(rows) {
        for (width, cell) in widths.iter_mut().zip(cells) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let line = |cells: &[String; N]| {
        let padded: Vec<_> = cells.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        format!("{}\n", padded.join("  ").trim_end())
    };
    std::iter::once(&headings).chain(rows).map(line).collect()
}

fn row(view: &DeviceView, now: SystemTime) -> [String; HEADINGS.len()] {
    let wakeup =
        |pick: fn(&crate::fleet::WakeupView) -> f64| known(view.wakeup_us.as_ref().map(|w| format!("{:.0}", pick(w))));
    let wanted = match (view.wanted, view.wanted_by) {
        (Some(mode), WantedBy::SetMode) => format!("{mode} (set-mode)"),
        (Some(mode), WantedBy::Kubeedge) => format!("{mode} (kubeedge)"),
        (None, WantedBy::SetMode | WantedBy::Kubeedge) => "released".to_owned(),
        (wanted, WantedBy::Policy) => known(wanted),
    };
    // What a device writes is shown without control characters: they could steer the terminal.
    let reason: String = view.reason.as_str().chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
    [
        view.device.to_string(),
        presence(view.presence).to_owned(),
        known(view.mode),
        known(view.mode_source),
        known(Some(reason).filter(|reason| !reason.is_empty())),
        wanted,
        known(view.miss_rate.map(|rate| format!("{:.2} %", rate.get() * 100.0))),
        view.jobs.to_string(),
        view.skipped.to_string(),
        known((view.counted == CountedView::Received).then_some(view.missing_jobs)),
        wakeup(|w| w.p50),
        wakeup(|w| w.p99),
        wakeup(|w| w.max),
        clock(now, view.age_ms),
        age(view.age_ms),
    ]
}

pub(super) fn presence(view: PresenceView) -> &'static str {
    match view {
        PresenceView::Online => "online",
        PresenceView::Offline => "offline",
        PresenceView::Unknown => "unknown",
    }
}

pub(super) fn known(value: Option<impl ToString>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| value.to_string())
}

/// Time of day in UTC, `age_ms` before `now`.
fn clock(now: SystemTime, age_ms: u64) -> String {
    let since = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs().saturating_sub(age_ms / 1000);
    let second = since % 86_400;
    format!("{:02}:{:02}:{:02}", second / 3600, second / 60 % 60, second % 60)
}

pub(super) fn age(ms: u64) -> String {
    match ms {
        0..60_000 => format!("{}.{} s", ms / 1000, ms / 100 % 10),
        60_000..3_600_000 => format!("{} min", ms / 60_000),
        3_600_000..172_800_000 => format!("{} h", ms / 3_600_000),
        _ => format!("{} d", ms / 86_400_000),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use shared_proto::mode::{Mode, ModeSource};
    use shared_proto::units::Ratio;

    use super::*;
    use crate::fleet::{DialectView, WakeupView};

    fn view(name: &str) -> DeviceView {
        DeviceView {
            device: name.parse().unwrap(),
            presence: PresenceView::Online,
            dialect: DialectView::Native,
            boot: None,
            version: None,
            mode: Some(Mode::Degraded),
            mode_source: Some(ModeSource::Gateway),
            reason: "hot\u{1b}[2J".into(),
            wanted: Some(Mode::Degraded),
            wanted_by: WantedBy::SetMode,
            miss_rate: Some(Ratio::of(1, 8)),
            jobs: 1_000,
            misses: 10,
            skipped: 3,
            missing_jobs: 4,
            duplicates: 0,
            counted: CountedView::Received,
            wakeup_us: Some(WakeupView { p50: 51.0, p99: 88.4, max: 120.0 }),
            age_ms: 1_250,
        }
    }

    #[test]
    fn columns_line_up_and_devices_cannot_steer_the_terminal() {
        let unknown = DeviceView {
            mode: None,
            mode_source: None,
            reason: "".into(),
            miss_rate: None,
            wakeup_us: None,
            wanted: None,
            wanted_by: WantedBy::Policy,
            ..view("a-much-longer-name")
        };
        let now = UNIX_EPOCH + Duration::from_secs(86_400 * 3 + 3_600 + 62);
        let text = table(&[view("pi-1"), unknown], now);
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines.len(), 3);
        assert!(!text.contains('\u{1b}'));
        let column =
            |line: &str, word: &str| line.chars().collect::<String>().find(word).map(|at| line[..at].chars().count());
        assert_eq!(column(lines[0], "WANTED"), column(lines[1], "DEGRADED (set-mode)"));
        for word in ["online", "gateway", "12.50 %", "1000", "51", "88", "120", "01:01:01", "1.2 s"] {
            assert!(lines[1].contains(word), "{word}: {}", lines[1]);
        }
        assert_eq!(lines[2].matches(" - ").count(), 8, "{}", lines[2]);
    }

    #[test]
    fn ages_are_short() {
        assert_eq!(
            [0, 59_999, 60_000, 3_599_999, 7_200_000, 200_000_000].map(age),
            ["0.0 s", "59.9 s", "1 min", "59 min", "2 h", "2 d"]
        );
    }
}
