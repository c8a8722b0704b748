//! Four devices, a broker, and somebody's laptop with keys.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use demo::broker::{Broker, Kind};
use serde_json::Value;
use tempfile::TempDir;

use crate::agent::artefact;
use crate::device::{Device, keygen};
use crate::waiting::eventually;

/// Short; with a margin that nothing exceeds by chance, for the machine may be busy.
const POLICY: &str = "[policy]\ncanary = 1\nwave = 3\nmax_down = 3\nprobation_s = 1\nstart_limit_s = 8\nguard_s = 60\npoll_ms = 200\nmargin = 0.3\n";

pub(crate) struct Site {
    pub(crate) devices: Vec<Device>,
    _broker: Broker,
    pub(crate) dir: TempDir,
}

/// What came of a run of `fleet`.
#[derive(Debug)]
pub(crate) struct Ran {
    code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ran {
    #[track_caller]
    pub(crate) fn ended_with(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{}\n{}", self.out, self.err);
        self
    }

    #[track_caller]
    pub(crate) fn says(self, words: &str) -> Self {
        assert!(
            self.out.contains(words) || self.err.contains(words),
            "{words:?} is not in:\n{}\n{}",
            self.out,
            self.err
        );
        self
    }
}

impl Site {
    pub(crate) fn open() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let home = dir.path();
        fs::copy("/proc/self/exe", home.join("agent")).unwrap();
        // A third of the size without symbols; where there is no strip it takes longer.
        let _ = Command::new("strip").arg(home.join("agent")).status();
        artefact(home, "good 0");
        keygen(&home.join("user_key"));
        minisign(&["-G", "-W", "-f", "-p", &text(&home.join("update.pub")), "-s", &text(&home.join("update.key"))]);
        let broker = Broker::start(Kind::Mosquitto { extra: None }).unwrap();
        let names = ["pi-1", "pi-2", "pi-3", "pi-4"];
        let devices: Vec<_> = names.iter().map(|name| Device::set_up(home, name, &broker.url())).collect();
        let known: String = devices.iter().map(Device::known).collect();
        fs::write(home.join("known_hosts"), known).unwrap();
        let listed: String = devices.iter().map(Device::listed).collect();
        let here = home.display();
        let inventory = format!(
            "{POLICY}[mqtt]\nurl = {:?}\n[defaults]\nssh_options = [\"IdentityFile={here}/user_key\", \"IdentitiesOnly=yes\", \
             \"UserKnownHostsFile={here}/known_hosts\", \"GlobalKnownHostsFile=/dev/null\", \"StrictHostKeyChecking=yes\"]\n{listed}",
            broker.url()
        );
        fs::write(home.join("fleet.toml"), inventory).unwrap();
        let site = Self { devices, _broker: broker, dir };
        site.devices.iter().for_each(|device| drop(device.status()));
        site
    }

    pub(crate) fn home(&self) -> &Path {
        self.dir.path()
    }

    /// An inventory of the first devices only.
    pub(crate) fn first(&self, count: usize) -> String {
        let whole = fs::read_to_string(self.inventory()).unwrap();
        let parts: Vec<_> = whole.split("[[device]]").take(count + 1).collect();
        let path = self.home().join("first.toml");
        fs::write(&path, parts.join("[[device]]")).unwrap();
        text(&path)
    }

    pub(crate) fn inventory(&self) -> String {
        text(&self.home().join("fleet.toml"))
    }

    /// An artefact that behaves like this, signed.
    pub(crate) fn artefact(&self, how: &str) -> PathBuf {
        let path = artefact(self.home(), how);
        self.sign(&path);
        path
    }

    pub(crate) fn sign(&self, path: &Path) {
        minisign(&["-S", "-W", "-s", &text(&self.home().join("update.key")), "-m", &text(path)]);
    }

    /// `fleet` with these words, and with other values for some keys of the policy.
    pub(crate) fn command(&self, words: &[&str], policy: &[(&str, &str)]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_fleet"));
        // A killed one leaves its sockets behind.
        command.args(words).env("TMPDIR", self.home());
        for (key, value) in policy {
            command.env(format!("FLEET_POLICY__{}", key.to_uppercase()), value);
        }
        command
    }

    pub(crate) fn fleet(&self, words: &[&str], policy: &[(&str, &str)]) -> Ran {
        let Output { status, stdout, stderr } = self.command(words, policy).output().unwrap();
        let ran = Ran {
            code: status.code(),
            out: String::from_utf8(stdout).unwrap(),
            err: String::from_utf8(stderr).unwrap(),
        };
        assert!(!ran.err.contains("panicked"), "{}", ran.err);
        ran
    }

    /// A rollout of this artefact, with a record of this name.
    pub(crate) fn rollout(&self, artefact: &Path, record: &str, more: &[&str]) -> Ran {
        let record = text(&self.home().join(record));
        let (inventory, artefact) = (self.inventory(), text(artefact));
        let words = ["rollout", &inventory, "--artefact", &artefact, "--record", &record];
        self.fleet(&[&words[..], more].concat(), &[])
    }

    /// A push to one device of the inventory.
    pub(crate) fn push(&self, device: &str, artefact: &Path, more: &[&str]) -> Ran {
        let (inventory, artefact) = (self.inventory(), text(artefact));
        let words = ["push", device, "--inventory", &inventory, "--artefact", &artefact];
        self.fleet(&[&words[..], more].concat(), &[])
    }

    /// The lines of a record.
    pub(crate) fn record(&self, name: &str) -> Vec<Value> {
        let content = fs::read_to_string(self.home().join(name)).unwrap();
        content.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// How it ended on a device, by a record.
    pub(crate) fn outcome(&self, record: &str, device: &str) -> Option<String> {
        let lines = self.record(record);
        let last = lines.iter().rev().find(|line| line["event"] == "end" && line["host"] == device)?;
        Some(last["outcome"].as_str().unwrap().to_owned())
    }

    /// The releases of the devices.
    pub(crate) fn releases(&self) -> Vec<String> {
        self.devices.iter().map(Device::release).collect()
    }

    /// Every device runs a committed release, which reports.
    pub(crate) fn is_healthy(&self) {
        for device in &self.devices {
            eventually(&format!("{} runs its current release and reports", device.name), || {
                let first = device.answer()?;
                let link = device.home.join("opt/current");
                // Before its first update there is none.
                if link.exists() && !first.program.contains(&device.release()) {
                    return None;
                }
                (!device.is_pending() && first.link.up && first.link.reports_delivered > 0).then_some(())
            });
        }
    }
}

pub(crate) fn text(path: &Path) -> String {
    path.to_str().unwrap().to_owned()
}

fn minisign(words: &[&str]) {
    let done = Command::new("minisign").args(words).output().expect("minisign; Debian: apt-get install minisign");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}
