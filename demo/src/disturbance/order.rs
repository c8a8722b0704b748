//! In which order the runs are made.

use super::Arm;

/// One run to be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Planned {
    pub(super) arm: Arm,
    /// Its round, from 1.
    pub(super) repetition: u32,
}

/// Every second round goes backward: what drifts over time touches all arms alike.
pub(super) fn interleaved(rounds: u32) -> Vec<Planned> {
    let round = |repetition: u32| {
        let mut round: Vec<_> = Arm::ALL.iter().map(|&arm| Planned { arm, repetition }).collect();
        if repetition.is_multiple_of(2) {
            round.reverse();
        }
        round
    };
    (1..=rounds).flat_map(round).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_second_round_goes_backward() {
        let runs = interleaved(3);
        let mut backward = Arm::ALL;
        backward.reverse();
        let arms: Vec<Arm> = runs.iter().map(|run| run.arm).collect();
        assert_eq!(arms, [Arm::ALL, backward, Arm::ALL].concat());
        let rounds: Vec<u32> = runs.iter().map(|run| run.repetition).collect();
        assert_eq!(rounds, [1, 2, 3].map(|round| [round; Arm::ALL.len()]).concat());
    }
}
