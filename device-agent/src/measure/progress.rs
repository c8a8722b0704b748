//! A progress bar, for people who wait at a terminal.

use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use shared_proto::units::Ratio;
use tokio::time::Instant;

use super::order::PlannedRun;
use super::plan::Plan;

const WIDTH: u32 = 30;
const EVERY: Duration = Duration::from_millis(100);

/// Draws on standard error, and only if that is a terminal.
pub struct Progress {
    runs: usize,
    run_time: Duration,
    done: usize,
    name: String,
    drawn: Option<Instant>,
}

impl Progress {
    /// For the runs of a plan; `None` if nobody watches.
    #[must_use]
    pub fn for_terminal(plan: &Plan) -> Option<Self> {
        io::stderr().is_terminal().then(|| {
            let run_time = Duration::from_nanos(plan.duration_ns.saturating_add(plan.warm_up_ns));
            Self { runs: plan.runs.len(), run_time, done: 0, name: String::new(), drawn: None }
        })
    }

    /// A run begins.
    pub fn begins(&mut self, run: PlannedRun) {
        self.name = format!("{} #{}", run.scenario.name(), run.repetition);
        self.drawn = None;
    }

    /// So much of it is done.
    pub fn progress(&mut self, share: Ratio) {
        if self.drawn.is_some_and(|drawn| drawn.elapsed() < EVERY) {
            return;
        }
        self.drawn = Some(Instant::now());
        let line = line(self.done, self.runs, share, self.run_time, &self.name);
        // A terminal that has gone is no reason to stop.
        let _ = write!(io::stderr(), "\r\x1b[K{line}");
    }

    /// A run is done.
    pub fn ended(&mut self) {
        self.done += 1;
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        let _ = write!(io::stderr(), "\r\x1b[K");
    }
}

fn line(done: usize, runs: usize, share: Ratio, run_time: Duration, name: &str) -> String {
    let (done, runs) = (u32::try_from(done).unwrap_or(u32::MAX), u32::try_from(runs.max(1)).unwrap_or(u32::MAX));
    let whole = ((f64::from(done) + share.get()) / f64::from(runs)).min(1.0);
    let left = run_time.mul_f64(f64::from(runs) * (1.0 - whole));
    let bar: String =
        (0..WIDTH).map(|cell| if f64::from(cell) < whole * f64::from(WIDTH) { '#' } else { '.' }).collect();
    format!("[{bar}] {:3.0} %  {}/{runs}  {} s left  {name}", whole * 100.0, (done + 1).min(runs), left.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bar_tells_how_much_is_done_and_left() {
        let line = line(1, 4, Ratio::of(1, 2), Duration::from_secs(10), "fifo #1");
        assert_eq!(line, "[############..................]  38 %  2/4  25 s left  fifo #1");
    }
}
