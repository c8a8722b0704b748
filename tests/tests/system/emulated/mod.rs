//! The cross-built agent on emulated machines, looked at from outside. Run by `tests/emulated/run`, which fetches and builds
//! what this needs; `tests/emulated/README.md` tells what it shows and what it cannot.

mod archive;
mod guest;
mod lines;
mod machine;
mod preempt_rt;
mod raspberry_pi;

use std::path::PathBuf;

use guest::Guest;
pub(crate) use guest::is_granted;
use lines::Lines;
pub(crate) use machine::{Board, Machine};

/// What `tests/emulated/run` has fetched and built.
pub(crate) fn emulation() -> PathBuf {
    let place = std::env::var_os("EMULATION").expect("this test is run by tests/emulated/run");
    PathBuf::from(place)
}
