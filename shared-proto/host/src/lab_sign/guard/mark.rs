//! How far the sender's clock has come, as its messages tell.

use serde::{Deserialize, Serialize};

use super::WINDOW_MS;

/// Two clocks drift apart by less than one part in this; the kernel's own bound for a clock that is being corrected.
const DRIFT: u64 = 2_000;

/// The latest accepted message, and where the sender's clock has not been or should not be again. To be kept on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// Latest time of an accepted message, in milliseconds since 1970.
    pub high_ms: u64,
    /// What the sender's clock jumped over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub skipped: Option<Skipped>,
    /// Later times at which it signed before it was put back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left: Option<Span>,
}

/// Times that a clock jumped over: it signed nothing then.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Skipped {
    /// Latest accepted message before the jump, in milliseconds since 1970.
    pub after_ms: u64,
    /// The times.
    pub times: Span,
}

/// Times from one up to, but not including, another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    /// The first, in milliseconds since 1970.
    pub from_ms: u64,
    /// The first one after them, in milliseconds since 1970.
    pub to_ms: u64,
}

impl Span {
    fn contains(self, ts_ms: u64) -> bool {
        (self.from_ms..self.to_ms).contains(&ts_ms)
    }
}

impl Mark {
    pub(super) fn at(ts_ms: u64) -> Self {
        Self { high_ms: ts_ms, skipped: None, left: None }
    }

    pub(super) fn has_skipped(&self, ts_ms: u64) -> bool {
        self.skipped.is_some_and(|skipped| skipped.times.contains(ts_ms))
    }

    pub(super) fn has_left(&self, ts_ms: u64) -> bool {
        self.left.is_some_and(|span| span.contains(ts_ms))
    }

    pub(super) fn go_on(&mut self, ts_ms: u64) {
        self.high_ms = self.high_ms.max(ts_ms);
        self.left = self.left.filter(|left| self.high_ms < left.to_ms);
    }

    /// The clock says `ts_ms` and could not be later than `latest_ms` had it not jumped.
    pub(super) fn jump(&mut self, ts_ms: u64, latest_ms: u64) {
        // It may have jumped right after the latest message, and what it signed since then was not heard.
        let unheard_ms = latest_ms.saturating_sub(self.high_ms);
        let earliest_ms = ts_ms.saturating_sub(unheard_ms);
        // Times that it left before were signed: only what comes before them was skipped.
        let to_ms = self.left.map_or(earliest_ms, |left| left.from_ms.min(earliest_ms));
        let skipped = Skipped { after_ms: self.high_ms, times: Span { from_ms: latest_ms, to_ms } };
        self.skipped = (latest_ms < to_ms).then_some(skipped);
        self.go_on(ts_ms);
    }

    /// The clock was put back to `ts_ms`; `latest_ms` is what it could say by now otherwise, if that is known.
    pub(super) fn go_back(&mut self, ts_ms: u64, latest_ms: Option<u64>) {
        if let Some(skipped) = self.skipped.take() {
            // After a restart: the clock was ahead no longer than from the message before the jump to where it is again.
            let ahead_ms = ts_ms.saturating_sub(skipped.after_ms).saturating_add(2 * WINDOW_MS);
            let latest_ms = latest_ms.unwrap_or(self.high_ms.saturating_add(ahead_ms));
            let end_ms = latest_ms.max(self.high_ms).saturating_add(1);
            let to_ms = self.left.map_or(end_ms, |left| left.to_ms.max(end_ms));
            self.left = Some(Span { from_ms: skipped.times.to_ms, to_ms });
        }
        self.high_ms = ts_ms;
    }
}

/// A time of the sender and when it was heard: from then on both clocks run alike.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Pace {
    ts_ms: u64,
    up_ms: u64,
    /// How long that message may have been under way: then the sender's clock is further than it said.
    delay_ms: u64,
}

impl Pace {
    /// A message that was under way for no time worth speaking of.
    pub(super) fn prompt(ts_ms: u64, up_ms: u64) -> Self {
        Self { ts_ms, up_ms, delay_ms: 0 }
    }

    /// What the sender's clock should say.
    fn expected_ms(self, up_ms: u64) -> u64 {
        self.ts_ms.saturating_add(up_ms.saturating_sub(self.up_ms))
    }

    /// The latest that it may say without having jumped.
    pub(super) fn latest_ms(self, up_ms: u64) -> u64 {
        let drift_ms = up_ms.saturating_sub(self.up_ms) / DRIFT;
        let slack_ms = self.delay_ms.saturating_add(drift_ms + WINDOW_MS);
        self.expected_ms(up_ms).saturating_add(slack_ms)
    }

    /// The pace after a message that fits. Delays make a clock look slow, never fast: the fastest look is the right one.
    pub(super) fn go_on(self, ts_ms: u64, up_ms: u64) -> Self {
        let ahead_ms = ts_ms.saturating_sub(self.expected_ms(up_ms));
        if ahead_ms == 0 {
            return self;
        }
        Self { ts_ms, up_ms, delay_ms: self.delay_ms.saturating_sub(ahead_ms) }
    }

    /// The pace after a change of the sender's clock. It came after the latest message, of `high_ms`, so that long the first message since
    /// may have been held back.
    pub(super) fn anew(self, ts_ms: u64, up_ms: u64, high_ms: u64) -> Self {
        Self { ts_ms, up_ms, delay_ms: self.latest_ms(up_ms).saturating_sub(high_ms) }
    }
}
