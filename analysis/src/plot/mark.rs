//! What is drawn into a plot.

use super::Look;

/// A series in values of the axes. Values that are no numbers leave a gap.
#[derive(Debug, Clone, PartialEq)]
pub enum Mark {
    /// Points joined by straight lines.
    Line(Look, Vec<(f64, f64)>),
    /// Points joined by steps: a value holds until the next one.
    Step(Look, Vec<(f64, f64)>),
    /// Between a lower and an upper value: `(x, lower, upper)`.
    Band(Look, Vec<(f64, f64, f64)>),
    /// Single points.
    Dots(Look, f64, Vec<(f64, f64)>),
    /// Rectangles `(x from, y from, x to, y to)`; with dashes they are hatched.
    Boxes(Look, Vec<(f64, f64, f64, f64)>),
}
