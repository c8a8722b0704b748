//! How fast old reports are sent: catching up must hold up neither this device's new reports nor the gateway of a whole fleet.

use crate::time::MonoTime;

const SECOND_NS: u64 = 1_000_000_000;

/// Lets so many through per second, evenly, without saving up for later.
#[derive(Debug)]
pub(super) struct Pace {
    interval_ns: u64,
    next: Option<MonoTime>,
}

impl Pace {
    /// `per_s` is at least 1.
    pub(super) fn new(per_s: u32) -> Self {
        Self { interval_ns: SECOND_NS / u64::from(per_s.max(1)), next: None }
    }

    /// Whether one may go at `now`.
    pub(super) fn allows(&self, now: MonoTime) -> bool {
        self.next.is_none_or(|next| next <= now)
    }

    /// One went at `now`. Who looks rarely may send several at one look, but no more than belong to a tenth of a second.
    pub(super) fn went(&mut self, now: MonoTime) {
        let earliest = MonoTime::from_nanos(now.as_nanos().saturating_sub(SECOND_NS / 10));
        let due = self.next.map_or(now, |next| next.max(earliest));
        self.next = Some(due.plus_nanos(self.interval_ns));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many go in ten seconds, looked at so often.
    fn gone(per_s: u32, look_every_ms: u64) -> usize {
        let mut pace = Pace::new(per_s);
        let mut gone = 0;
        for ms in (0..10_000).step_by(usize::try_from(look_every_ms).unwrap()) {
            let now = MonoTime::from_nanos(7 * SECOND_NS + ms * 1_000_000);
            while pace.allows(now) {
                pace.went(now);
                gone += 1;
            }
        }
        gone
    }

    #[test]
    fn it_is_kept_however_often_one_looks() {
        for (per_s, look_every_ms) in [(1, 1), (10, 7), (50, 20), (200, 20), (1_000, 20)] {
            let (gone, most) = (gone(per_s, look_every_ms), 10 * usize::try_from(per_s).unwrap());
            assert!(gone <= most + 1 && gone >= most * 98 / 100, "{per_s} every {look_every_ms} ms: {gone}");
        }
    }

    #[test]
    fn nothing_is_saved_up_in_a_pause() {
        let mut pace = Pace::new(100);
        pace.went(MonoTime::from_nanos(SECOND_NS));
        let later = MonoTime::from_nanos(60 * SECOND_NS);
        let mut gone = 0;
        while pace.allows(later) {
            pace.went(later);
            gone += 1;
        }
        assert_eq!(gone, 11);
    }
}
