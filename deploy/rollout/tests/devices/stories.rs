//! The stories. After each, all agents run a good release and report.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::agent::artefact_of_size;
use crate::site::{Site, text};
use crate::waiting::eventually;

type Story = fn(&mut Site);

pub(crate) const ALL: &[(&str, Story)] = &[
    ("a_good_release_goes_to_all", a_good_release_goes_to_all),
    ("a_dry_run_changes_nothing", a_dry_run_changes_nothing),
    ("a_release_that_crashes_stops_at_the_canary", a_release_that_crashes_stops_at_the_canary),
    ("a_wave_goes_back_as_a_whole", a_wave_goes_back_as_a_whole),
    ("a_device_that_disappears_is_left_as_it_was", a_device_that_disappears_is_left_as_it_was),
    ("a_full_disk_is_refused", a_full_disk_is_refused),
    ("only_a_right_signature_is_taken", only_a_right_signature_is_taken),
    (
        "a_killed_tool_leaves_it_to_the_guard_and_is_gone_on_with",
        a_killed_tool_leaves_it_to_the_guard_and_is_gone_on_with,
    ),
    ("one_device_goes_back_by_hand", one_device_goes_back_by_hand),
];

fn a_good_release_goes_to_all(site: &mut Site) {
    let boots: Vec<_> = site.devices.iter().map(|device| device.status().boot).collect();
    let artefact = site.artefact("good 1");
    site.rollout(&artefact, "good.jsonl", &[]).ended_with(0).says("all done");
    let releases = site.releases();
    assert!(releases.iter().all(|release| *release == releases[0]), "{releases:?}");
    for (device, boot) in site.devices.iter().zip(boots) {
        assert_ne!(device.status().boot, boot);
        assert_eq!(site.outcome("good.jsonl", &device.name).as_deref(), Some("done"));
        // The program that was set up by hand is a release now, and a link is in its place.
        assert!(fs::symlink_metadata(device.home.join("bin/device-agent")).unwrap().is_symlink());
        assert_eq!(fs::read_dir(device.home.join("opt/releases")).unwrap().count(), 2);
    }
    let record = site.record("good.jsonl");
    assert_eq!(record.first().unwrap()["event"], "begin");
    assert_eq!(record.last().unwrap()["event"], "finish");
    assert_eq!(record.first().unwrap()["waves"], serde_json::json!([["pi-1"], ["pi-2", "pi-3", "pi-4"]]));
    // The canary was through before the next wave was touched.
    let place = |event: &str, host: &str| {
        record.iter().position(|line| line["event"] == event && line["host"] == host).unwrap()
    };
    assert!(place("end", "pi-1") < place("step", "pi-2"));
    let done = record.iter().find(|line| line["outcome"] == "done").unwrap();
    assert!(done["figures"]["after"]["jobs"].as_u64().unwrap() >= 10, "{done}");
    // A record is never written over, and the same release again changes nothing.
    site.rollout(&artefact, "good.jsonl", &[]).ended_with(2).says("--resume");
    let before = site.devices[0].status().boot;
    site.push("pi-1", &artefact, &[]).ended_with(0).says("has this release already");
    assert_eq!(site.devices[0].status().boot, before);
}

fn a_dry_run_changes_nothing(site: &mut Site) {
    let before = (site.releases(), boots(site));
    let artefact = site.artefact("good dry");
    let inventory = site.inventory();
    let words = ["rollout", &inventory, "--artefact", &text(&artefact), "--dry-run"];
    site.fleet(&words, &[]).ended_with(0).says("wave 1: pi-2, pi-3, pi-4").says("pi-4: may be updated");
    assert_eq!((site.releases(), boots(site)), before);
}

fn a_release_that_crashes_stops_at_the_canary(site: &mut Site) {
    let (before, runs) = (site.releases(), boots(site));
    let previous = || fs::read_link(site.devices[0].home.join("opt/previous")).unwrap();
    let previous_before = previous();
    let artefact = site.artefact("crash");
    site.rollout(&artefact, "crash.jsonl", &[]).ended_with(1).says("pi-1: rolled back: no answer within 8 s");
    assert_eq!(site.releases(), before);
    assert_eq!(previous(), previous_before);
    assert_eq!(boots(site)[1..], runs[1..]);
    assert_eq!(site.outcome("crash.jsonl", "pi-1").as_deref(), Some("went-back"));
    assert_eq!(site.outcome("crash.jsonl", "pi-2"), None);
    assert_eq!(site.record("crash.jsonl").last().unwrap()["event"], "stop");
}

