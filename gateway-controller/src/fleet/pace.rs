//! Whether a report tells of now. After a time offline a device delivers what it had kept, oldest first: that is for the
//! record, not for decisions. No clocks are compared: only how much time the reports span and how fast they arrive.

use super::Moment;
use super::coverage::Continuity;

/// How old a window may be and still lead to a decision, in milliseconds.
const STALE_AFTER_MS: u64 = 2_000;

/// What a report may be used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Timeliness {
    /// It tells of now.
    Live,
    /// It tells of a past that is over.
    Backlog,
}

/// How far the reports of one boot lag behind.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Pace {
    last: Option<Moment>,
    state: State,
}

#[derive(Debug, Clone, Copy, Default)]
enum State {
    #[default]
    Live,
    /// The connection is new: the next report may be the oldest of a backlog.
    Reconnected,
    /// The newest report was this much behind, in milliseconds.
    Behind { ms: u64 },
}

impl Pace {
    /// The device has a new connection.
    pub(super) fn reconnected(&mut self) {
        if matches!(self.state, State::Live) {
            self.state = State::Reconnected;
        }
    }

    /// Judges the newest report, `span_ms` long.
    pub(super) fn judge(&mut self, now: Moment, span_ms: u64, continuity: Continuity) -> Timeliness {
        let gap_ms = self.last.replace(now).map_or(0, |last| now.millis_since(last));
        let behind = match self.state {
            State::Live => 0,
            // After a gap nobody knows how much time passed between the two reports.
            State::Reconnected if continuity == Continuity::AfterGap => 0,
            State::Reconnected => gap_ms.saturating_sub(span_ms),
            // At the pace of time there is no backlog to deliver: the device had slept.
            State::Behind { .. } if gap_ms.saturating_mul(2) >= span_ms => 0,
            State::Behind { ms } => ms.saturating_sub(span_ms.saturating_sub(gap_ms)),
        };
        if behind > STALE_AFTER_MS {
            self.state = State::Behind { ms: behind };
            Timeliness::Backlog
        } else {
            self.state = State::Live;
            Timeliness::Live
        }
    }
}
