//! What happens to the devices, and when: made up from the seed before the run begins.

use std::collections::VecDeque;

use clap::ValueEnum;
use fastrand::Rng;

/// What a fleet goes through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Scenario {
    /// Nothing: every device reports, none is overloaded
    Steady,
    /// A tenth of the devices is overloaded now and then; connections break, agents restart, reports come twice
    Mixed,
    /// A third is overloaded at one moment, half lose their connection at another, then all at once, every tenth restarts
    Storm,
}

/// What happens to one device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Happening {
    OverloadBegins,
    OverloadEnds,
    /// No connection is to be had for so long.
    Outage {
        us: u64,
        way: Way,
    },
    /// The agent is killed and starts again.
    Restart,
    /// The latest delivered report is sent again.
    Duplicate,
}

/// How a connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// Without a word: the broker publishes the will.
    Cut,
    /// With a good-bye.
    Goodbye,
}

/// What happens to one device, soonest first. Times are microseconds since the start of the fleet.
pub(super) type Plan = VecDeque<(u64, Happening)>;

/// The time that is planned for, in microseconds since the start of the fleet.
#[derive(Debug, Clone, Copy)]
pub(super) struct Span {
    pub(super) begin_us: u64,
    pub(super) length_us: u64,
}

const SECOND: u64 = 1_000_000;
const MINUTE: u64 = 60 * SECOND;
/// Longest outage of a storm.
const LONGEST_STORM: u64 = 20 * SECOND;

impl Scenario {
    /// The plan of device `number`.
    pub(super) fn plan(self, number: u32, span: Span, rng: &mut Rng) -> Plan {
        let mut plan = match self {
            Self::Steady => Vec::new(),
            Self::Mixed => mixed(number, span, rng),
            Self::Storm => storm(number, span, rng),
        };
        plan.sort_by_key(|(at_us, _)| *at_us);
        plan.into()
    }
}

fn mixed(number: u32, span: Span, rng: &mut Rng) -> Vec<(u64, Happening)> {
    let mut plan = Vec::new();
    if number.is_multiple_of(10) {
        let mut at_us = span.begin_us + rng.u64(..30 * SECOND);
        while at_us < span.begin_us + span.length_us {
            plan.push((at_us, Happening::OverloadBegins));
            at_us += rng.u64(8 * SECOND..25 * SECOND);
            plan.push((at_us, Happening::OverloadEnds));
            at_us += rng.u64(15 * SECOND..60 * SECOND);
        }
    }
    let mut rng_2 = rng.fork();
    each(span, 10 * MINUTE, rng, |at_us| {
        let way = if rng_2.bool() { Way::Cut } else { Way::Goodbye };
        plan.push((at_us, Happening::Outage { us: rng_2.u64(SECOND / 2..15 * SECOND), way }));
    });
    each(span, 30 * MINUTE, rng, |at_us| plan.push((at_us, Happening::Restart)));
    each(span, MINUTE, rng, |at_us| plan.push((at_us, Happening::Duplicate)));
    plan
}

fn storm(number: u32, span: Span, rng: &mut Rng) -> Vec<(u64, Happening)> {
    let at = |percent: u64| span.begin_us + span.length_us / 100 * percent;
    let mut plan = Vec::new();
    if number.is_multiple_of(3) {
        plan.push((at(10), Happening::OverloadBegins));
        plan.push((at(55), Happening::OverloadEnds));
    }
    if number.is_multiple_of(2) {
        let us = (span.length_us / 100 * 15).min(LONGEST_STORM);
        let way = if number.is_multiple_of(4) { Way::Cut } else { Way::Goodbye };
        plan.push((at(25), Happening::Outage { us, way }));
    }
    if number.is_multiple_of(10) {
        plan.push((at(60) + rng.u64(..SECOND / 10), Happening::Restart));
    }
    plan.push((at(72), Happening::Outage { us: 0, way: Way::Cut }));
    plan.push((at(85), Happening::Duplicate));
    plan
}

/// At times with exponential waits between them.
fn each(span: Span, mean_us: u64, rng: &mut Rng, mut happen: impl FnMut(u64)) {
    let mut at_us = span.begin_us;
    loop {
        #[expect(clippy::cast_precision_loss, reason = "minutes")]
        let wait = -(1.0 - rng.f64()).ln() * mean_us as f64;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "positive, hours at most")]
        let wait_us = wait as u64;
        at_us += wait_us.max(1);
        if at_us >= span.begin_us + span.length_us {
            return;
        }
        happen(at_us);
    }
}

/// Waits between attempts to connect, as the agents have them: drawn evenly below a bound that doubles from 0.5 to 30 s.
#[derive(Debug, Clone, Copy)]
pub(super) struct Backoff {
    bound_us: u64,
}

const FIRST_BOUND: u64 = SECOND / 2;
const LAST_BOUND: u64 = 30 * SECOND;

impl Default for Backoff {
    fn default() -> Self {
        Self { bound_us: FIRST_BOUND }
    }
}

impl Backoff {
    /// The next wait.
    pub(super) fn next_us(&mut self, rng: &mut Rng) -> u64 {
        let wait = rng.u64(..=self.bound_us);
        self.bound_us = (self.bound_us * 2).min(LAST_BOUND);
        wait
    }

    /// When the first attempt is made after an outage that began `now_us`: those before it fail.
    pub(super) fn after_outage(now_us: u64, outage_us: u64, rng: &mut Rng) -> u64 {
        let (mut backoff, mut at_us) = (Self::default(), now_us);
        loop {
            at_us += backoff.next_us(rng);
            if at_us >= now_us + outage_us {
                return at_us;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPAN: Span = Span { begin_us: 1_000_000, length_us: 600 * SECOND };

    #[test]
    fn a_plan_is_in_order_and_the_same_for_the_same_seed() {
        for scenario in [Scenario::Steady, Scenario::Mixed, Scenario::Storm] {
            let plan = |number| scenario.plan(number, SPAN, &mut Rng::with_seed(5));
            assert_eq!(plan(30), plan(30));
            let times: Vec<_> = plan(30).iter().map(|(at_us, _)| *at_us).collect();
            assert!(times.is_sorted() && times.first().is_none_or(|at| *at >= SPAN.begin_us), "{times:?}");
            assert_eq!(plan(30).is_empty(), scenario == Scenario::Steady);
        }
    }

    #[test]
    fn devices_come_back_after_the_outage_within_half_a_minute() {
        let mut rng = Rng::with_seed(1);
        for outage_us in [0, SECOND, 10 * MINUTE] {
            for _ in 0..100 {
                let back = Backoff::after_outage(5, outage_us, &mut rng);
                assert!((5 + outage_us..=5 + outage_us + LAST_BOUND).contains(&back), "{back}");
            }
        }
    }
}
