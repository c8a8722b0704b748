//! Copies an input line to an output line.

use shared_proto::mode::Mode;

use super::Workload;
use crate::gpio::Lines;

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

    fn run(&mut self, lines: &mut dyn Lines) {
        if self.mode == Mode::Normal {
            let level = lines.input();
            lines.output(level);
        }
    }
}
