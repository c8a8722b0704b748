//! What there is to draw, at its place: the same for SVG and PNG.

use super::{Colour, Dash, Shape};

/// A place, in units of the scene, from the upper left.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// To the right.
    pub x: f64,
    /// Down.
    pub y: f64,
}

/// A line's look.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Stroke {
    /// Its colour.
    pub colour: Colour,
    /// Its width.
    pub width: f64,
    /// How it is broken.
    pub dash: Dash,
    /// 0 to 1.
    pub opacity: f64,
}

/// To which side of its place a text stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Anchor {
    /// It begins there.
    Start,
    /// Its middle is there.
    Middle,
    /// It ends there.
    End,
}

/// One thing to draw.
#[derive(Debug, Clone, PartialEq)]
pub enum Item {
    /// Straight lines through these points.
    Line(Stroke, Vec<Point>),
    /// A filled area within these points.
    Area(Colour, f64, Vec<Point>),
    /// A dot with its radius.
    Dot(Colour, f64, Shape, f64, Point),
    /// A line of text.
    Text {
        /// Where its baseline is.
        at: Point,
        /// The words, not escaped.
        text: String,
        /// Size of the letters.
        size: f64,
        /// Side of the place.
        anchor: Anchor,
        /// Colour.
        colour: Colour,
        /// Heavier letters.
        weight: Weight,
        /// Direction.
        turn: Turn,
    },
}

/// How heavy letters are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weight {
    /// As usual.
    Regular,
    /// Heavier.
    Bold,
}

/// The direction of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// From left to right.
    Level,
    /// Upwards.
    Up,
}

/// A drawing.
#[derive(Debug, Clone, PartialEq)]
pub struct Scene {
    /// Width in units; a unit is about a pixel.
    pub width: f64,
    /// Height in units.
    pub height: f64,
    /// What is on it, the first at the bottom.
    pub items: Vec<Item>,
}

impl Scene {
    /// An empty one.
    #[must_use]
    pub fn new(width: f64, height: f64) -> Self {
        Self { width, height, items: Vec::new() }
    }

    pub(super) fn line(&mut self, stroke: Stroke, points: Vec<Point>) {
        if points.len() > 1 {
            self.items.push(Item::Line(stroke, points));
        }
    }

    pub(super) fn text(&mut self, at: Point, text: &str, size: f64, anchor: Anchor, colour: Colour) {
        let text = text.to_owned();
        self.items.push(Item::Text { at, text, size, anchor, colour, weight: Weight::Regular, turn: Turn::Level });
    }
}

/// About how wide a text is.
pub(super) fn text_width(text: &str, size: f64) -> f64 {
    let letters = text.chars().map(|c| match c {
        'i' | 'l' | 'j' | 'I' | '.' | ',' | ':' | '\'' | '|' | '\u{202f}' => 0.33,
        'm' | 'w' | 'M' | 'W' | '%' => 0.93,
        _ => 0.61,
    });
    letters.sum::<f64>() * size
}
