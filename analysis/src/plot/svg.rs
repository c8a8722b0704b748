//! A scene as SVG.

use std::fmt::Write;

use super::scene::{Turn, Weight};
use super::{Anchor, Item, Point, Scene, Shape, escaped};

/// The font comes with most systems; others have widths much like it.
const FONT: &str = "DejaVu Sans, Verdana, Arial, sans-serif";

impl Scene {
    /// An SVG document, or an element of HTML, with a text alternative. `id` is the prefix of the ids within: letters, digits and
    /// `-`.
    #[must_use]
    pub fn svg(&self, id: &str, title: &str, alternative: &str) -> String {
        let (width, height) = (self.width, self.height);
        let mut out = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {} {}\" width=\"{}\" height=\"{}\" role=\"img\" \
             aria-labelledby=\"{id}-t {id}-d\" font-family=\"{FONT}\">\n<title id=\"{id}-t\">{}</title>\n<desc \
             id=\"{id}-d\">{}</desc>\n<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n",
            short(width),
            short(height),
            short(width),
            short(height),
            escaped(title),
            escaped(alternative),
        );
        for item in &self.items {
            write_item(&mut out, item);
            out.push('\n');
        }
        out.push_str("</svg>\n");
        out
    }
}

/// Writing to a string does not fail.
macro_rules! put {
    ($out:expr, $($what:tt)*) => { let _ = write!($out, $($what)*); };
}

fn write_item(out: &mut String, item: &Item) {
    match item {
        Item::Line(stroke, points) => {
            put!(
                out,
                "<path d=\"{}\" fill=\"none\" stroke=\"{}\" stroke-width=\"{}\" stroke-linejoin=\"round\"",
                path(points),
                stroke.colour.hex(),
                short(stroke.width)
            );
            let lengths = stroke.dash.lengths();
            if !lengths.is_empty() {
                let lengths: Vec<String> = lengths.iter().map(|length| short(f64::from(*length))).collect();
                put!(out, " stroke-dasharray=\"{}\"", lengths.join(" "));
            }
            if stroke.opacity < 1.0 {
                put!(out, " stroke-opacity=\"{}\"", short(stroke.opacity));
            }
            out.push_str("/>");
        }
        Item::Area(colour, opacity, points) => {
            put!(out, "<path d=\"{}Z\" fill=\"{}\" fill-opacity=\"{}\"/>", path(points), colour.hex(), short(*opacity));
        }
        Item::Dot(colour, opacity, shape, radius, at) => write_dot(out, &colour.hex(), *opacity, *shape, *radius, *at),
        Item::Text { at, text, size, anchor, colour, weight, turn } => {
            let anchor = match anchor {
                Anchor::Start => "start",
                Anchor::Middle => "middle",
                Anchor::End => "end",
            };
            let (x, y) = (short(at.x), short(at.y));
            put!(
                out,
                "<text x=\"{x}\" y=\"{y}\" font-size=\"{}\" text-anchor=\"{anchor}\" fill=\"{}\"",
                short(*size),
                colour.hex()
            );
            if *weight == Weight::Bold {
                out.push_str(" font-weight=\"bold\"");
            }
            if *turn == Turn::Up {
                put!(out, " transform=\"rotate(-90 {x} {y})\"");
            }
            put!(out, ">{}</text>", escaped(text));
        }
    }
}

fn write_dot(out: &mut String, colour: &str, opacity: f64, shape: Shape, radius: f64, at: Point) {
    let (x, y, r) = (at.x, at.y, radius);
    match shape {
        Shape::Disc => {
            put!(
                out,
                "<circle cx=\"{}\" cy=\"{}\" r=\"{}\" fill=\"{colour}\" fill-opacity=\"{}\"/>",
                short(x),
                short(y),
                short(r),
                short(opacity)
            );
        }
        Shape::Square => {
            put!(
                out,
                "<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" fill=\"#ffffff\" fill-opacity=\"0.6\" stroke=\"{colour}\" \
                 stroke-width=\"1.6\" stroke-opacity=\"{}\"/>",
                short(x - r),
                short(y - r),
                short(2.0 * r),
                short(2.0 * r),
                short(opacity)
            );
        }
        Shape::Cross => {
            put!(
                out,
                "<path d=\"M{} {}L{} {}M{} {}L{} {}\" stroke=\"{colour}\" stroke-width=\"1.8\" stroke-opacity=\"{}\"/>",
                short(x - r),
                short(y - r),
                short(x + r),
                short(y + r),
                short(x - r),
                short(y + r),
                short(x + r),
                short(y - r),
                short(opacity)
            );
        }
    }
}

fn path(points: &[Point]) -> String {
    let mut out = String::new();
    for (position, point) in points.iter().enumerate() {
        put!(out, "{}{} {}", if position == 0 { 'M' } else { 'L' }, short(point.x), short(point.y));
    }
    out
}

/// At most two decimals, and no needless ones.
fn short(value: f64) -> String {
    let text = format!("{:.2}", if value.is_finite() { value } else { 0.0 });
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}
