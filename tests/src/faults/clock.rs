//! The device's wall clock jumps. Linux has no time namespace for it, and this machine's own clock is not to be touched: a few
//! lines of C stand between the agent and the C library. (libfaketime would do, but it also takes over the sleeps of the
//! real-time loop, whose figures are then its own.)

use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use super::Scale;
use super::balance::Losses;
use super::outcome::{Figure, Outcome};
use super::stage::{Conditions, Stage};
use crate::site::{AgentPlan, Trouble, pause, wait_for};

const SOURCE: &str = include_str!("clock.c");
const HOUR_S: i64 = 3_600;
/// The clock that is told may be so far from the one that was ordered.
const NEAR_S: u64 = 60;

pub(super) fn clock(scale: Scale) -> Result<Outcome, Trouble> {
    let dir = tempfile::tempdir().map_err(Trouble::system("a temporary directory"))?;
    let (library, offset) = (dir.path().join("clock.so"), dir.path().join("offset"));
    compile(&dir.path().join("clock.c"), &library)?;
    order(&offset, 0)?;
    let text = |path: &Path| path.to_string_lossy().into_owned();
    let environment = [("LD_PRELOAD", text(&library)), ("CLOCK_OFFSET_FILE", text(&offset))];
    let environment = environment.map(|(name, value)| (name.to_owned(), value)).to_vec();
    let agent = AgentPlan { environment, ..AgentPlan::default() };
    let mut stage = Stage::open(scale, Conditions { agent, ..Conditions::default() })?;
    let mut jumps = Vec::new();
    for offset_s in [-HOUR_S, HOUR_S] {
        order(&offset, offset_s)?;
        let seen_s = wait_for("a report with the other time", || {
            let told_s = i64::try_from(stage.recorder.ledger().device(&stage.device).t_ms / 1000).unwrap_or(i64::MAX);
            let off = told_s.saturating_sub(now_s());
            Ok((off.abs_diff(offset_s) < NEAR_S).then_some(off))
        })?;
        #[expect(clippy::cast_precision_loss, reason = "some thousand seconds")]
        jumps.push(Figure::new("reports told a clock that is off by", seen_s as f64, "s", None));
        stage.want_the_other_mode()?;
        stage.agree()?;
        pause(scale.seconds(3, 20))?;
    }
    stage.finish("set back by an hour, then forward by two", Losses::None, jumps)
}

fn compile(source: &Path, library: &Path) -> Result<(), Trouble> {
    std::fs::write(source, SOURCE).map_err(Trouble::system(source.display().to_string()))?;
    let mut compiler = Command::new("cc");
    let said = compiler.args(["-shared", "-fPIC", "-O2", "-o"]).arg(library).arg(source).arg("-ldl").output();
    let said = said.map_err(|error| Trouble::NotHere(format!("cc: {error}; Debian: apt-get install gcc libc6-dev")))?;
    if said.status.success() {
        return Ok(());
    }
    Err(Trouble::NotHere(format!("cc says: {}", String::from_utf8_lossy(&said.stderr).trim())))
}

/// In place: the agent has the file mapped.
fn order(file: &Path, offset_s: i64) -> Result<(), Trouble> {
    let open = std::fs::File::options().create(true).truncate(false).write(true).open(file);
    open.and_then(|file| file.write_all_at(&offset_s.to_ne_bytes(), 0))
        .map_err(Trouble::system(file.display().to_string()))
}

fn now_s() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}
