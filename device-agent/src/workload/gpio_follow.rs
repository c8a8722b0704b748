//! Copies an input line to an output line.

use shared_proto::mode::Mode;

use super::{Job, Ran, Workload};

/// Drives the output line to the level of the input line, once a job; in DEGRADED the output holds its last level.
#[derive(Debug, Default)]
pub struct GpioFollow {
    mode: Mode,
}

impl Workload for GpioFollow {
    fn name(&self) -> &'static str {
        "gpio-follow"
    }

    fn set_mode(&mut self, mode: Mode) {
        self.mode = mode;
    }

    fn run(&mut self, job: &mut Job<'_>) -> Ran {
        if self.mode == Mode::Normal {
            let level = job.lines.input();
            job.lines.output(level);
        }
        Ran::Whole
    }
}
