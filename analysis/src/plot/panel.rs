//! A plot with its axes, and several of them in a grid.

use super::scene::{Turn, Weight, text_width};
use super::{Anchor, Axis, Colour, Dash, Item, Look, Mark, Point, Scene, Stroke};

/// Size of ordinary letters.
const SIZE: f64 = 14.0;
/// Room to the right of an axis, for half of its last label.
const RIGHT: f64 = 24.0;

/// An entry of a legend.
#[derive(Debug, Clone, PartialEq)]
pub struct Key {
    /// How it looks.
    pub look: Look,
    /// As line, dot or box.
    pub kind: KeyKind,
    /// What it is.
    pub text: String,
}

/// What an entry of a legend shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyKind {
    /// A line.
    Line,
    /// A dot.
    Dot,
    /// A box.
    Box,
}

impl Key {
    /// A line.
    #[must_use]
    pub fn line(look: Look, text: impl Into<String>) -> Self {
        Self { look, kind: KeyKind::Line, text: text.into() }
    }

    /// A dot.
    #[must_use]
    pub fn dot(look: Look, text: impl Into<String>) -> Self {
        Self { look, kind: KeyKind::Dot, text: text.into() }
    }

    /// A box.
    #[must_use]
    pub fn area(look: Look, text: impl Into<String>) -> Self {
        Self { look, kind: KeyKind::Box, text: text.into() }
    }
}

/// One plot.
#[derive(Debug, Clone, PartialEq)]
pub struct Plot {
    /// Above it.
    pub title: String,
    /// To the right.
    pub x: Axis,
    /// Upwards.
    pub y: Axis,
    /// What is in it, the first at the bottom.
    pub marks: Vec<Mark>,
    /// Below the title.
    pub legend: Vec<Key>,
}

/// Where the data of a plot lie.
#[derive(Debug, Clone, Copy)]
struct Frame {
    left: f64,
    top: f64,
    width: f64,
    height: f64,
}

/// Plots in rows of so many `columns`, from left to right, each so high; all as wide as the scene allows. `width` and `height` are in
/// units of the scene.
#[must_use]
pub fn grid(plots: &[Plot], columns: usize, width: f64, height: f64) -> Scene {
    let columns = columns.max(1);
    let rows = plots.len().div_ceil(columns);
    let mut scene = Scene::new(width, height * rows as f64);
    let cell = width / columns as f64;
    for (position, plot) in plots.iter().enumerate() {
        let (row, column) = (position / columns, position % columns);
        // Axes that stand above each other begin at the same place.
        let stacked = plots.iter().skip(column).step_by(columns);
        let labels = stacked.map(|other| room_for_labels(other, cell, height)).fold(0.0, f64::max);
        let at = Point { x: cell * column as f64, y: height * row as f64 };
        draw(&mut scene, plot, at, [cell, height, labels]);
    }
    scene
}

fn y_ticks(plot: &Plot, height: f64) -> Vec<super::Tick> {
    plot.y.ticks(if height < 220.0 { 4 } else { 6 })
}

/// How much the vertical axis needs to its left.
fn room_for_labels(plot: &Plot, width: f64, height: f64) -> f64 {
    let widest = y_ticks(plot, height).iter().map(|tick| text_width(&tick.label, SIZE)).fold(0.0, f64::max);
    let y_label = if plot.y.label.is_empty() { 0.0 } else { SIZE + 10.0 };
    y_label + widest.min(width * 0.4) + 12.0
}

fn draw(scene: &mut Scene, plot: &Plot, at: Point, [width, height, labels]: [f64; 3]) {
    let y_ticks = y_ticks(plot, height);
    let left = at.x + labels;
    let mut top = at.y + 10.0;
    if !plot.title.is_empty() {
        top += SIZE + 4.0;
        let title = Point { x: left, y: top - 4.0 };
        scene.items.push(text(title, &plot.title, Anchor::Start, Weight::Bold, Turn::Level, Colour::Ink));
    }
    top = legend(scene, &plot.legend, left, top, at.x + width);
    top += 8.0;
    let below = SIZE + 10.0 + if plot.x.label.is_empty() { 0.0 } else { SIZE + 8.0 };
    let frame = Frame { left, top, width: at.x + width - RIGHT - left, height: at.y + height - below - 6.0 - top };
    axes(scene, plot, &y_ticks, frame, at.x);
    for mark in &plot.marks {
        draw_mark(scene, plot, mark, frame);
    }
}

