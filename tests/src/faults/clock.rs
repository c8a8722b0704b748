//! The device's wall clock jumps. Linux has no time namespace for it, and this machine's own clock is not to be touched:
//! Debian's libfaketime stands between the agent and the C library, and reads from a file what time it is to tell.

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use super::Scale;
use super::balance::Losses;
use super::outcome::{Figure, Outcome};
use super::stage::{Conditions, Stage};
use crate::site::{AgentPlan, Trouble, pause, wait_for};

const LIBRARY: &str = "libfaketimeMT.so.1";
const HOUR_S: i64 = 3_600;
/// The clock that is told may be so far from the one that was ordered.
const NEAR_S: i64 = 60;

pub(super) fn clock(scale: Scale) -> Result<Outcome, Trouble> {
    let library = library()?;
    let dir = tempfile::tempdir().map_err(Trouble::system("a temporary directory"))?;
    let file = dir.path().join("clock");
    order(&file, 0)?;
    let text = |path: &Path| path.to_string_lossy().into_owned();
    let environment = [
        ("LD_PRELOAD", library),
        ("FAKETIME_TIMESTAMP_FILE", text(&file)),
        ("FAKETIME_NO_CACHE", "1".to_owned()),
        // Leases, windows and releases are counted on the monotonic clock, which nobody sets.
        ("FAKETIME_DONT_FAKE_MONOTONIC", "1".to_owned()),
    ];
    let environment = environment.map(|(name, value)| (name.to_owned(), value)).to_vec();
    let agent = AgentPlan { environment, ..AgentPlan::default() };
    let mut stage = Stage::open(scale, Conditions { agent, ..Conditions::default() })?;
    let mut jumps = Vec::new();
    for offset_s in [-HOUR_S, HOUR_S] {
        order(&file, offset_s)?;
        let seen_s = wait_for("a report with the other time", || {
            let seen = stage.recorder.ledger().device(&stage.device).t_ms;
            let off = i64::try_from(seen / 1000).unwrap_or(i64::MAX).saturating_sub(now_s());
            Ok((off.abs_diff(offset_s) < NEAR_S.unsigned_abs()).then_some(off))
        })?;
        #[expect(clippy::cast_precision_loss, reason = "some thousand seconds")]
        jumps.push(Figure::new("reports told a clock that is off by", seen_s as f64, "s", None));
        stage.want_the_other_mode()?;
        stage.agree()?;
        pause(scale.seconds(3, 20))?;
    }
    stage.finish("set back by an hour, then forward by two, by libfaketime", Losses::None, jumps)
}

/// Where Debian has it, on any architecture.
fn library() -> Result<String, Trouble> {
    let folders = std::fs::read_dir("/usr/lib").into_iter().flatten().flatten();
    let mut found = folders.map(|folder| folder.path().join("faketime").join(LIBRARY)).filter(|path| path.exists());
    let found = found.next().map(|path| path.to_string_lossy().into_owned());
    found.ok_or_else(|| Trouble::NotHere(format!("there is no {LIBRARY}; Debian: apt-get install libfaketime")))
}

fn order(file: &Path, offset_s: i64) -> Result<(), Trouble> {
    // Never seen half written.
    let new = file.with_extension("new");
    let written = std::fs::write(&new, format!("{offset_s:+}\n")).and_then(|()| std::fs::rename(&new, file));
    written.map_err(Trouble::system(file.display().to_string()))
}

fn now_s() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}
