//! How late a device has it on its own clock, known from what it told: so a report can be called old, and a command can say
//! until when it may be taken, without two clocks that agree.

use super::Moment;

/// How old a window may be and still lead to a decision, in milliseconds. What a steady delay of the network adds does not count:
/// ages are reckoned from what arrived fastest.
const STALE_AFTER_MS: u64 = 2_000;

/// In a group: how old it may be at least, in milliseconds, or no network would be steady enough.
const JITTER_MS: u64 = 250;

/// How much slower than ours a device's clock may run and still be believed to be where we reckon it: far more than any
/// crystal is off.
const DRIFT_PPM: u64 = 200;

/// Device time, as far as it is known of one run of the agent.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct DeviceClock {
    /// The latest device time there is proof of, and when that came.
    latest: Option<(u64, Moment)>,
}

/// What a report may be used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Timeliness {
    /// It tells of now.
    Live,
    /// It tells of a past that is over.
    Backlog,
}

impl DeviceClock {
    /// The device told this time; it was so at `now` or earlier.
    pub(super) fn note(&mut self, up_ms: u64, now: Moment) {
        if self.now_ms(now).is_none_or(|reckoned| up_ms >= reckoned) {
            self.latest = Some((up_ms, now));
        }
    }

    /// Device time at `now`, or earlier; `None` if it never told.
    pub(super) fn now_ms(&self, now: Moment) -> Option<u64> {
        self.latest.map(|(up_ms, at)| {
            let passed_ms = now.millis_since(at);
            up_ms.saturating_add(passed_ms - passed_ms.div_ceil(1_000_000 / DRIFT_PPM))
        })
    }

    /// Judges what the device told at `up_ms` on its clock.
    pub(super) fn judge(&self, up_ms: u64, now: Moment) -> Timeliness {
        self.judge_within(STALE_AFTER_MS, up_ms, now)
    }

    /// The same for a controller of a group. One that stood still for a moment must not decide by what the others have decided, and the
    /// device has done, meanwhile: within a dwell of its last change a device does not turn back, so that is how old a window may be.
    pub(super) fn judge_beside_others(&self, dwell_ms: u32, up_ms: u64, now: Moment) -> Timeliness {
        self.judge_within(u64::from(dwell_ms).clamp(JITTER_MS, STALE_AFTER_MS), up_ms, now)
    }

    fn judge_within(&self, limit_ms: u64, up_ms: u64, now: Moment) -> Timeliness {
        match self.now_ms(now) {
            Some(reckoned) if reckoned.saturating_sub(up_ms) > limit_ms => Timeliness::Backlog,
            _ => Timeliness::Live,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Moment {
        Moment::from_millis(ms)
    }

    #[test]
    fn what_arrives_late_is_old_by_the_time_it_was_late() {
        let mut clock = DeviceClock::default();
        assert_eq!(clock.now_ms(at(5)), None);
        clock.note(100_000, at(1_000));
        assert_eq!(clock.judge(100_500, at(1_500)), Timeliness::Live);
        assert_eq!(clock.judge(100_500, at(3_490)), Timeliness::Live);
        assert_eq!(clock.judge(100_500, at(3_502)), Timeliness::Backlog);
        clock.note(100_500, at(3_502));
        assert_eq!(clock.judge(100_590, at(3_600)), Timeliness::Backlog, "what was late moves nothing");
        assert_eq!(clock.judge(102_500, at(3_502)), Timeliness::Live);
    }

    #[test]
    fn a_controller_that_slept_sees_what_waited_for_it_as_old() {
        let mut clock = DeviceClock::default();
        clock.note(10_000, at(0));
        assert_eq!(clock.judge(10_200, at(600_000)), Timeliness::Backlog);
        assert_eq!(clock.judge(609_500, at(600_000)), Timeliness::Live);
    }

    #[test]
    fn a_device_whose_clock_is_slow_does_not_grow_old_in_a_month() {
        let mut clock = DeviceClock::default();
        let mut up_ms = 0;
        for second in 0..30 * 24 * 3_600 {
            // 150 ppm slow: a loss of six and a half minutes in all.
            up_ms = second * 1_000 - second * 15 / 100;
            assert_eq!(clock.judge(up_ms, at(second * 1_000)), Timeliness::Live);
            clock.note(up_ms, at(second * 1_000));
        }
        assert!(clock.now_ms(at(30 * 24 * 3_600_000)).unwrap() <= up_ms + 1_000);
    }

    #[test]
    fn the_quoted_time_is_never_ahead_of_the_device() {
        let mut clock = DeviceClock::default();
        clock.note(0, at(0));
        for ms in [1, 999, 1_000, 86_400_000, u64::MAX / 1_000] {
            // 200 ppm slow.
            let device_ms = ms - ms.div_ceil(5_000);
            assert!(clock.now_ms(at(ms)).unwrap() <= device_ms);
        }
    }
}
