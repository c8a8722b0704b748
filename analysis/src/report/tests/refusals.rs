//! Files that no report is made of.

use std::slice::from_ref;

use super::made::Made;
use super::*;
use crate::run::{Recorder, Run, RunFile, Task};

fn run_file(directory: &std::path::Path, name: &str, us: u64) -> PathBuf {
    let run = |repetition: u32| {
        let mut wakeups = Recorder::default();
        (0..4000u64).for_each(|job| wakeups.record(us * 1000 + job % 97 + u64::from(repetition)));
        Run {
            scenario: "idle".to_owned(),
            repetition,
            task: Task { period_us: 1000.0, deadline_us: 1000.0, ..Task::default() },
            releases: 4000,
            run: 4000,
            wakeup_us: wakeups.distribution(),
            ..Run::default()
        }
    };
    let file =
        RunFile { tool: "device-agent 0.1.0".to_owned(), runs: (1..=6).map(run).collect(), ..RunFile::default() };
    let path = directory.join(name);
    std::fs::write(&path, serde_json::to_string_pretty(&file).unwrap()).unwrap();
    path
}

#[test]
fn run_files_are_reported_on_by_themselves_and_not_with_recordings() {
    let directory = tempfile::tempdir().unwrap();
    let (a, b) = (run_file(directory.path(), "a.json", 40), run_file(directory.path(), "b.json", 20));
    let report = Report::read(&Request { a: vec![a.clone()], b: vec![b], ..Request::default() }).unwrap();
    assert!(
        report.headline()[0].starts_with("A against B: p99 of the wake-up latency ×1.99 ["),
        "{:?}",
        report.headline()
    );
    let page = report.html();
    assert!(page.contains("id=\"figure-tail\"") && !page.contains("id=\"figure-gateway-over-time\""));
    let recording = Made { seconds: 4, ..Made::default() }.write(directory.path());
    for told in [refusal(from_ref(&recording), from_ref(&a)), refusal(&[a.clone(), recording.clone()], &[])] {
        assert!(
            told.contains("plain-1.jsonl.zst is an experiment file and") && told.contains("a.json is not"),
            "{told}"
        );
    }
}

#[test]
fn what_is_no_file_of_ours_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let put = |name: &str, content: &[u8]| {
        let path = directory.path().join(name);
        std::fs::write(&path, content).unwrap();
        path
    };
    let cases: [(&str, &[u8], &str); 5] = [
        ("other.json", b"{\"benchmark\": 1}", "neither an experiment file nor a run file"),
        ("noise", b"\x7fELF\x02\x01", "neither an experiment file nor a run file"),
        ("empty", b"", "there is no line in it"),
        (
            "new.jsonl",
            b"{\"kind\":\"begin\",\"format\":\"fleet-experiment\",\"version\":7}\n",
            "version 7: this program reads 1 to 1",
        ),
        ("words.txt", b"hello\nworld\n", "neither an experiment file nor a run file"),
    ];
    for (name, content, expected) in cases {
        let told = refusal(&[put(name, content)], &[]);
        assert!(told.contains(name) && told.contains(expected), "{told}");
    }
    let absent = refusal(&[directory.path().join("absent.zst")], &[]);
    assert!(absent.contains("absent.zst") && absent.contains("No such file"), "{absent}");
    assert_eq!(refusal(&[], &[]), "A has no files");
}

#[test]
fn a_recording_twice_and_one_without_reports() {
    let directory = tempfile::tempdir().unwrap();
    let one = Made { seconds: 4, ..Made::default() }.write(directory.path());
    let link = directory.path().join("link.zst");
    std::os::unix::fs::symlink(&one, &link).unwrap();
    for told in [refusal(&[one.clone(), link.clone()], &[]), refusal(from_ref(&one), &[link])] {
        assert!(told.contains("plain-1.jsonl.zst and") && told.contains("link.zst are the same file"), "{told}");
    }
    let copy = directory.path().join("copy.zst");
    std::fs::copy(&one, &copy).unwrap();
    assert!(refusal(&[one], &[copy]).contains("are the same run"));
    let silent = Made { label: "silent".to_owned(), devices: 0, seconds: 0, ..Made::default() }.write(directory.path());
    assert!(refusal(&[silent], &[]).contains("no device has reported in it"));
}

#[test]
fn a_recording_that_was_cut_short_is_used_and_said_so() {
    let directory = tempfile::tempdir().unwrap();
    let cut = Made { label: "cut".to_owned(), seconds: 6, end: None, ..Made::default() }.write(directory.path());
    let report = Report::read(&Request { a: vec![cut], ..Request::default() }).unwrap();
    let page = report.html();
    assert!(page.contains("cut-1.jsonl.zst: ends after 6.0 s: cut short"), "no note");
    assert!(page.contains("<td>cut short</td>"));
}
