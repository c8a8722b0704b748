//! One axis of a plot.

use super::{Scale, Tick};

/// What is measured along an axis, and its ticks.
#[derive(Debug, Clone, PartialEq)]
pub struct Axis {
    /// What it is, with the unit.
    pub label: String,
    /// From values to places.
    pub scale: Scale,
    /// Names in place of numbers; empty: round numbers.
    pub names: Vec<Tick>,
}

impl Axis {
    /// An axis of numbers.
    #[must_use]
    pub fn new(label: impl Into<String>, scale: Scale) -> Self {
        Self { label: label.into(), scale, names: Vec::new() }
    }

    /// An axis of names, at 0, 1, 2 and so on.
    #[must_use]
    pub fn of_names(names: impl IntoIterator<Item = String>) -> Self {
        let names: Vec<Tick> =
            (0u32..).zip(names).map(|(position, label)| Tick { value: f64::from(position), label }).collect();
        let last = names.last().map_or(0.0, |tick| tick.value);
        Self { label: String::new(), scale: Scale::exact(-0.5, last + 0.5), names }
    }

    /// The marked values.
    #[must_use]
    pub fn ticks(&self, about: u32) -> Vec<Tick> {
        if self.names.is_empty() { self.scale.ticks(about) } else { self.names.clone() }
    }
}
