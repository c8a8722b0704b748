//! Follows the edge of a dark line: the sensor sees the line or it does not, the steering goes one way or the other.

use device_agent::gpio::Level;
use device_agent::workload::{Job, Mode, Ran, Workload};

/// Samples in a row that say otherwise before the steering changes: dust and scratches are shorter.
const SAMPLES: u32 = 3;

/// Input high: the sensor sees the line. Output high: steer away from it. In DEGRADED it looks at every second release only.
#[derive(Debug)]
pub(crate) struct LineFollower {
    mode: Mode,
    odd: bool,
    steering: Level,
    otherwise: u32,
}

impl Default for LineFollower {
    fn default() -> Self {
        Self { mode: Mode::Normal, odd: false, steering: Level::Low, otherwise: 0 }
    }
}

impl Workload for LineFollower {
    fn name(&self) -> &'static str {
        "line-follower"
    }

    fn set_mode(&mut self, mode: Mode) {
        self.mode = mode;
    }

    fn run(&mut self, job: &mut Job<'_>) -> Ran {
        self.odd = !self.odd;
        if self.mode == Mode::Degraded && !self.odd {
            return Ran::Whole;
        }
        let seen = job.lines.input();
        self.otherwise = if seen == self.steering { 0 } else { self.otherwise + 1 };
        if self.otherwise == SAMPLES {
            self.steering = seen;
            self.otherwise = 0;
        }
        job.lines.output(self.steering);
        Ran::Whole
    }
}

#[cfg(test)]
mod tests {
    use device_agent::gpio::Lines;
    use device_agent::rt::ModeWord;

    use super::*;

    /// A sensor that sees what the test says, and the steering with all it was told.
    struct Track {
        sensor: Level,
        steering: Vec<Level>,
    }

    impl Lines for Track {
        fn set_mode(&mut self, _: Mode) {}
        fn heartbeat(&mut self) {}
        fn input(&mut self) -> Level {
            self.sensor
        }
        fn output(&mut self, level: Level) {
            self.steering.push(level);
        }
        fn make_safe(&mut self) {}
    }

    /// Where it steers after each of the jobs in which the sensor sees this: `#` is the line.
    fn drive(follower: &mut LineFollower, seen: &str) -> String {
        let mut track = Track { sensor: Level::Low, steering: vec![] };
        let word = ModeWord::default();
        for seen in seen.chars() {
            track.sensor = if seen == '#' { Level::High } else { Level::Low };
            assert_eq!(follower.run(&mut Job::new(&mut track, &word)), Ran::Whole);
        }
        track.steering.iter().map(|level| if *level == Level::High { '>' } else { '<' }).collect()
    }

    #[test]
    fn it_steers_away_from_the_line_and_back_after_three_samples() {
        assert_eq!(drive(&mut LineFollower::default(), "..####...."), "<<<<>>>><<");
    }

    #[test]
    fn a_scratch_and_a_gap_change_nothing() {
        assert_eq!(drive(&mut LineFollower::default(), ".##.#.##."), "<<<<<<<<<");
        let mut follower = LineFollower::default();
        drive(&mut follower, "###");
        assert_eq!(drive(&mut follower, "#..#.#..#"), ">>>>>>>>>");
    }

    #[test]
    fn degraded_it_looks_half_as_often_and_reacts_half_as_fast() {
        let mut follower = LineFollower::default();
        follower.set_mode(Mode::Degraded);
        assert_eq!(drive(&mut follower, "########"), "<<>>");
        follower.set_mode(Mode::Normal);
        assert_eq!(drive(&mut follower, "...."), ">><<");
    }
}