/// Draws the entries in as many lines as it takes; where the next thing begins.
fn legend(scene: &mut Scene, keys: &[Key], left: f64, top: f64, right: f64) -> f64 {
    let (mut x, mut y) = (left, top + SIZE + 4.0);
    for key in keys {
        let wide = 34.0 + text_width(&key.text, SIZE) + 14.0;
        if x > left && x + wide > right {
            (x, y) = (left, y + SIZE + 5.0);
        }
        let (middle, look) = (y - SIZE * 0.35, key.look);
        match key.kind {
            KeyKind::Line => scene.line(stroke(look), vec![Point { x, y: middle }, Point { x: x + 28.0, y: middle }]),
            KeyKind::Dot => {
                let at = Point { x: x + 18.0, y: middle };
                scene.items.push(Item::Dot(look.colour, 1.0, look.shape, 4.5, at));
            }
            KeyKind::Box => filled(scene, look, [x + 4.0, middle - 6.0, x + 28.0, middle + 6.0]),
        }
        scene.text(Point { x: x + 34.0, y }, &key.text, SIZE, Anchor::Start, Colour::Ink);
        x += wide;
    }
    if keys.is_empty() { top } else { y + 2.0 }
}

fn axes(scene: &mut Scene, plot: &Plot, y_ticks: &[super::Tick], frame: Frame, left: f64) {
    let hair = Stroke { colour: Colour::Faint, width: 1.0, dash: Dash::Solid, opacity: 1.0 };
    let line = Stroke { colour: Colour::Ink, width: 1.2, dash: Dash::Solid, opacity: 1.0 };
    let (right, bottom) = (frame.left + frame.width, frame.top + frame.height);
    for tick in y_ticks {
        let Some(y) = frame.y(plot, tick.value) else { continue };
        if plot.y.names.is_empty() {
            scene.line(hair, vec![Point { x: frame.left, y }, Point { x: right, y }]);
        }
        scene.text(Point { x: frame.left - 7.0, y: y + SIZE * 0.35 }, &tick.label, SIZE, Anchor::End, Colour::Ink);
    }
    for tick in x_ticks(plot, frame.width) {
        let Some(x) = frame.x(plot, tick.value) else { continue };
        if plot.x.names.is_empty() {
            scene.line(hair, vec![Point { x, y: frame.top }, Point { x, y: bottom }]);
            scene.line(line, vec![Point { x, y: bottom }, Point { x, y: bottom + 4.0 }]);
        }
        scene.text(Point { x, y: bottom + SIZE + 6.0 }, &tick.label, SIZE, Anchor::Middle, Colour::Ink);
    }
    let corner =
        vec![Point { x: frame.left, y: frame.top }, Point { x: frame.left, y: bottom }, Point { x: right, y: bottom }];
    scene.line(line, corner);
    if !plot.x.label.is_empty() {
        let middle = Point { x: frame.left + frame.width / 2.0, y: bottom + 2.0 * SIZE + 14.0 };
        scene.items.push(text(middle, &plot.x.label, Anchor::Middle, Weight::Regular, Turn::Level, Colour::Grey));
    }
    if !plot.y.label.is_empty() {
        let middle = Point { x: left + SIZE, y: frame.top + frame.height / 2.0 };
        scene.items.push(text(middle, &plot.y.label, Anchor::Middle, Weight::Regular, Turn::Up, Colour::Grey));
    }
}

/// As many ticks as there is room for their labels.
fn x_ticks(plot: &Plot, width: f64) -> Vec<super::Tick> {
    let mut about = 8;
    loop {
        let ticks = plot.x.ticks(about);
        let taken: f64 = ticks.iter().map(|tick| text_width(&tick.label, SIZE) + 14.0).sum();
        if taken <= width || about <= 2 {
            return ticks;
        }
        about -= 1;
    }
}

impl Frame {
    fn x(&self, plot: &Plot, value: f64) -> Option<f64> {
        plot.x.scale.place(value).map(|place| self.left + place * self.width)
    }

