//! `rollout`: all devices of an inventory.

use super::Failure;
use crate::cli::Rollout;

pub(super) fn run(_: &Rollout) -> Result<(), Failure> {
    Err(Failure::usage("not yet"))
}
