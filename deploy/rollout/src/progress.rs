//! One line for each device: redrawn on a terminal, else added one after the other.

use std::io::{self, IsTerminal, Write};
use std::sync::{Mutex, PoisonError};

/// More devices than this do not fit a terminal: their lines are added.
const MOST_REDRAWN: usize = 20;
/// Longest line that is redrawn, in characters: a wrapped one could not be.
const WIDTH: usize = 79;

/// Shows how devices stand.
pub(crate) struct Progress {
    labels: Vec<String>,
    state: Mutex<State>,
}

enum State {
    Added,
    /// The present lines; empty before the first one.
    Redrawn(Vec<String>),
}

impl Progress {
    pub(crate) fn new(labels: Vec<String>) -> Self {
        let redrawn = io::stdout().is_terminal() && labels.len() <= MOST_REDRAWN;
        let state = Mutex::new(if redrawn { State::Redrawn(Vec::new()) } else { State::Added });
        Self { labels, state }
    }

    /// A new line for a device, by its place in the inventory.
    pub(crate) fn show(&self, index: usize, words: &str) {
        let label = self.labels.get(index).map_or("?", String::as_str);
        let line = format!("{label}: {words}");
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let text = match &mut *state {
            State::Added => line + "\n",
            State::Redrawn(lines) => {
                let up = lines.len();
                if lines.is_empty() {
                    lines.extend(self.labels.iter().map(|label| format!("{label}: waits")));
                }
                if let Some(present) = lines.get_mut(index) {
                    *present = line;
                }
                redrawn(lines, up)
            }
        };
        // Who reads along is no condition of anything.
        let mut out = io::stdout().lock();
        let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    }
}

fn redrawn(lines: &[String], up: usize) -> String {
    let mut text = if up == 0 { String::new() } else { format!("\x1b[{up}A") };
    for line in lines {
        text.push_str("\x1b[2K");
        text.extend(line.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).take(WIDTH));
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_redrawn_in_place() {
        let lines = ["a: one".to_owned(), format!("b: {}\n", "x".repeat(100))];
        let first = redrawn(&lines, 0);
        assert!(first.starts_with("\x1b[2Ka: one\n"));
        assert_eq!(first.matches('\n').count(), 2);
        assert!(first.lines().all(|line| line.chars().count() <= WIDTH + 4));
        assert!(redrawn(&lines, 2).starts_with("\x1b[2A"));
    }
}
