//! Lines that others have, for a backend that would not notice.

use super::super::{ButtonConfig, GpioError, Line, Wiring};
use super::chips;
use super::kernel::{Chip, Kernel};
use super::resolve::Resolver;

/// Refuses lines of the header that a program or a driver has. The registers would not care, and two would drive one line.
/// A kernel that cannot be asked is no reason to refuse anything.
pub(in super::super) fn refuse_taken<K: Kernel>(
    kernel: &K,
    wiring: &Wiring<Line>,
    button: Option<Line>,
) -> Result<(), GpioError> {
    let Some(chip) = chips::pick(kernel, None).ok().filter(Chip::has_header) else { return Ok(()) };
    let Ok(lines) = kernel.lines(&chip) else { return Ok(()) };
    let mut resolver = Resolver::new(&chip, &lines);
    wiring.try_map(|key, line| resolver.line(key, &(*line).into()))?;
    button.map(|line| resolver.line(ButtonConfig::KEY, &line.into())).transpose().map(drop)
}
