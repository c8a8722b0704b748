//! The script by itself, in a directory that is a device.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use super::process;
use super::ssh::SCRIPT;

const LIMIT: Duration = Duration::from_secs(60);

/// Exit code and standard error of the script with these arguments.
fn script(arguments: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new("sh");
    command.args(["-s", "--"]).args(arguments);
    let ended = process::run(command, SCRIPT, LIMIT).unwrap();
    (ended.status.code(), ended.err)
}

/// Releases `a` (the one before) and `b` (the current one).
fn device() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for release in ["a", "b"] {
        let folder = dir.path().join("releases").join(release);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("device-agent"), "").unwrap();
    }
    symlink("releases/b", dir.path().join("current")).unwrap();
    symlink("releases/a", dir.path().join("previous")).unwrap();
    dir
}

fn current(dir: &Path) -> String {
    fs::read_link(dir.join("current")).unwrap().to_string_lossy().into_owned()
}

#[test]
fn before_a_start_what_nobody_confirmed_in_time_is_taken_back() {
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap();
    for (boot, until, left) in [
        (boot.trim(), "999999999", "releases/b"),
        (boot.trim(), "0", "releases/a"),
        ("of-another-boot", "999999999", "releases/a"),
    ] {
        let device = device();
        let dir = device.path();
        fs::write(dir.join("pending"), format!("mark b a {boot} {until} -\n")).unwrap();
        assert_eq!(script(&["start-check", dir.to_str().unwrap()]), (Some(0), String::new()));
        assert_eq!(current(dir), left, "{boot} {until}");
        assert_eq!(dir.join("pending").exists(), left == "releases/b");
    }
    // Nothing is pending.
    let device = device();
    assert_eq!(script(&["start-check", device.path().to_str().unwrap()]), (Some(0), String::new()));
    assert_eq!(current(device.path()), "releases/b");
}

#[test]
fn a_commit_is_taken_once_and_three_releases_are_kept() {
    let device = device();
    let dir = device.path().to_str().unwrap();
    for old in ["c", "d", "e"] {
        fs::create_dir_all(device.path().join("releases").join(old)).unwrap();
    }
    fs::write(device.path().join("pending"), "mark b a boot 0 -\n").unwrap();
    assert_eq!(script(&["commit", dir, "other"]).0, Some(20));
    assert_eq!(script(&["commit", dir, "mark"]), (Some(0), String::new()));
    let (code, why) = script(&["commit", dir, "mark"]);
    assert!(code == Some(20) && why.contains("over already: committed b fleet"), "{why}");
    let kept: Vec<_> =
        fs::read_dir(device.path().join("releases")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(kept.len() == 3 && ["a", "b"].iter().all(|release| kept.contains(&(*release).into())), "{kept:?}");
}

#[test]
fn strange_arguments_are_refused_before_anything_is_done() {
    let device = device();
    let dir = device.path().to_str().unwrap();
    let escape = format!("{dir}/../x");
    for arguments in [
        &["stage", dir, "../x", "mark"][..],
        &["stage", dir, "$(touch x)", "mark"],
        &["stage", dir, ".x", "mark"],
        &["stage", "relative", "x", "mark"],
        &["stage", &escape, "x", "mark"],
        &["switch", dir, "b", "mark", "1s", "/bin/x", "true"],
        &["nonsense", dir],
    ] {
        assert_eq!(script(arguments).0, Some(20), "{arguments:?}");
    }
    assert_eq!(fs::read_dir(device.path().join("releases")).unwrap().count(), 2);
}
