//! CPU frequency governors, set for a run and restored afterwards
//! (<https://docs.kernel.org/admin-guide/pm/cpufreq.html>).

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use tracing::error;

/// The governors of the machine's frequency policies.
#[derive(Debug, Clone)]
pub(super) struct Governors {
    policies: Vec<PathBuf>,
    offered: Vec<String>,
}

/// A governor that is in effect until this is dropped.
#[derive(Debug)]
pub(super) struct InEffect {
    before: Vec<(PathBuf, String)>,
}

/// A governor could not be set.
#[derive(Debug, thiserror::Error)]
#[error("cannot set the frequency governor in {}: {error}; this takes root", path.display())]
pub struct GovernorError {
    path: PathBuf,
    #[source]
    error: io::Error,
}

impl Governors {
    /// What this machine has.
    pub(super) fn of_machine() -> Self {
        Self::at(Path::new("/sys/devices/system/cpu/cpufreq"))
    }

    fn at(root: &Path) -> Self {
        let mut policies: Vec<PathBuf> = Vec::new();
        for path in fs::read_dir(root).into_iter().flatten().flatten().map(|entry| entry.path()) {
            if path.join("scaling_governor").exists() {
                let at = policies.partition_point(|known| *known < path);
                policies.insert(at, path);
            }
        }
        let offered = |path: &PathBuf| -> Vec<String> {
            let text = fs::read_to_string(path.join("scaling_available_governors")).unwrap_or_default();
            text.split_whitespace().map(str::to_owned).collect()
        };
        let mut sets = policies.iter().map(offered);
        let first = sets.next().unwrap_or_default();
        // What every policy offers.
        let offered = sets.fold(first, |common, set| common.into_iter().filter(|name| set.contains(name)).collect());
        Self { policies, offered }
    }

    /// Whether every CPU can have this governor.
    pub(super) fn offer(&self, governor: &str) -> bool {
        self.offered.iter().any(|offered| offered == governor)
    }

    /// Sets it on every CPU.
    ///
    /// # Errors
    /// [`GovernorError`] if a CPU refuses; then all have what they had before.
    pub(super) fn set(&self, governor: &str) -> Result<InEffect, GovernorError> {
        let mut in_effect = InEffect { before: Vec::new() };
        for policy in &self.policies {
            let path = policy.join("scaling_governor");
            let failed = |error| GovernorError { path: path.clone(), error };
            let before = fs::read_to_string(&path).map_err(failed)?.trim().to_owned();
            fs::write(&path, governor).map_err(failed)?;
            in_effect.before.push((path, before));
        }
        Ok(in_effect)
    }

    /// The governor in effect, if it is the same everywhere.
    pub(super) fn current(&self) -> Option<String> {
        let mut names =
            self.policies.iter().filter_map(|policy| fs::read_to_string(policy.join("scaling_governor")).ok());
        let first = names.next()?;
        names.all(|name| name == first).then(|| first.trim().to_owned())
    }
}

impl fmt::Display for Governors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.offered.is_empty() {
            return f.write_str("none: its CPU frequency cannot be controlled");
        }
        f.write_str(&self.offered.join(", "))
    }
}

impl InEffect {
    /// Restores what was there before.
    ///
    /// # Errors
    /// [`GovernorError`] if a CPU refuses; the others are restored.
    pub(super) fn restore(mut self) -> Result<(), GovernorError> {
        let mut restored = Ok(());
        for (path, before) in self.before.drain(..) {
            let written = fs::write(&path, before).map_err(|error| GovernorError { path, error });
            restored = restored.and(written);
        }
        restored
    }
}

impl Drop for InEffect {
    fn drop(&mut self) {
        for (path, before) in &self.before {
            if let Err(error) = fs::write(path, before) {
                error!(path = %path.display(), %error, governor = before, "the frequency governor could not be restored");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine(governors: &[&str]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for (number, offered) in governors.iter().enumerate() {
            let policy = dir.path().join(format!("policy{number}"));
            fs::create_dir(&policy).unwrap();
            fs::write(policy.join("scaling_governor"), format!("old{number}\n")).unwrap();
            fs::write(policy.join("scaling_available_governors"), offered).unwrap();
        }
        dir
    }

    fn current(dir: &tempfile::TempDir, number: u32) -> String {
        fs::read_to_string(dir.path().join(format!("policy{number}/scaling_governor"))).unwrap()
    }

    #[test]
    fn a_governor_holds_until_it_is_dropped() {
        let dir = machine(&["powersave performance\n", "performance schedutil powersave\n"]);
        let governors = Governors::at(dir.path());
        assert!(governors.offer("performance") && !governors.offer("schedutil"));
        let in_effect = governors.set("performance").unwrap();
        assert_eq!((current(&dir, 0).as_str(), current(&dir, 1).as_str()), ("performance", "performance"));
        in_effect.restore().unwrap();
        assert_eq!((current(&dir, 0).as_str(), current(&dir, 1).as_str()), ("old0", "old1"));
    }

    #[test]
    fn what_was_set_is_restored_if_a_later_cpu_refuses() {
        let dir = machine(&["performance", "performance"]);
        let governors = Governors::at(dir.path());
        // A folder in place of the file refuses to be read and written, also for root.
        let broken = dir.path().join("policy1/scaling_governor");
        fs::remove_file(&broken).unwrap();
        fs::create_dir(&broken).unwrap();
        assert!(governors.set("performance").unwrap_err().to_string().contains("policy1"));
        assert_eq!(current(&dir, 0), "old0");
    }

    #[test]
    fn a_machine_without_governors_offers_none() {
        let governors = Governors::at(Path::new("/nowhere"));
        assert!(!governors.offer("performance"));
        assert_eq!(governors.current(), None);
    }
}
