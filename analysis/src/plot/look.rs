//! Colours, dashes and shapes that can be told apart without colour.

/// A colour of the palette of Okabe and Ito (2008), which most colour-blind people can tell apart, or a grey.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Colour {
    /// Blue: the side A.
    Blue,
    /// Vermilion: the side B.
    Vermilion,
    /// Bluish green.
    Green,
    /// Reddish purple.
    Purple,
    /// Text and axes.
    Ink,
    /// Less important text.
    Grey,
    /// Lines of a grid.
    Faint,
    /// Paper.
    White,
}

impl Colour {
    /// Red, green and blue, 0 to 255 each.
    #[must_use]
    pub fn rgb(self) -> [u8; 3] {
        match self {
            Self::Blue => [0x00, 0x72, 0xb2],
            Self::Vermilion => [0xd5, 0x5e, 0x00],
            Self::Green => [0x00, 0x9e, 0x73],
            Self::Purple => [0xcc, 0x79, 0xa7],
            Self::Ink => [0x22, 0x22, 0x22],
            Self::Grey => [0x66, 0x66, 0x66],
            Self::Faint => [0xe3, 0xe3, 0xe3],
            Self::White => [0xff, 0xff, 0xff],
        }
    }

    /// As SVG has it.
    #[must_use]
    pub fn hex(self) -> String {
        let [red, green, blue] = self.rgb();
        format!("#{red:02x}{green:02x}{blue:02x}")
    }
}

/// How a line is broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Dash {
    /// Not.
    #[default]
    Solid,
    /// Dashes.
    Dashed,
    /// Dots.
    Dotted,
}

impl Dash {
    /// Lengths drawn and left out, in units of the scene; empty if it is not broken.
    #[must_use]
    pub fn lengths(self) -> &'static [f32] {
        match self {
            Self::Solid => &[],
            Self::Dashed => &[7.0, 4.0],
            Self::Dotted => &[2.0, 3.0],
        }
    }
}

/// The shape of a dot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Shape {
    /// A disc.
    #[default]
    Disc,
    /// An empty square.
    Square,
    /// A cross.
    Cross,
}

/// How a series is drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Look {
    /// Its colour.
    pub colour: Colour,
    /// Its line.
    pub dash: Dash,
    /// Its dots.
    pub shape: Shape,
    /// Width of its line.
    pub width: f64,
    /// 0, not seen, to 1.
    pub opacity: f64,
}

impl Look {
    /// A solid line with discs.
    #[must_use]
    pub fn new(colour: Colour) -> Self {
        Self { colour, dash: Dash::Solid, shape: Shape::Disc, width: 2.0, opacity: 1.0 }
    }

    /// The same with another line.
    #[must_use]
    pub fn dashed(self, dash: Dash) -> Self {
        Self { dash, ..self }
    }

    /// The same with other dots.
    #[must_use]
    pub fn shaped(self, shape: Shape) -> Self {
        Self { shape, ..self }
    }

    /// The same, thin and pale: one of many.
    #[must_use]
    pub fn thin(self) -> Self {
        Self { width: 1.0, opacity: 0.45, ..self }
    }

    /// The same with a line of this width.
    #[must_use]
    pub fn wide(self, width: f64) -> Self {
        Self { width, ..self }
    }
}
