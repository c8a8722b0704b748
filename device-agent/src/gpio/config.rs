//! What is to be opened.

use std::path::PathBuf;

use serde::Deserialize;

use super::{ButtonConfig, LineId, Wiring};

/// GPIO backend and lines.
#[derive(Debug, Clone)]
pub struct GpioConfig {
    /// Which pins.
    pub backend: GpioBackend,
    /// The chip's device, with the character device; without one the obvious chip.
    pub chip: Option<PathBuf>,
    /// Lines and levels.
    pub wiring: Wiring<LineId>,
    /// The override button.
    pub button: Option<ButtonConfig>,
    /// File that mirrors the simulated levels, for onlookers in other processes.
    pub sim_state_file: Option<PathBuf>,
}

/// Which pins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum GpioBackend {
    /// Real ones: the registers of a Raspberry Pi, else a character device.
    Auto,
    /// Simulated ones.
    Sim,
    /// The Raspberry Pi's registers.
    Rppal,
    /// A chip of the kernel's.
    Chardev,
}
