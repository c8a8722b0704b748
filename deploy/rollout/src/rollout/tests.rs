use std::time::Duration;

use super::resume::standing;
use super::*;
use crate::inventory::Amount;
use crate::update::tests::{FakeClock, FakeDevice, Fault, artefact, task};

struct Story {
    ending: Ending,
    /// Current release of each device.
    releases: Vec<String>,
    record: String,
}

const NEW: &str = "0123456789abcdef";

/// A rollout over devices with these faults: one canary, waves of two.
fn story(faults: &[Fault], max_unreachable: usize, standing: &BTreeMap<String, Standing>) -> Story {
    let (clock, artefact) = (FakeClock::default(), artefact());
    clock.sleep(Duration::from_secs(1_000));
    let devices: Vec<_> = faults.iter().map(|fault| FakeDevice::new(*fault, &clock)).collect();
    let labels: Vec<_> = (0..faults.len()).map(|index| format!("d{index}")).collect();
    for (device, label) in devices.iter().zip(&labels) {
        if standing.get(label) == Some(&Standing::Good) {
            let mut state = device.state.lock().unwrap();
            (state.current, state.previous) = (NEW.to_owned(), Some("old".to_owned()));
        }
    }
    let members: Vec<_> =
        devices.iter().zip(&labels).map(|(device, label)| Member { label, name: None, device }).collect();
    let task = task(&artefact);
    let policy = Policy {
        canary: Amount::Count(1),
        wave: Amount::Count(2),
        max_down: 2,
        max_unreachable: Amount::Count(max_unreachable),
        max_unreachable_canary: Amount::Count(0),
        terms: task.terms,
        guard: task.guard,
        poll: task.poll,
    };
    let waves = crate::plan::waves(faults.len(), &policy);
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("record");
    let record = Record::create(&path).unwrap();
    let named = waves.iter().map(|wave| wave.iter().map(|index| labels[*index].clone()).collect()).collect();
    record.write(Event::Begin { release: artefact.release(), sha256: artefact.sha256.clone(), waves: named }).unwrap();
    let rollout = Rollout {
        members: &members,
        waves: &waves,
        task: &task,
        policy: &policy,
        clock: &clock,
        seen: &|_, _| Seen::NotLooked,
        record: &record,
        show: &|_, _| {},
    };
    let ending = rollout.run(standing);
    let releases = devices.iter().map(FakeDevice::current).collect();
    Story { ending, releases, record: std::fs::read_to_string(path).unwrap() }
}

/// What the record says of each device, next to the truth.
fn stands(story: &Story, count: usize) -> Vec<Standing> {
    let waves: Vec<Vec<String>> = serde_json::from_str::<serde_json::Value>(story.record.lines().next().unwrap())
        .map(|line| serde_json::from_value(line["waves"].clone()).unwrap())
        .unwrap();
    let standing = standing(&story.record, &artefact().sha256, &waves).unwrap();
    (0..count).map(|index| standing.get(&format!("d{index}")).copied().unwrap_or_default()).collect()
}

fn run(faults: &[Fault]) -> Story {
    story(faults, 0, &BTreeMap::new())
}

#[test]
fn all_get_it() {
    let story = run(&[Fault::Nothing; 5]);
    assert_eq!(story.ending, Ending::AllDone { missed: vec![] });
    assert_eq!(story.releases, [NEW; 5]);
    assert_eq!(stands(&story, 5), [Standing::Good; 5]);
    assert!(story.record.ends_with("\"event\":\"finish\"}\n"), "{}", story.record);
}

#[test]
fn a_bad_canary_is_all_that_was_touched() {
    let story = run(&[Fault::Late, Fault::Nothing, Fault::Nothing]);
    assert!(matches!(&story.ending, Ending::Stopped(why) if why.starts_with("d0: rolled back")), "{:?}", story.ending);
    assert_eq!(story.releases, ["old"; 3]);
    assert!(!story.record.contains("\"d1\",\"wave\""));
}

