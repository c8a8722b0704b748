//! Small plots: axes, lines, bands, dots and bars on a [`Scene`], which is written as SVG or PNG.
//!
//! Nothing is looked up at run time, neither fonts nor clocks, so the same plot gives the same bytes. Every text is escaped where
//! it is written.

mod axis;
mod escape;
mod look;
mod mark;
mod panel;
mod png;
mod png_file;
mod scale;
mod scene;
mod svg;

pub use axis::Axis;
pub use escape::escaped;
pub use look::{Colour, Dash, Look, Shape};
pub use mark::Mark;
pub use panel::{Key, Plot, grid};
pub use png::PngError;
pub use scale::{Scale, Tick};
pub use scene::{Anchor, Item, Point, Scene, Stroke};
