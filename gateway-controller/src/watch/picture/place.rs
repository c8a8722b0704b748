//! When a window closed, on the picture's clock: from the device's own clock, so that a report that was held up comes to its place.

/// The creep in parts: a millisecond in ten seconds, which is more than two quartz clocks drift apart.
const CREEP_PARTS: u64 = 10_000;

/// The shortest way so far from a window's close to its arrival, as the difference of two clocks.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Placing {
    /// Arrival minus device time of the quickest report, in milliseconds, and when that was.
    quickest: Option<(i128, u64)>,
}

impl Placing {
    /// The close at `up_ms` of the device's clock of a window whose report arrives at `now_ms`.
    pub(super) fn at_ms(&mut self, up_ms: u64, now_ms: u64) -> u64 {
        let apart = i128::from(now_ms) - i128::from(up_ms);
        let (least, since) = self.quickest.unwrap_or((apart, now_ms));
        let creep = now_ms.saturating_sub(since) / CREEP_PARTS;
        let least = if creep == 0 { least } else { least + i128::from(creep) };
        let offset = least.min(apart);
        if self.quickest.is_none() || creep > 0 || offset == apart {
            self.quickest = Some((offset, now_ms));
        }
        u64::try_from(i128::from(up_ms) + offset).unwrap_or_default().min(now_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_held_up_comes_to_its_place() {
        let mut placing = Placing::default();
        assert_eq!(placing.at_ms(1_000, 50_003), 50_003);
        assert_eq!(placing.at_ms(1_200, 50_201), 50_201);
        // Half a minute without a network, then all at once.
        assert_eq!(placing.at_ms(1_400, 80_000), 50_401 + 2);
        assert_eq!(placing.at_ms(30_900, 80_010), 79_903);
        assert_eq!(placing.at_ms(31_000, 80_005), 80_003);
    }

    #[test]
    fn clocks_that_drift_apart_are_followed() {
        let mut placing = Placing::default();
        let mut late_ms = 0;
        // The device's clock is slow by 50 parts in a million.
        for second in 0..100_000u64 {
            let now_ms = 5_000 + second * 1_000;
            let up_ms = second * 1_000 - second * 50 / 1_000;
            late_ms = late_ms.max(now_ms - placing.at_ms(up_ms, now_ms));
        }
        assert!(late_ms < 100, "{late_ms}");
    }
}
