//! When a push button counts as pressed. Pure: levels come in with their time.

use super::Level;
use crate::time::MonoTime;

/// The button was pressed: once for each time, however its contacts bounce.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pressed;

/// Tells presses from bounces: a level counts once it has been seen for some time without another in between.
#[derive(Debug)]
pub struct Debouncer {
    pressed: Level,
    stable_ns: u64,
    /// The level that counts; none until the first has been seen for long enough.
    settled: Option<Level>,
    /// Another level, and since when it has been seen.
    candidate: Option<(Level, MonoTime)>,
}

impl Debouncer {
    /// A button that reads `pressed` while it is down. A level counts after `stable_ns` nanoseconds; with 0 at once.
    #[must_use]
    pub fn new(pressed: Level, stable_ns: u64) -> Self {
        Self { pressed, stable_ns, settled: None, candidate: None }
    }

    /// Takes in the level at `now`. A button that is down from the start, as a line without a button may be, has to be let
    /// go first.
    pub fn see(&mut self, level: Level, now: MonoTime) -> Option<Pressed> {
        if self.settled == Some(level) {
            self.candidate = None;
            return None;
        }
        let since = match self.candidate {
            Some((candidate, since)) if candidate == level => since,
            _ => now,
        };
        self.candidate = Some((level, since));
        if now.nanos_since(since) < self.stable_ns {
            return None;
        }
        self.candidate = None;
        let before = self.settled.replace(level);
        (level == self.pressed && before.is_some()).then_some(Pressed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;

    /// Feeds levels, one every `every_ms`; how often the button was pressed.
    fn presses(debouncer: &mut Debouncer, clock: &mut u64, every_ms: u64, levels: &str) -> usize {
        let level = |character| if character == '_' { Level::Low } else { Level::High };
        let mut see = |character| {
            *clock += every_ms * MS;
            debouncer.see(level(character), MonoTime::from_nanos(*clock))
        };
        levels.chars().filter_map(&mut see).count()
    }

    fn of(every_ms: u64, levels: &str) -> usize {
        presses(&mut Debouncer::new(Level::Low, 30 * MS), &mut 0, every_ms, levels)
    }

    #[test]
    fn a_press_counts_once_it_has_lasted() {
        assert_eq!(of(10, "-----___"), 0, "20 ms");
        assert_eq!(of(10, "-----____"), 1, "30 ms");
        assert_eq!(of(10, "-----____________"), 1);
        assert_eq!(of(20, "-----___---___"), 2, "seen every 20 ms");
    }

    #[test]
    fn bounces_are_no_presses() {
        assert_eq!(of(10, "-----_-_-__-___-----"), 0);
        assert_eq!(of(10, "-----_-_-__-____-_-_-----"), 1, "bounces at both ends");
        assert_eq!(of(10, "-----_____-_-__-____-----"), 1, "a bounce while it is down");
    }

    #[test]
    fn a_button_that_is_down_at_the_start_has_to_be_let_go_first() {
        assert_eq!(of(10, "_______________"), 0);
        assert_eq!(of(10, "_______-----____"), 1);
    }

    #[test]
    fn the_other_polarity_and_no_waiting() {
        let mut debouncer = Debouncer::new(Level::High, 0);
        assert_eq!(presses(&mut debouncer, &mut 0, 1, "__-_-"), 2);
    }

    #[test]
    fn a_long_pause_between_two_looks_is_no_bounce() {
        let (mut debouncer, mut clock) = (Debouncer::new(Level::Low, 30 * MS), 0);
        assert_eq!(presses(&mut debouncer, &mut clock, 20, "---"), 0);
        assert_eq!(presses(&mut debouncer, &mut clock, 60_000, "_"), 0, "the first look at it");
        assert_eq!(presses(&mut debouncer, &mut clock, 60_000, "_"), 1);
    }
}
