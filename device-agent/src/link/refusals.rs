//! Tells of refused commands, once a minute at most: a flood of them must not become a flood of lines.

use tracing::warn;

use crate::agent::CommandCounts;
use crate::time::MonoTime;

const EVERY_MS: u64 = 60_000;

#[derive(Debug, Default)]
pub(super) struct Refusals {
    told: Option<MonoTime>,
}

impl Refusals {
    pub(super) fn note(&mut self, topic: &str, why: &str, counts: &CommandCounts, now: MonoTime) {
        if self.told.is_some_and(|told| now.millis_since(told) < EVERY_MS) {
            return;
        }
        self.told = Some(now);
        let CommandCounts { malformed, oversize, version, retained, expired, unsigned, forged, .. } = *counts;
        warn!(
            topic,
            why,
            malformed,
            oversize,
            version,
            retained,
            expired,
            unsigned,
            forged,
            "command refused; told once a minute at most"
        );
    }
}
