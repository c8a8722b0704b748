//! The figures of a report.

mod events;
mod gateway;
mod outliers;
mod reaction;
mod runs;
mod spread;
mod time;

pub(super) use events::events;
pub(super) use gateway::{gateway, groups, uses};
pub(super) use outliers::outliers;
pub(super) use reaction::reaction;
pub(super) use runs::{ratios, runs};
pub(super) use spread::{distribution, tail};
pub(super) use time::{jitter, misses, quantiles};

use super::input::Group;
use crate::plot::{Colour, Dash, Look, Shape};
use crate::{Side, plot};

/// Width of all figures: that of a page in print.
const WIDTH: f64 = 820.0;

/// A is solid with discs, B dashed with squares.
fn look(side: Side) -> Look {
    match side {
        Side::A => Look::new(Colour::Blue),
        Side::B => Look::new(Colour::Vermilion).dashed(Dash::Dashed).shaped(Shape::Square),
    }
}

/// The side's name where there is little room.
fn short(group: &Group) -> String {
    if group.label.chars().count() <= 14 { group.label.clone() } else { group.side.name().to_owned() }
}

/// The greatest of the values that are numbers; `otherwise` if there is none.
fn greatest(values: impl Iterator<Item = f64>, otherwise: f64) -> f64 {
    values.filter(|value| value.is_finite()).reduce(f64::max).unwrap_or(otherwise)
}

/// The least of the values above 0; `otherwise` if there is none.
fn least(values: impl Iterator<Item = f64>, otherwise: f64) -> f64 {
    values.filter(|value| value.is_finite() && *value > 0.0).reduce(f64::min).unwrap_or(otherwise)
}

/// One entry a side, as a line.
fn side_keys(groups: &[&Group]) -> Vec<plot::Key> {
    groups.iter().map(|group| plot::Key::line(look(group.side).wide(2.5), group.label.clone())).collect()
}
