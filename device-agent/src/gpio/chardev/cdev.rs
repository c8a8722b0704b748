//! The real kernel, by gpiocdev (<https://docs.kernel.org/userspace-api/gpio/chardev.html>). As thin as can be: the rest is
//! tested without a chip, this is not.

use std::fs;
use std::path::{Path, PathBuf};

use gpiocdev::Request;
use gpiocdev::line::{Bias, Value};
use shared_host::order::sort_by_key;

use super::super::{Input, Level};
use super::kernel::{Chip, Kernel, LineInfo, NotSet, Output};

/// As what the kernel shows this program to others.
const CONSUMER: &str = "device-agent";

/// The kernel of this machine.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cdev;

impl Kernel for Cdev {
    type Output = Requested;
    type Input = Requested;

    fn chips(&self) -> Result<Vec<PathBuf>, String> {
        let mut chips: Vec<PathBuf> = Vec::new();
        for entry in fs::read_dir("/dev").map_err(|error| format!("/dev: {error}"))?.flatten() {
            // A link leads to its chip.
            if let Ok(chip) = gpiocdev::chip::is_chip(entry.path())
                && !chips.contains(&chip)
            {
                chips.push(chip);
            }
        }
        sort_by_key(&mut chips, |chip| [number(chip), 0, 0]);
        Ok(chips)
    }

    fn chip(&self, path: &Path) -> Result<Chip, String> {
        let chip = gpiocdev::Chip::from_path(path).map_err(words)?;
        let info = chip.info().map_err(words)?;
        Ok(Chip { path: chip.path().to_owned(), label: info.label, lines: info.num_lines })
    }

    fn lines(&self, chip: &Chip) -> Result<Vec<LineInfo>, String> {
        let chip = gpiocdev::Chip::from_path(&chip.path).map_err(words)?;
        let lines = chip.line_info_iter().map_err(words)?;
        lines
            .map(|line| {
                let line = line.map_err(words)?;
                Ok(LineInfo { offset: line.offset, name: line.name, consumer: line.used.then_some(line.consumer) })
            })
            .collect()
    }

    fn output(&self, chip: &Chip, offset: u32, level: Level) -> Result<Requested, String> {
        let mut request = Request::builder();
        request.on_chip(&chip.path).with_consumer(CONSUMER).with_line(offset).as_output(value(level));
        request.request().map(Requested).map_err(words)
    }

    fn input(&self, chip: &Chip, offset: u32, pulled: Option<Level>) -> Result<Requested, String> {
        let bias = pulled.map(|level| match level {
            Level::Low => Bias::PullDown,
            Level::High => Bias::PullUp,
        });
        let mut request = Request::builder();
        request.on_chip(&chip.path).with_consumer(CONSUMER).with_line(offset).as_input().with_bias(bias);
        request.request().map(Requested).map_err(words)
    }
}

/// One line. With a request of its own gpiocdev 0.8 sets and reads it by one ioctl on values that are on the stack: its
/// lock is for reconfiguration, and it allocates for the complaint about several lines only.
#[derive(Debug)]
pub(crate) struct Requested(Request);

impl Output for Requested {
    fn set(&mut self, level: Level) -> Result<(), NotSet> {
        self.0.set_lone_value(value(level)).map_err(|_| NotSet)
    }
}

impl Input for Requested {
    fn level(&mut self) -> Option<Level> {
        match self.0.lone_value() {
            Ok(Value::Active) => Some(Level::High),
            Ok(Value::Inactive) => Some(Level::Low),
            Err(_) => None,
        }
    }
}

fn value(level: Level) -> Value {
    match level {
        Level::Low => Value::Inactive,
        Level::High => Value::Active,
    }
}

/// That of `/dev/gpiochip0`.
fn number(chip: &Path) -> u64 {
    let name = chip.to_string_lossy();
    name.strip_prefix("/dev/gpiochip").and_then(|number| number.parse().ok()).unwrap_or(u64::MAX)
}

fn words(error: gpiocdev::Error) -> String {
    error.to_string()
}
