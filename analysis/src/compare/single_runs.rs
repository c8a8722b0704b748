//! What single runs do unlike the typical ones: rank tests do not see how far off a run is.

use super::format::{count, significant};
use super::{Metric, Side};
use crate::run::Run;
use crate::stats::Margin;

/// Runs beyond every run of the other side, by more than matters.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct SingleRuns {
    a: Runs,
    b: Runs,
    /// For misses: rates over all releases of A and of B that differ by more than matters.
    pooled: Option<(f64, f64)>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Runs {
    beyond: usize,
    of: usize,
    /// One run of many is let pass with a remark; not if it misses deadlines.
    tolerated: bool,
}

impl Runs {
    fn of(metric: Metric, here: &[f64], there: &[f64], margin: Margin, width: f64) -> Self {
        let limit = there.iter().copied().reduce(f64::max).map_or(f64::INFINITY, |most| margin.above(most) + width);
        let beyond = here.iter().filter(|figure| **figure > limit).count();
        // One run, and no more than a tenth of the runs.
        let tolerated = beyond == 0 || metric != Metric::MissRate && beyond == 1 && here.len() >= 10;
        Self { beyond, of: here.len(), tolerated }
    }

    fn text(self, side: Side, other: Side) -> Option<String> {
        let verb = if self.beyond == 1 { "lies" } else { "lie" };
        (self.beyond > 0).then(|| {
            format!("{} of {} of {side} {verb} beyond every run of {other}", self.beyond, count(self.of, "run"))
        })
    }
}

impl SingleRuns {
    pub(super) fn of(metric: Metric, a: &[f64], b: &[f64], margin: Margin, width: f64) -> Self {
        let runs = |here, there| Runs::of(metric, here, there, margin, width);
        Self { a: runs(a, b), b: runs(b, a), pooled: None }
    }

    /// With the rates over all releases of a side.
    pub(super) fn with_pooled(self, a: f64, b: f64, margin: Margin) -> Self {
        let differ = a.max(b) >= margin.above(a.min(b));
        Self { pooled: differ.then_some((a, b)), ..self }
    }

    /// Whether they forbid to call a side no worse than the other one.
    pub(super) fn forbid(&self, side: Side) -> bool {
        match side {
            Side::A => !self.a.tolerated || self.pooled.is_some_and(|(a, b)| a > b),
            Side::B => !self.b.tolerated || self.pooled.is_some_and(|(a, b)| b > a),
        }
    }

    /// Those of a side, in words; `None` if there is nothing to tell.
    pub(super) fn text(&self, sides: &[Side]) -> Option<String> {
        let mut parts: Vec<String> = sides
            .iter()
            .filter_map(|side| match side {
                Side::A => self.a.text(Side::A, Side::B),
                Side::B => self.b.text(Side::B, Side::A),
            })
            .collect();
        parts.extend(self.pooled.filter(|(a, b)| sides.contains(if a > b { &Side::A } else { &Side::B })).map(
            |(a, b)| {
                let percent = |rate: f64| significant(rate * 100.0, 2);
                format!("of all releases A misses {} % and B {} %", percent(a), percent(b))
            },
        ));
        (!parts.is_empty()).then(|| parts.join(", and "))
    }
}

/// Misses of all runs per release of all runs; 0 without releases.
#[expect(clippy::cast_precision_loss, reason = "numbers of releases are below 2^53")]
pub(super) fn pooled_rate<'a>(runs: impl Iterator<Item = &'a Run>) -> f64 {
    let (misses, releases) = runs.fold((0u64, 0u64), |(misses, releases), run| {
        (misses.saturating_add(run.misses), releases.saturating_add(run.releases))
    });
    if releases == 0 { 0.0 } else { misses as f64 / releases as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beyond_is_by_more_than_the_margin_and_the_resolution() {
        let margin = Margin { relative: 0.5, absolute: 0.0 };
        let text = |a: &[f64], width| {
            SingleRuns::of(Metric::WakeupP99Us, a, &[8.0, 10.0], margin, width).text(&[Side::A, Side::B])
        };
        assert_eq!(text(&[7.0, 15.0, 9.0], 0.0), None);
        assert_eq!(text(&[7.0, 15.1, 9.0], 0.0).as_deref(), Some("1 of 3 runs of A lies beyond every run of B"));
        assert_eq!(text(&[7.0, 15.9, 9.0], 1.0), None, "a bucket is 1 us wide");
        assert_eq!(text(&[16.1, 16.2], 1.0).as_deref(), Some("2 of 2 runs of A lie beyond every run of B"));
    }
}
