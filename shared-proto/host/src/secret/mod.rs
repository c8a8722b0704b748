//! Secrets and the files that they are in: read only if nobody else can, and never shown.
//!
//! A [`Place`] is a path, or `credential:NAME` for what systemd hands to a service (`LoadCredential=NAME:FILE`).
//! [`Place::read_secret`] and [`Place::read_secret_line`] read it into a [`Secret`]; [`Place::read_public`] is for what lies
//! beside it and is none, such as a certificate.

mod exposure;
mod hidden;
mod place;
mod read;
#[cfg(test)]
mod tests;

pub use exposure::Exposure;
pub use hidden::Secret;
pub use place::{Place, PlaceError};
pub use read::FileError;
