use std::fs;

use tempfile::TempDir;

use super::*;

/// A made-up machine.
pub(super) fn machine(files: &[(&str, &str)]) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path = dir.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    dir
}

pub(super) fn outcomes(findings: &[Finding]) -> Vec<(&str, Outcome)> {
    findings.iter().map(|finding| (finding.check.as_str(), finding.outcome)).collect()
}

/// The findings that something makes.
pub(super) fn told(judge: impl FnOnce(&mut Findings)) -> Vec<Finding> {
    let mut findings = Findings::default();
    judge(&mut findings);
    findings.0
}

fn loaded(text: &str) -> (Config, Loaded) {
    let loaded = SCHEMA.load_text(Path::new("agent.toml"), &format!("device.name = \"pi-1\"\n{text}")).unwrap();
    (Config::from_loaded(&loaded).unwrap(), loaded)
}

pub(super) fn config(text: &str) -> Config {
    loaded(text).0
}

const BARE: &str = "[realtime]\nscheduler = \"other\"\nlock_memory = false\nno_deep_sleep = false\n";

#[test]
fn without_a_configuration_the_machine_is_looked_at_all_the_same() {
    let root = machine(&[]);
    let error = SCHEMA.load_text(Path::new("agent.toml"), "[mqttt]").unwrap_err();
    let report = without_config(root.path(), Some(Path::new("agent.toml")), &error);
    assert!(report.is_without_configuration() && report.device.is_none());
    assert_eq!(report.outcome, Outcome::Failure);
    assert!(report.findings[0].found.contains("did you mean mqtt?"), "{report:?}");
    assert!(report.findings[0].mend.as_deref().unwrap().contains("check-config agent.toml"));
    for check in ["clock.set", "power.supply", "cpu.governor", "watchdog.service"] {
        assert!(report.findings.iter().any(|finding| finding.check == check), "{check}: {report:?}");
    }
}

#[test]
fn every_check_has_one_finding() {
    let root = machine(&[("etc/device-agent/config.toml", "")]);
    let (config, loaded) = loaded(&format!(
        "{BARE}[mqtt]\nurl = \"mqtt://127.0.0.1:1\"\n[control]\nsocket = \"{}\"",
        root.path().join("s").display()
    ));
    let report = with_config(root.path(), None, &config, &loaded);
    let mut checks: Vec<&str> = report.findings.iter().map(|finding| finding.check.as_str()).collect();
    let all = checks.len();
    checks.sort_unstable();
    checks.dedup();
    assert_eq!(checks.len(), all, "{report:?}");
    assert_eq!((report.device.as_deref(), report.outcome), (Some("pi-1"), Outcome::Failure));
    let told = outcomes(&report.findings);
    for finding in [(CONFIG, Outcome::Warning), ("gpio.lines", Outcome::Ok), ("broker.port", Outcome::Failure)] {
        assert!(told.contains(&finding), "{finding:?}: {report:?}");
    }
    assert!(!report.is_without_configuration());
}

#[test]
fn credentials_of_systemd_are_no_fault_of_the_device() {
    let tls = "[mqtt]\nurl = \"mqtts://127.0.0.1:1\"\nca_file = \"credential:ca.crt\"";
    let (config, loaded) = loaded(tls);
    assert_eq!(files_at(&config), FilesAt::Systemd);
    let told = told(|to| files(&config, &loaded, FilesAt::Systemd, None, to));
    assert_eq!((told[0].outcome, told[0].mend.as_deref()), (Outcome::Skipped, Some(AS_SERVICE)));
    assert_eq!(limit(&Running::No, FilesAt::Systemd).map(|limit| limit.last), Some(Step::Port));
    assert_eq!(files_at(&self::config("")), FilesAt::Hand);
}

#[test]
fn nothing_is_taken_from_an_agent_that_runs() {
    let mute = Running::Mute("process 7".to_owned());
    let chip = self::config("[gpio]\nbackend = \"chardev\"\nchip = \"/dev/null\"");
    let lines = |config: &Config, running| told(|to| lines(config, running, to))[0].outcome;
    assert_eq!(lines(&chip, &mute), Outcome::Skipped);
    assert_eq!(lines(&chip, &Running::No), Outcome::Failure);
    assert_eq!(lines(&self::config(""), &mute), Outcome::Ok);
    let answers = |link| Running::Answers { link, told: String::new() };
    let last = |running| limit(&running, FilesAt::Hand).map(|limit| limit.last);
    assert_eq!([last(mute), last(answers(Link::Up))], [Some(Step::Tls); 2]);
    assert_eq!([last(answers(Link::Down)), last(Running::No)], [None; 2]);
}

#[test]
fn the_json_has_stable_names() {
    let mut findings = Findings::default();
    findings.warning("clock.set", format_args!("found"), format_args!("mend"));
    let report = Report::new(Some("pi-1".to_owned()), findings);
    assert_eq!(
        serde_json::to_string(&report).unwrap(),
        format!(
            "{{\"doctor\":1,\"version\":\"{}\",\"device\":\"pi-1\",\"outcome\":\"warning\",\"findings\":[{{\"check\":\"clock.set\",\
             \"outcome\":\"warning\",\"found\":\"found\",\"mend\":\"mend\"}}]}}",
            env!("CARGO_PKG_VERSION")
        )
    );
}
