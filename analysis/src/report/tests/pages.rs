use super::*;

#[test]
fn look() {
    let directory = tempfile::tempdir().unwrap();
    let report = Report::read(&pair(directory.path())).unwrap();
    report.headline().iter().for_each(|line| println!("{line}"));
    let out = PathBuf::from("/tmp/ws-report-out");
    let places = Places { html: Some(out.join("r.html")), plots: Some(out.join("plots")), csv: Some(out.join("csv")) };
    report.write(&places, Existing::Replace).unwrap();
}
