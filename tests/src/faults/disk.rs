//! The disk below the spool is full, or takes no writes.

use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use device_agent::keeper::{Health, PlaceStatus, StoreStatus};
use tempfile::TempDir;

use super::Scale;
use super::balance::Losses;
use super::outcome::Outcome;
use super::stage::{Conditions, Stage};
use crate::proxy::Faults;
use crate::site::{AgentPlan, Trouble, pause};

/// Enough for the reports of the quiet time.
const SIZE: &str = "size=256k";

/// A small disk of its own, in memory; gone when dropped.
struct Disk {
    dir: TempDir,
}

impl Disk {
    /// Needs root.
    fn mount() -> Result<Self, Trouble> {
        let dir = tempfile::tempdir().map_err(Trouble::system("a temporary directory"))?;
        run("mount", &["-t", "tmpfs", "-o", SIZE, "tmpfs"], dir.path())?;
        Ok(Self { dir })
    }

    /// A directory on it.
    fn directory(&self, name: &str) -> String {
        self.dir.path().join(name).to_string_lossy().into_owned()
    }

    fn filler(&self) -> PathBuf {
        self.dir.path().join("filler")
    }

    /// Fills it to the last byte.
    fn fill(&self) -> Result<(), Trouble> {
        let file = std::fs::File::create(self.filler());
        let mut file = file.map_err(Trouble::system("a file that fills the disk"))?;
        loop {
            match file.write(&[0; 4096]) {
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::StorageFull => return Ok(()),
                Err(error) => return Err(Trouble::system("a file that fills the disk")(error)),
            }
        }
    }

    fn make_read_only(&self) -> Result<(), Trouble> {
        run("mount", &["-o", "remount,ro"], self.dir.path())
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Lazily: whoever failed may still have it open. What fails leaves a small disk in memory behind.
        let _ = run("umount", &["-l"], self.dir.path());
    }
}

fn run(program: &str, args: &[&str], place: &Path) -> Result<(), Trouble> {
    let said = Command::new(program).args(args).arg(place).output();
    let said = said.map_err(|error| Trouble::NotHere(format!("{program}: {error}")))?;
    if said.status.success() {
        return Ok(());
    }
    Err(Trouble::NotHere(format!("{program} says: {}", String::from_utf8_lossy(&said.stderr).trim())))
}

pub(super) fn full(scale: Scale) -> Result<Outcome, Trouble> {
    let disk = Disk::mount()?;
    let (volatile, durable) = (disk.directory("volatile"), disk.directory("durable"));
    let mut stage = Stage::open(scale, conditions(&[("spool.runtime_dir", &volatile), ("spool.dir", &durable)]))?;
    disk.fill()?;
    in_trouble(&mut stage, scale, |status| is_failing(&status.volatile) && is_failing(&status.durable))?;
    let done = "both places of the spool on a disk without room, the link away for as long";
    stage.finish(done, Losses::None, Vec::new())
}

pub(super) fn read_only(scale: Scale) -> Result<Outcome, Trouble> {
    let disk = Disk::mount()?;
    let durable = disk.directory("durable");
    let mut stage = Stage::open(scale, conditions(&[("spool.dir", &durable)]))?;
    // The kernel takes a disk away from writers only if there are none.
    stage.stop_agent()?;
    disk.make_read_only()?;
    stage.want_the_other_mode()?;
    stage.agent.restart()?;
    stage.agree()?;
    in_trouble(&mut stage, scale, |status| is_failing(&status.durable))?;
    let done = "the durable place on a disk that takes no writes, the link away for as long";
    stage.finish(done, Losses::None, Vec::new())
}

fn conditions(places: &[(&str, &str)]) -> Conditions {
    let often = [("spool.flush_after_s", "0"), ("spool.flush_every_s", "1"), ("mqtt.keep_alive_s", "2")];
    Conditions { agent: AgentPlan::default().with(&often).with(places), ..Conditions::default() }
}

/// Lets reports wait until the store has noticed that it cannot keep them, and then for a while.
fn in_trouble(stage: &mut Stage, scale: Scale, fails: impl Fn(&StoreStatus) -> bool) -> Result<(), Trouble> {
    stage.proxy.set(Faults::black_hole());
    stage.agent.status_where("the agent notices that its disk fails", |status| fails(&status.store))?;
    stage.want_the_other_mode()?;
    pause(scale.seconds(2, 60))?;
    stage.proxy.heal();
    stage.agree().map(drop)
}

fn is_failing(place: &Option<PlaceStatus>) -> bool {
    place.as_ref().is_some_and(|place| matches!(place.health, Health::Failing { .. }))
}
