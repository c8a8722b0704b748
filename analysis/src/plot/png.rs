//! A scene as PNG, with letters of a font that is part of the program.

use tiny_skia::{
    Color, FillRule, LineJoin, Paint, Path, PathBuilder, Pixmap, Rect, Stroke as Pen, StrokeDash, Transform,
};
use ttf_parser::{Face, OutlineBuilder};

use super::png_file;
use super::scene::{Turn, Weight};
use super::{Anchor, Colour, Item, Point, Scene, Shape, Stroke};

/// DejaVu Sans, reduced to the letters in use; font/LICENSE.
static REGULAR: &[u8] = include_bytes!("font/DejaVuSans-subset.ttf");
/// The same, bold.
static BOLD: &[u8] = include_bytes!("font/DejaVuSans-Bold-subset.ttf");
/// Pixels a unit: fit for print.
const SCALE: f32 = 2.0;
/// Longest side in units.
const MAX_SIDE: f64 = 8000.0;

/// A scene that cannot be made into a picture.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum PngError {
    /// Its size.
    #[error("a picture of {width} x {height}: each side must be from 1 to 8000")]
    Size {
        /// Width in units.
        width: f64,
        /// Height in units.
        height: f64,
    },
    /// The font fails.
    #[error("cannot draw: {0}")]
    Draw(String),
}

impl Scene {
    /// The scene as a PNG file, two pixels a unit, on white.
    ///
    /// # Errors
    /// [`PngError`] if the scene is empty or larger than 8,000 units.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked to be from 1 to 8,000")]
    pub fn png(&self) -> Result<Vec<u8>, PngError> {
        let (width, height) = (self.width, self.height);
        let bad_size = PngError::Size { width, height };
        if ![width, height].iter().all(|side| (1.0..=MAX_SIDE).contains(side)) {
            return Err(bad_size);
        }
        let pixels = |side: f64| (side * f64::from(SCALE)).ceil() as u32;
        let mut pixmap = Pixmap::new(pixels(width), pixels(height)).ok_or(bad_size)?;
        pixmap.fill(Color::WHITE);
        let face = |data| Face::parse(data, 0).map_err(|error| PngError::Draw(error.to_string()));
        let mut canvas = Canvas { pixmap, regular: face(REGULAR)?, bold: face(BOLD)? };
        self.items.iter().for_each(|item| canvas.draw(item));
        Ok(png_file::encoded(&canvas.pixmap))
    }
}

struct Canvas {
    pixmap: Pixmap,
    regular: Face<'static>,
    bold: Face<'static>,
}

/// A text that is to be drawn.
struct Words<'a> {
    at: Point,
    text: &'a str,
    size: f64,
    anchor: Anchor,
    turn: Turn,
}

impl Canvas {
    fn draw(&mut self, item: &Item) {
        match item {
            Item::Line(stroke, points) => {
                if let Some(path) = path(points) {
                    self.stroke(&path, *stroke);
                }
            }
            Item::Area(colour, opacity, points) => {
                if let Some(path) = path(points) {
                    self.fill(&path, *colour, *opacity, scaled());
                }
            }
            Item::Dot(colour, opacity, shape, radius, at) => self.dot(*colour, *opacity, *shape, *radius, *at),
            Item::Text { at, text, size, anchor, colour, weight, turn } => {
                let words = Words { at: *at, text, size: *size, anchor: *anchor, turn: *turn };
                self.text(&words, *colour, *weight);
            }
        }
    }

    fn stroke(&mut self, path: &Path, stroke: Stroke) {
        let pen = Pen {
            width: single(stroke.width),
            line_join: LineJoin::Round,
            dash: StrokeDash::new(stroke.dash.lengths().to_vec(), 0.0),
            ..Pen::default()
        };
        self.pixmap.stroke_path(path, &paint(stroke.colour, stroke.opacity), &pen, scaled(), None);
    }

    fn fill(&mut self, path: &Path, colour: Colour, opacity: f64, transform: Transform) {
        self.pixmap.fill_path(path, &paint(colour, opacity), FillRule::Winding, transform, None);
    }

