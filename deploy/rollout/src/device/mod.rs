//! One device, as an update sees it.

mod facts;
mod process;
mod quote;
mod ssh;
#[cfg(test)]
mod tests;

use std::time::Duration;

pub use facts::{AgentFacts, BadFacts, Facts, LinkFacts, TaskFacts};
pub use ssh::{Connections, Place, Rights, Ssh};

use crate::artefact::Artefact;
use crate::release::{Mark, ReleaseName};

/// What an update asks of a device. Each call is one step; it comes to an end by itself.
pub trait Device: Sync {
    /// How things are: the device's, and the agent's own words if it answers.
    ///
    /// # Errors
    /// [`Trouble`].
    fn status(&self) -> Result<Facts, Trouble>;

    /// Copies the artefact, and its signature, to a place beside the releases.
    ///
    /// # Errors
    /// [`Trouble`].
    fn copy(&self, artefact: &Artefact, mark: &Mark) -> Result<(), Trouble>;

    /// The device checks the copy (hash, signature, configuration) and makes a release of it.
    ///
    /// # Errors
    /// [`Trouble`].
    fn receive(&self, artefact: &Artefact, mark: &Mark) -> Result<(), Trouble>;

    /// Guard, link, restart. After `guard` the device goes back by itself, unless the update is committed.
    ///
    /// # Errors
    /// [`Trouble`]; the link may have been switched all the same.
    fn switch(&self, release: &ReleaseName, mark: &Mark, guard: Duration) -> Result<(), Trouble>;

    /// Ends the update: the release stays.
    ///
    /// # Errors
    /// [`Trouble::Refused`] if it is over already.
    fn commit(&self, mark: &Mark) -> Result<(), Trouble>;

    /// Goes back, and restarts.
    ///
    /// # Errors
    /// [`Trouble::Refused`] if that is over already.
    fn go_back(&self, from: &Back) -> Result<(), Trouble>;
}

/// From what to go back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Back {
    /// From whatever is there.
    Anything,
    /// From an update that is not committed.
    Update(Mark),
    /// From this release if it is the current one, committed as it is.
    Release(ReleaseName),
}

/// Why a step did not succeed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Trouble {
    /// The device cannot be reached, or the connection broke: nobody knows how far it came.
    #[error("cannot be reached: {0}")]
    Unreachable(String),
    /// The device refused, with its reason.
    #[error("{0}")]
    Refused(String),
}
