//! In which order the runs are made.

use clap::ValueEnum;

use super::Scenario;

/// In which order runs of several scenarios are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Order {
    /// A round of all scenarios, then the next round the other way round: what drifts touches all alike
    Interleaved,
    /// All runs of a scenario, then all of the next
    Sequential,
    /// Every round in an order of its own, drawn by lot
    Shuffled,
}

/// One run to be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlannedRun {
    /// Under what conditions.
    pub scenario: Scenario,
    /// Its number within the scenario, from 1.
    pub repetition: u32,
}

impl Order {
    /// All runs of `scenarios`, each `repeat` times.
    pub(super) fn runs(self, scenarios: &[Scenario], repeat: u32) -> Vec<PlannedRun> {
        let round = |repetition: u32| {
            let mut round: Vec<_> = scenarios.iter().map(|&scenario| PlannedRun { scenario, repetition }).collect();
            match self {
                Self::Interleaved if repetition.is_multiple_of(2) => round.reverse(),
                Self::Shuffled => fastrand::shuffle(&mut round),
                _ => {}
            }
            round
        };
        if self == Self::Sequential {
            let all = |&scenario| (1..=repeat).map(move |repetition| PlannedRun { scenario, repetition });
            return scenarios.iter().flat_map(all).collect();
        }
        (1..=repeat).flat_map(round).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TWO: [Scenario; 2] = [Scenario::Pinned, Scenario::Nominal];

    fn made(order: Order) -> Vec<(Scenario, u32)> {
        order.runs(&TWO, 3).iter().map(|run| (run.scenario, run.repetition)).collect()
    }

    #[test]
    fn interleaved_turns_round_each_time() {
        let [a, b] = TWO;
        assert_eq!(made(Order::Interleaved), [(a, 1), (b, 1), (b, 2), (a, 2), (a, 3), (b, 3)]);
    }

    #[test]
    fn sequential_finishes_a_scenario_first() {
        let [a, b] = TWO;
        assert_eq!(made(Order::Sequential), [(a, 1), (a, 2), (a, 3), (b, 1), (b, 2), (b, 3)]);
    }

    #[test]
    fn shuffled_makes_every_run_once() {
        let mut runs = made(Order::Shuffled);
        runs.sort();
        let mut all = made(Order::Sequential);
        all.sort();
        assert_eq!(runs, all);
    }
}
