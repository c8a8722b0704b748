//! docs/metrics.md lists what there is. `UPDATE_DOCS=1` writes its tables anew.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use shared_proto::wire::Status;

use super::super::family::{Family, Kind, Samples};
use super::super::table;
use super::*;

const BEGIN: &str = "<!-- Made from the program's own table: begin -->\n";
const END: &str = "<!-- end -->\n";

fn row(page: &mut String, family: &Family, subject: Option<&str>) {
    let labels = subject.into_iter().chain(family.labels.iter().copied());
    let labels = labels.map(|label| format!("`{label}`")).collect::<Vec<_>>().join(" ");
    let unit = family.unit().unwrap_or_default();
    writeln!(page, "| `{}` | {} | {unit} | {labels} | {} |", family.name, family.kind.as_str(), family.help).unwrap();
}

fn reference() -> String {
    let mut page = String::new();
    for (title, subject, own) in [
        ("Of the fleet", None, false),
        ("Of each device", Some("device"), false),
        ("Of each site below", Some("site"), false),
        ("Of the controller", None, true),
    ] {
        writeln!(page, "\n### {title}\n\n| name | type | unit | labels | meaning |\n|---|---|---|---|---|").unwrap();
        for family in table::all() {
            let of = match family.samples {
                Samples::Fleet(_) => None,
                Samples::Device(_) => Some("device"),
                Samples::Site(_) => Some("site"),
            };
            let of_controller = ["edge_controller_", "process_"].iter().any(|start| family.name.starts_with(start));
            if of == subject && of_controller == own {
                row(&mut page, family, subject);
            }
        }
    }
    page.push('\n');
    page
}

#[test]
fn the_page_lists_every_metric() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/metrics.md");
    let written = fs::read_to_string(&file).unwrap();
    let (before, rest) = written.split_once(BEGIN).expect("the mark where the tables begin");
    let (_, after) = rest.split_once(END).expect("the mark where they end");
    let page = format!("{before}{BEGIN}{}{END}{after}", reference());
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&file, &page).unwrap();
    } else {
        assert!(page == written, "docs/metrics.md is out of date: run this test with UPDATE_DOCS=1");
    }
}

#[test]
fn names_keep_to_the_conventions() {
    let mut names = std::collections::BTreeSet::new();
    for family in table::all() {
        let name = family.name;
        assert!(names.insert(name), "{name} twice");
        assert_eq!(family.kind == Kind::Counter, name.ends_with("_total"), "{name}");
        assert_eq!(matches!(family.samples, Samples::Device(_)), name.starts_with("edge_device_"), "{name}");
        assert_eq!(matches!(family.samples, Samples::Site(_)), name.starts_with("edge_site_"), "{name}");
        assert!(name.starts_with("edge_") || name.starts_with("process_"), "{name}");
        assert!(!family.help.contains(['\n', '\\', '"', '|']) && family.help.ends_with('.'), "{name}: {}", family.help);
        assert!(family.kind != Kind::Histogram || family.unit() == Some("seconds"), "{name}");
    }
}

/// The arithmetic of docs/metrics.md, and of the key metrics.devices.
#[test]
fn the_number_of_series_is_as_documented() {
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/metrics.md")).unwrap();
    let series = |histograms| {
        let settings = Settings { devices: 10, histograms, info: all(), followed: 10, reports: Reports::All };
        let mut book = Book::new(settings, std::sync::Arc::default());
        let status: Status = serde_json::from_str(STATUS).unwrap();
        let full: shared_proto::wire::Report = serde_json::from_str(REPORT).unwrap();
        let mut one = super::report(status.device.as_str(), status.boot.0, 1, 1);
        one.host = full.host;
        take(&mut book, Event::Status(Box::new(status)));
        told(&mut book, one);
        super::sites::one_of_all(&mut book);
        let samples = samples(&book);
        let of = |kind: &str| samples.keys().filter(|series| series.contains(&format!("{{{kind}=\""))).count();
        let (devices, sites) = (of("device"), of("site"));
        (devices, sites, samples.len() - devices - sites)
    };
    let ((most, sites, fixed), (least, same_sites, same)) = (series(Histograms::Device), series(Histograms::Fleet));
    assert_eq!((sites, fixed), (same_sites, same));
    let of_a_site = format!("{sites} series a site");
    assert!(page.contains(&of_a_site), "docs/metrics.md lacks: {of_a_site}");
    let said = format!("{most} series a device with histograms, {least} without, and {fixed} beside them");
    assert!(page.contains(&said), "docs/metrics.md lacks: {said}");
}