#[test]
fn a_bad_wave_goes_back_as_a_whole_and_earlier_ones_stay() {
    for bad in [Fault::Late, Fault::Crashes, Fault::RefusesCopy, Fault::GoneAfterSwitch] {
        let story = run(&[Fault::Nothing, Fault::Nothing, bad, Fault::Nothing]);
        assert!(matches!(story.ending, Ending::Stopped(_)), "{bad:?}: {:?}", story.ending);
        assert_eq!(story.releases, [NEW, "old", "old", "old"], "{bad:?}");
        assert_eq!(stands(&story, 4)[0], Standing::Good);
        assert_eq!(stands(&story, 4)[1..], [Standing::Open; 3]);
    }
}

#[test]
fn few_out_of_reach_are_told_and_left_out() {
    let faults = [Fault::Nothing, Fault::Away, Fault::Nothing, Fault::Nothing];
    let told = story(&faults, 1, &BTreeMap::new());
    assert_eq!(told.ending, Ending::AllDone { missed: vec!["d1".to_owned()] });
    assert_eq!(told.releases, [NEW, "old", NEW, NEW]);
    let stopped = story(&faults, 0, &BTreeMap::new());
    assert!(
        matches!(&stopped.ending, Ending::Stopped(why) if why.contains("cannot be reached")),
        "{:?}",
        stopped.ending
    );
    assert_eq!(stopped.releases, [NEW, "old", "old", "old"]);
}

#[test]
fn who_needs_a_person_is_named() {
    let story = run(&[Fault::Nothing, Fault::BreaksDown, Fault::Nothing]);
    assert_eq!(story.ending, Ending::Unclear(vec!["d1".to_owned()]));
    assert_eq!(stands(&story, 3)[1], Standing::InDoubt);
}

#[test]
fn who_was_done_before_is_left_alone_but_goes_back_with_its_wave() {
    let known = BTreeMap::from([("d0".to_owned(), Standing::Good), ("d1".to_owned(), Standing::Good)]);
    let story = self::story(&[Fault::Nothing; 4], 0, &known);
    assert_eq!(story.ending, Ending::AllDone { missed: vec![] });
    assert!(!story.record.contains("\"d0\",\"wave\"") && story.record.contains("\"d2\",\"wave\""));
    let story = self::story(&[Fault::Nothing, Fault::Nothing, Fault::Late, Fault::Nothing], 0, &known);
    assert_eq!(story.releases, [NEW, "old", "old", "old"]);
}

#[test]
fn a_look_changes_nothing_and_says_whether_to_begin() {
    let (clock, artefact) = (FakeClock::default(), artefact());
    let devices = [Fault::Nothing, Fault::Away].map(|fault| FakeDevice::new(fault, &clock));
    let members: Vec<_> =
        devices.iter().zip(["a", "b"]).map(|(device, label)| Member { label, name: None, device }).collect();
    let task = task(&artefact);
    let policy = Policy {
        canary: Amount::Count(1),
        wave: Amount::Count(1),
        max_down: 1,
        max_unreachable: Amount::Count(1),
        max_unreachable_canary: Amount::Count(0),
        terms: task.terms,
        guard: task.guard,
        poll: task.poll,
    };
    let with = |waves: &[Vec<usize>], name: Option<&'static str>| {
        let members: Vec<_> =
            members.iter().map(|member| Member { label: member.label, name, device: member.device }).collect();
        let (record, seen) = (Record::none(), |_: &str, _: &str| Seen::NotLooked);
        let rollout = Rollout {
            members: &members,
            waves,
            task: &task,
            policy: &policy,
            clock: &clock,
            seen: &seen,
            record: &record,
            show: &|_, _| {},
        };
        rollout.may_begin(&rollout.look())
    };
    assert_eq!(with(&[vec![0], vec![1]], None), Ok(()));
    assert!(with(&[vec![1], vec![0]], None).unwrap_err().contains("first wave"));
    assert!(with(&[vec![0], vec![1]], Some("other")).unwrap_err().starts_with("a: "));
    assert_eq!(devices[0].current(), "old");
}
