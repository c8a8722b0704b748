//! What is written is read.

use std::path::Path;

use proptest::prelude::*;

use super::fixture::{ack, begin, command, end, report};
use super::*;

fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![any::<String>(), Just("a\nb\r\n\0\u{1b}[31m</script>".to_owned())]
}

fn any_line() -> impl Strategy<Value = Line> {
    let at_ms = 0.0..1e9;
    let gateway = (0.0..=1.0, proptest::option::of(0.0..=1.0), any::<u32>(), 0.0..64.0, any_text());
    prop_oneof![
        (at_ms.clone(), 1u64..1000, 0u64..50).prop_map(|(at_ms, seq, jobs)| report(at_ms, seq, jobs)),
        (at_ms.clone(), any::<u64>()).prop_map(|(at_ms, number)| command(at_ms, number)),
        (at_ms.clone(), any::<u64>()).prop_map(|(at_ms, number)| ack(at_ms, number)),
        (at_ms.clone(), any_text()).prop_map(|(at_ms, reason)| Line::Down(Down { at_ms, reason })),
        (at_ms.clone()).prop_map(|at_ms| Line::Up(Beginning { at_ms })),
        (at_ms.clone(), any_text(), any::<u64>()).prop_map(|(at_ms, what, count)| Line::Lost(Lost {
            at_ms,
            what,
            count
        })),
        (at_ms, gateway).prop_map(|(at_ms, (cpu, cpu_pressure, kb, group_cpu, name))| {
            let group = Group { name, processes: kb % 7, cpu: group_cpu, memory_kb: kb.into() };
            let memory_kb = kb.into();
            Line::Gateway(Gateway { at_ms, cpu, cpu_pressure, memory_kb, groups: vec![group], ..Gateway::default() })
        }),
    ]
}

fn write(path: &Path, lines: &[Line], keep_after: usize) -> Kept {
    let mut writer = Writer::create(path, begin(), Existing::Refuse).unwrap();
    for (index, line) in lines.iter().enumerate() {
        writer.append(line).unwrap();
        if index % keep_after == 0 {
            writer.keep().unwrap();
        }
    }
    let reports = lines.iter().filter(|line| matches!(line, Line::Report(_))).count();
    writer.finish(end(1e9, reports as u64)).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_lines_in_any_frames_come_back(lines in prop::collection::vec(any_line(), 0..40), keep_after in 1usize..9) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("x.jsonl.zst");
        let kept = write(&path, &lines, keep_after);
        prop_assert_eq!(kept.bytes, std::fs::metadata(&path).unwrap().len());
        prop_assert_eq!(kept.lines, lines.len() as u64 + 2);
        let mut recording = Recording::read(&path).unwrap();
        prop_assert_eq!(recording.begin(), &begin());
        let mut read: Vec<_> = recording.by_ref().map(Result::unwrap).collect();
        prop_assert_eq!(recording.notes(), &[]);
        let Some(Line::End(last)) = read.pop() else { panic!("no end") };
        prop_assert_eq!(Some(&last), recording.end());
        prop_assert_eq!(read, lines);
    }
}

#[test]
fn plain_lines_are_read_as_well() {
    let lines = [Line::Begin(Box::new(begin())), command(1.0, 1), ack(2.0, 1), Line::End(end(3.0, 0))];
    let text: Vec<_> = lines.iter().map(|line| serde_json::to_string(line).unwrap()).collect();
    for joint in ["\n", "\r\n", "\n\n  \n"] {
        let (_directory, path) = file(format!("{}\n", text.join(joint)).as_bytes());
        assert_eq!(read_all(&path).unwrap(), (lines[1..].to_vec(), vec![]), "{joint:?}");
    }
}

#[test]
fn a_file_that_exists_is_kept_unless_it_is_to_be_replaced() {
    let (_directory, path) = file(b"precious");
    let error = Writer::create(&path, begin(), Existing::Refuse).err().unwrap().to_string();
    assert!(error.contains("exists") && error.contains("--force"), "{error}");
    assert_eq!(std::fs::read(&path).unwrap(), b"precious");
    Writer::create(&path, begin(), Existing::Replace).unwrap().finish(end(1.0, 0)).unwrap();
    assert_eq!(read_all(&path).unwrap().1, []);
}

#[test]
fn a_link_in_the_place_of_the_file_is_not_followed() {
    let (directory, target) = file(b"precious");
    let link = directory.path().join("link");
    std::os::unix::fs::symlink(&target, &link).unwrap();
    assert!(Writer::create(&link, begin(), Existing::Refuse).is_err());
    drop(Writer::create(&link, begin(), Existing::Replace).unwrap());
    assert_eq!(std::fs::read(&target).unwrap(), b"precious");
}

#[test]
fn a_directory_that_is_not_there_is_named() {
    let error = Writer::create("/nowhere/x.zst", begin(), Existing::Refuse).err().unwrap().to_string();
    assert!(error.contains("/nowhere/x.zst") && error.contains("No such file"), "{error}");
}

/// Reports look alike: a recording takes a sixth of its lines or less.
#[test]
fn reports_pack_well() {
    let lines: Vec<_> = (1..500_u32).map(|seq| report(200.0 * f64::from(seq), seq.into(), 200)).collect();
    let plain: usize = lines.iter().map(|line| serde_json::to_vec(line).unwrap().len() + 1).sum();
    let directory = tempfile::tempdir().unwrap();
    let kept = write(&directory.path().join("x"), &lines, usize::MAX);
    assert!(kept.bytes * 6 < plain as u64, "{kept:?} of {plain}");
}