    fn dot(&mut self, colour: Colour, opacity: f64, shape: Shape, radius: f64, at: Point) {
        let (x, y, r) = (single(at.x), single(at.y), single(radius));
        let line = |width| Stroke { colour, width, dash: super::Dash::Solid, opacity };
        match shape {
            Shape::Disc => {
                if let Some(path) = PathBuilder::from_circle(x, y, r) {
                    self.fill(&path, colour, opacity, scaled());
                }
            }
            Shape::Square => {
                if let Some(rect) = Rect::from_xywh(x - r, y - r, 2.0 * r, 2.0 * r) {
                    let path = PathBuilder::from_rect(rect);
                    self.fill(&path, Colour::White, 0.6, scaled());
                    self.stroke(&path, line(1.6));
                }
            }
            Shape::Cross => {
                let mut builder = PathBuilder::new();
                builder.move_to(x - r, y - r);
                builder.line_to(x + r, y + r);
                builder.move_to(x - r, y + r);
                builder.line_to(x + r, y - r);
                if let Some(path) = builder.finish() {
                    self.stroke(&path, line(1.8));
                }
            }
        }
    }

    fn text(&mut self, words: &Words<'_>, colour: Colour, weight: Weight) {
        let face = match weight {
            Weight::Regular => &self.regular,
            Weight::Bold => &self.bold,
        };
        let mut outline = Outline { builder: PathBuilder::new(), right: 0.0 };
        for c in words.text.chars() {
            // What the font does not have is drawn as a question mark.
            let Some(glyph) = face.glyph_index(c).or_else(|| face.glyph_index('?')) else { continue };
            face.outline_glyph(glyph, &mut outline);
            outline.right += f32::from(face.glyph_hor_advance(glyph).unwrap_or(0));
        }
        let em = single(words.size) / f32::from(face.units_per_em());
        let back = match words.anchor {
            Anchor::Start => 0.0,
            Anchor::Middle => -outline.right / 2.0,
            Anchor::End => -outline.right,
        };
        let turned = match words.turn {
            Turn::Level => Transform::identity(),
            Turn::Up => Transform::from_rotate(-90.0),
        };
        let place = scaled()
            .pre_translate(single(words.at.x), single(words.at.y))
            .pre_concat(turned)
            .pre_scale(em, -em)
            .pre_translate(back, 0.0);
        if let Some(path) = outline.builder.finish() {
            self.fill(&path, colour, 1.0, place);
        }
    }
}

/// Letters side by side, in units of the font.
struct Outline {
    builder: PathBuilder,
    right: f32,
}

impl OutlineBuilder for Outline {
    fn move_to(&mut self, x: f32, y: f32) {
        self.builder.move_to(x + self.right, y);
    }

    fn line_to(&mut self, x: f32, y: f32) {
        self.builder.line_to(x + self.right, y);
    }

    fn quad_to(&mut self, x1: f32, y1: f32, x: f32, y: f32) {
        self.builder.quad_to(x1 + self.right, y1, x + self.right, y);
    }

    fn curve_to(&mut self, x1: f32, y1: f32, x2: f32, y2: f32, x: f32, y: f32) {
        self.builder.cubic_to(x1 + self.right, y1, x2 + self.right, y2, x + self.right, y);
    }

    fn close(&mut self) {
        self.builder.close();
    }
}

fn scaled() -> Transform {
    Transform::from_scale(SCALE, SCALE)
}

fn path(points: &[Point]) -> Option<Path> {
    let mut builder = PathBuilder::new();
    for (position, point) in points.iter().enumerate() {
        let (x, y) = (single(point.x), single(point.y));
        if position == 0 {
            builder.move_to(x, y);
        } else {
            builder.line_to(x, y);
        }
    }
    builder.finish()
}

fn paint(colour: Colour, opacity: f64) -> Paint<'static> {
    let [red, green, blue] = colour.rgb();
    let mut paint = Paint::default();
    let mut shade = Color::from_rgba8(red, green, blue, 255);
    shade.set_alpha(single(opacity.clamp(0.0, 1.0)));
    paint.set_color(shade);
    paint
}

#[expect(clippy::cast_possible_truncation, reason = "places on a picture of a few thousand pixels")]
fn single(value: f64) -> f32 {
    value as f32
}
