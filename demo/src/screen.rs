//! Where the live output goes.

use std::io::{self, Write};

use crate::cli::Demo;

/// Where the live output goes: standard output is kept for the summary if that is wanted as JSON.
pub(crate) struct Screen {
    out: Box<dyn Write>,
}

impl Screen {
    pub(crate) fn new(demo: &Demo) -> Self {
        Self { out: if demo.json { Box::new(io::stderr()) } else { Box::new(io::stdout()) } }
    }

    /// A reader that has gone is no reason to end.
    pub(crate) fn print(&mut self, text: &str) {
        let _ = self.out.write_all(text.as_bytes()).and_then(|()| self.out.flush());
    }
}
