//! Files of measurement runs, and the statistics that compare them.

#![forbid(unsafe_code)]

#[cfg(feature = "compare")]
mod read;
pub mod run;
#[cfg(feature = "compare")]
pub mod stats;

#[cfg(feature = "compare")]
pub use read::{ReadError, read};
