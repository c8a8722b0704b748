//! The parts of a report, whatever they are written as.

use crate::plot::Scene;

/// A chapter.
#[derive(Debug, Clone)]
pub(super) struct Section {
    /// Where links go: letters and `-`.
    pub(super) id: &'static str,
    pub(super) title: String,
    pub(super) blocks: Vec<Block>,
}

/// A part of a chapter.
#[derive(Debug, Clone)]
pub(super) enum Block {
    /// A paragraph.
    Text(String),
    /// The sentence that matters most.
    Lead(String),
    /// A paragraph that says how to read what follows.
    Aside(String),
    /// A verdict: the word, its mood, and the sentence.
    Verdict(Mood, String, String),
    List(Vec<String>),
    Table(Table),
    Figure(Box<Figure>),
}

/// How a verdict is marked, beside its word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mood {
    Good,
    Bad,
    Even,
    Open,
}

/// Rows of cells, also written as CSV.
#[derive(Debug, Clone)]
pub(super) struct Table {
    /// Name of its file, without ending.
    pub(super) name: &'static str,
    pub(super) caption: String,
    pub(super) head: Vec<String>,
    pub(super) rows: Vec<Vec<Cell>>,
}

/// A cell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Cell {
    /// Words, to the left.
    Words(String),
    /// A figure, to the right.
    Figure(String),
    /// Words that differ from those of the other side.
    Differs(String),
}

impl Cell {
    pub(super) fn text(&self) -> &str {
        match self {
            Self::Words(text) | Self::Figure(text) | Self::Differs(text) => text,
        }
    }
}

/// A drawing with its words.
#[derive(Debug, Clone)]
pub(super) struct Figure {
    /// Name of its files, without ending; also its id.
    pub(super) name: &'static str,
    pub(super) title: String,
    /// How to read it.
    pub(super) caption: String,
    /// What it shows, for those who cannot see it.
    pub(super) alternative: String,
    pub(super) scene: Scene,
}

/// All of it.
#[derive(Debug, Clone)]
pub(super) struct Document {
    pub(super) title: String,
    /// One line each, below the title.
    pub(super) facts: Vec<String>,
    pub(super) sections: Vec<Section>,
}

impl Document {
    fn blocks(&self) -> impl Iterator<Item = &Block> {
        self.sections.iter().flat_map(|section| &section.blocks)
    }

    pub(super) fn tables(&self) -> impl Iterator<Item = &Table> {
        self.blocks().filter_map(|block| if let Block::Table(table) = block { Some(table) } else { None })
    }

    pub(super) fn figures(&self) -> impl Iterator<Item = &Figure> {
        self.blocks().filter_map(|block| if let Block::Figure(figure) = block { Some(&**figure) } else { None })
    }
}

pub(super) fn words(text: impl Into<String>) -> Cell {
    Cell::Words(text.into())
}

pub(super) fn figure(text: impl Into<String>) -> Cell {
    Cell::Figure(text.into())
}