fn a_wave_goes_back_as_a_whole(site: &mut Site) {
    let before = site.releases();
    let artefact = site.artefact("late-on:pi-3");
    site.rollout(&artefact, "late.jsonl", &[]).ended_with(1).says("pi-3: rolled back: it misses more deadlines");
    let after = site.releases();
    // The canary was healthy and keeps it; of the second wave, the healthy ones go back too.
    assert_ne!(after[0], before[0]);
    assert_eq!(after[1..], before[1..]);
    for (device, outcome) in
        [("pi-1", Some("done")), ("pi-2", Some("went-back")), ("pi-3", Some("went-back")), ("pi-4", Some("went-back"))]
    {
        assert_eq!(site.outcome("late.jsonl", device).as_deref(), outcome, "{device}");
    }
    let record = site.record("late.jsonl");
    assert!(record.iter().any(|line| line["host"] == "pi-2" && line["outcome"] == "done"), "pi-2 was never done");
    let late = record.iter().find(|line| line["event"] == "end" && line["host"] == "pi-3").unwrap();
    let missed = |when: &str| late["figures"][when]["misses"].as_u64().unwrap();
    assert!(missed("after") >= 10 && missed("before") < missed("after"), "{late}");
}

fn a_device_that_disappears_is_left_as_it_was(site: &mut Site) {
    let (before, runs) = (site.releases(), boots(site));
    // Large, so that the copy takes its time.
    let artefact = artefact_of_size(site.home(), "good large", 60_000_000);
    site.sign(&artefact);
    let (inventory, record) = (site.inventory(), text(&site.home().join("gone.jsonl")));
    let words = ["rollout", &inventory, "--artefact", &text(&artefact), "--record", &record];
    let child = site.command(&words, &[]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let releases = site.devices[0].home.join("opt/releases");
    eventually("a copy that is under way", || part(&releases).filter(|bytes| *bytes > 0));
    site.devices[0].disappear();
    let ended = child.wait_with_output().unwrap();
    let out = String::from_utf8_lossy(&ended.stdout).into_owned();
    let home = site.dir.path().to_owned();
    site.devices[0].come_back(&home);
    assert_eq!(ended.status.code(), Some(1), "{out}");
    assert!(out.contains("pi-1: not reached, nothing changed"), "{out}");
    assert!(part(&releases).is_some_and(|bytes| bytes < 60_000_000), "the copy was through");
    assert_eq!((site.releases(), boots(site)), (before, runs));
    assert_eq!(site.outcome("gone.jsonl", "pi-1").as_deref(), Some("untouched"));
    fs::remove_file(artefact).unwrap();
}

fn a_full_disk_is_refused(site: &mut Site) {
    let device = &site.devices[0];
    let mount = device.home.join("small");
    fs::create_dir_all(&mount).unwrap();
    let artefact = site.artefact("good disk");
    let boot = device.status().boot;
    let inventory = site.home().join("small.toml");
    let opt = format!("{}/opt\"", device.home.display());
    let other = fs::read_to_string(site.inventory()).unwrap().replace(&opt, &format!("{}\"", mount.display()));
    fs::write(&inventory, other).unwrap();
    let words = ["push", "pi-1", "--inventory", &text(&inventory), "--artefact", &text(&artefact)];
    // Too small; and large enough by its blocks, without room for another file.
    for (options, words_of_refusal) in [("size=1m", "too little room"), ("size=2g,nr_inodes=3", "No space left")] {
        let mounted =
            Command::new("mount").args(["-t", "tmpfs", "-o", options, "tmpfs", &text(&mount)]).output().unwrap();
        if !mounted.status.success() {
            println!("NOT RUN, because this user may not mount a file system: {options}");
            continue;
        }
        let ran = site.fleet(&words, &[]);
        let unmounted = Command::new("umount").arg(&mount).status().unwrap();
        assert!(unmounted.success());
        ran.ended_with(1).says(words_of_refusal).says("nothing changed");
    }
    assert_eq!(site.devices[0].status().boot, boot);
}

fn only_a_right_signature_is_taken(site: &mut Site) {
    let (before, runs) = (site.releases(), boots(site));
    let (one, other) = (site.artefact("good one"), site.artefact("good other"));
    let wrong = text(&other) + ".minisig";
    site.push("pi-1", &one, &["--signature", &wrong]).ended_with(1).says("not what was signed");
    site.push("pi-1", &one, &["--unsigned"]).ended_with(1).says("signed releases only");
    // Somebody else's key.
    let home = site.home();
    let foreign = text(&home.join("foreign"));
    let keys = ["-G", "-W", "-f", "-p", &(foreign.clone() + ".pub"), "-s", &(foreign.clone() + ".key")];
    assert!(Command::new("minisign").args(keys).output().unwrap().status.success());
    let signed =
        ["-S", "-W", "-s", &(foreign.clone() + ".key"), "-m", &text(&one), "-x", &(foreign.clone() + ".minisig")];
    assert!(Command::new("minisign").args(signed).output().unwrap().status.success());
    site.push("pi-1", &one, &["--signature", &(foreign + ".minisig")]).ended_with(1).says("signature");
    assert_eq!((site.releases(), boots(site)), (before, runs));
}

fn a_killed_tool_leaves_it_to_the_guard_and_is_gone_on_with(site: &mut Site) {
    let before = site.releases();
    let artefact = site.artefact("good 2");
    let (inventory, record) = (site.first(2), text(&site.home().join("killed.jsonl")));
    let words = ["rollout", &inventory, "--artefact", &text(&artefact), "--record", &record];
    // It looks once a minute, so that it is sure to be killed between switch and commit.
    let slow = [("poll_ms", "60000"), ("guard_s", "5"), ("probation_s", "2"), ("start_limit_s", "1")];
    let mut child = site.command(&words, &slow).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    eventually("the switch is made", || {
        fs::read_to_string(&record).unwrap_or_default().contains("\"watch\"").then_some(())
    });
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(site.devices[0].is_pending());
    assert_ne!(site.devices[0].release(), before[0]);
    eventually("the guard goes back", || (!site.devices[0].is_pending()).then_some(()));
    assert_eq!(site.releases(), before);
    site.is_healthy();
    let resume = |artefact: &Path| {
        let artefact = text(artefact);
        site.fleet(&["rollout", &inventory, "--artefact", &artefact, "--record", &record, "--resume"], &[])
    };
    resume(&site.artefact("good 3")).ended_with(2).says("is of the artefact");
    resume(&artefact).ended_with(0).says("all done");
    let after = site.releases();
    assert!(after[0] == after[1] && after[0] != before[0] && after[2..] == before[2..], "{after:?}");
    for device in &site.devices[..2] {
        assert_eq!(site.outcome("killed.jsonl", &device.name).as_deref(), Some("done"));
    }
}

fn one_device_goes_back_by_hand(site: &mut Site) {
    let inventory = site.inventory();
    let before = site.devices[1].release();
    site.fleet(&["rollback", "pi-2", "--inventory", &inventory], &[]).ended_with(0).says("went back");
    let after = site.devices[1].release();
    assert_ne!(after, before);
    site.fleet(&["rollback", "pi-2", "--inventory", &inventory], &[]).ended_with(1).says("is the one before already");
    let told = site.fleet(&["status", &inventory, "--json"], &[]).ended_with(0);
    let told: serde_json::Value = serde_json::from_str(&told.out).unwrap();
    assert_eq!(told[1]["release"], after.as_str());
    assert_eq!((&told[1]["agent"]["device"], &told[1]["committed"]), (&"pi-2".into(), &true.into()));
    site.fleet(&["status", &inventory], &[]).ended_with(0).says("pi-4").says("NORMAL");
    // Three releases are kept, however many came.
    let kept = fs::read_dir(site.devices[0].home.join("opt/releases")).unwrap();
    assert!(kept.filter(|entry| !entry.as_ref().unwrap().file_name().to_string_lossy().contains(".part")).count() <= 3);
}

fn boots(site: &Site) -> Vec<String> {
    site.devices.iter().map(|device| device.status().boot).collect()
}

/// Size of a copy that is not a release yet.
fn part(releases: &Path) -> Option<u64> {
    let mut entries = fs::read_dir(releases).ok()?.filter_map(Result::ok);
    entries.find(|entry| entry.file_name().to_string_lossy().ends_with(".part"))?.metadata().ok().map(|data| data.len())
}