    fn y(&self, plot: &Plot, value: f64) -> Option<f64> {
        plot.y.scale.place(value).map(|place| self.top + (1.0 - place) * self.height)
    }

    fn at(&self, plot: &Plot, x: f64, y: f64) -> Option<Point> {
        Some(Point { x: self.x(plot, x)?, y: self.y(plot, y)? })
    }
}

fn draw_mark(scene: &mut Scene, plot: &Plot, mark: &Mark, frame: Frame) {
    match mark {
        Mark::Line(look, values) => {
            for run in unbroken(values.iter().map(|(x, y)| frame.at(plot, *x, *y))) {
                scene.line(stroke(*look), run);
            }
        }
        Mark::Step(look, values) => {
            for run in unbroken(values.iter().map(|(x, y)| frame.at(plot, *x, *y))) {
                let corners =
                    run.iter().zip(run.iter().skip(1)).flat_map(|(one, next)| [*one, Point { x: next.x, y: one.y }]);
                let points: Vec<Point> = corners.chain(run.last().copied()).collect();
                scene.line(stroke(*look), points);
            }
        }
        Mark::Band(look, values) => {
            let edge = |upper: bool| {
                values.iter().filter_map(move |(x, low, high)| frame.at(plot, *x, if upper { *high } else { *low }))
            };
            let mut points: Vec<Point> = edge(true).collect();
            points.extend(edge(false).collect::<Vec<_>>().into_iter().rev());
            if points.len() > 2 {
                scene.items.push(Item::Area(look.colour, 0.18, points));
            }
        }
        Mark::Dots(look, radius, values) => {
            for at in values.iter().filter_map(|(x, y)| frame.at(plot, *x, *y)) {
                scene.items.push(Item::Dot(look.colour, look.opacity, look.shape, *radius, at));
            }
        }
        Mark::Boxes(look, boxes) => {
            for (x0, y0, x1, y1) in boxes {
                if let (Some(from), Some(to)) = (frame.at(plot, *x0, *y0), frame.at(plot, *x1, *y1)) {
                    filled(scene, *look, [from.x.min(to.x), from.y.min(to.y), from.x.max(to.x), from.y.max(to.y)]);
                }
            }
        }
    }
}

/// A filled rectangle (left, top, right, bottom); one that is dashed is pale and hatched.
fn filled(scene: &mut Scene, look: Look, [left, top, right, bottom]: [f64; 4]) {
    let corners = [(left, top), (right, top), (right, bottom), (left, bottom)].map(|(x, y)| Point { x, y });
    let hatched = look.dash != Dash::Solid;
    let opacity = if hatched { 0.25 } else { 1.0 } * look.opacity;
    scene.items.push(Item::Area(look.colour, opacity, corners.to_vec()));
    if !hatched {
        return;
    }
    let thin = Stroke { colour: look.colour, width: 1.2, dash: Dash::Solid, opacity: look.opacity };
    // Lines x + y = sum, cut at the edges.
    let mut sum = ((left + top) / 6.0).ceil() * 6.0;
    while sum < right + bottom {
        let from = if sum - top <= right { Point { x: sum - top, y: top } } else { Point { x: right, y: sum - right } };
        let to =
            if sum - left <= bottom { Point { x: left, y: sum - left } } else { Point { x: sum - bottom, y: bottom } };
        scene.line(thin, vec![from, to]);
        sum += 6.0;
    }
    scene.line(thin, corners.iter().chain(corners.first()).copied().collect());
}

/// Stretches without a gap.
fn unbroken(points: impl Iterator<Item = Option<Point>>) -> Vec<Vec<Point>> {
    let mut runs = vec![Vec::new()];
    for point in points {
        match (point, runs.last_mut()) {
            (Some(point), Some(run)) => run.push(point),
            _ => runs.push(Vec::new()),
        }
    }
    runs.retain(|run| !run.is_empty());
    runs
}

fn stroke(look: Look) -> Stroke {
    Stroke { colour: look.colour, width: look.width, dash: look.dash, opacity: look.opacity }
}

fn text(at: Point, text: &str, anchor: Anchor, weight: Weight, turn: Turn, colour: Colour) -> Item {
    Item::Text { at, text: text.to_owned(), size: SIZE, anchor, colour, weight, turn }
}
