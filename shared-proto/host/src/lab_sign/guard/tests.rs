mod properties;

use super::*;
use crate::lab_sign::Nonce;

const HOUR_MS: u64 = 3_600_000;
/// Some time in 2026.
const START_MS: u64 = 1_780_000_000_000;

/// A sender with a clock that can be put, and a receiver with a guard.
struct Site {
    guard: ReplayGuard,
    up_ms: u64,
    /// What the sender's clock says.
    sender_ms: u64,
    sent: u32,
    /// Whether the receiver's own clock is synchronised, and then what it says.
    wall_ms: Option<u64>,
}

impl Site {
    fn new() -> Self {
        Self { guard: ReplayGuard::default(), up_ms: 1_000, sender_ms: START_MS, sent: 0, wall_ms: None }
    }

    fn synchronised() -> Self {
        Self { wall_ms: Some(START_MS), ..Self::new() }
    }

    fn now(&self) -> Now {
        let wall = self.wall_ms.map_or(Wall::Unknown, Wall::Synchronised);
        Now { up_ms: self.up_ms, wall }
    }

    fn pass(&mut self, ms: u64) {
        self.up_ms += ms;
        self.sender_ms += ms;
        self.wall_ms = self.wall_ms.map(|wall_ms| wall_ms + ms);
    }

    fn put_forward(&mut self, ms: u64) {
        self.sender_ms += ms;
    }

    fn put_back(&mut self, ms: u64) {
        self.sender_ms -= ms;
    }

    fn sign(&mut self) -> Stamp {
        self.sent += 1;
        Stamp { ts_ms: self.sender_ms, nonce: Nonce(self.sent) }
    }

    fn receive(&mut self, stamp: Stamp) -> Result<(), NotFresh> {
        let before = self.guard.clone();
        let outcome = self.guard.admit(stamp, self.now());
        if outcome.is_err() {
            assert_eq!(self.guard, before, "{stamp:?}: a refused message changed the state");
        }
        outcome
    }

    fn send(&mut self) -> Result<(), NotFresh> {
        let stamp = self.sign();
        self.receive(stamp)
    }

    /// Sends messages, 200 ms apart, that are all accepted.
    fn talk(&mut self, messages: usize) -> Vec<Stamp> {
        let one = |_| {
            self.pass(200);
            let stamp = self.sign();
            assert_eq!(self.receive(stamp), Ok(()), "{stamp:?}");
            stamp
        };
        (0..messages).map(one).collect()
    }

    fn refuses_all(&mut self, recordings: &[Stamp]) {
        for stamp in recordings {
            assert!(self.receive(*stamp).is_err(), "{stamp:?} is a recording");
        }
    }

    fn restart(&mut self) {
        let kept = serde_json::to_string(&self.guard.mark().unwrap()).unwrap();
        self.guard = ReplayGuard::restored(serde_json::from_str(&kept).unwrap());
        self.up_ms = 3;
    }
}

#[test]
fn a_nonce_counts_once() {
    for mut site in [Site::new(), Site::synchronised()] {
        let stamp = site.sign();
        assert_eq!(site.receive(stamp), Ok(()));
        assert_eq!(site.receive(stamp), Err(NotFresh::Replayed));
        assert_eq!(site.receive(Stamp { ts_ms: stamp.ts_ms + 1, ..stamp }), Err(NotFresh::Replayed));
        assert_eq!(site.send(), Ok(()));
    }
}

#[test]
fn with_a_synchronised_clock_five_seconds_are_allowed_either_way() {
    let mut site = Site::synchronised();
    for (ts_ms, expected) in [
        (START_MS - 5_000, Ok(())),
        (START_MS + 5_000, Ok(())),
        (START_MS - 5_001, Err(NotFresh::Stale { ts_ms: START_MS - 5_001, least_ms: START_MS - 5_000 })),
        (START_MS + 5_001, Err(NotFresh::Future { ts_ms: START_MS + 5_001, most_ms: START_MS + 5_000 })),
        (0, Err(NotFresh::Stale { ts_ms: 0, least_ms: START_MS - 5_000 })),
        (u64::MAX, Err(NotFresh::Future { ts_ms: u64::MAX, most_ms: START_MS + 5_000 })),
    ] {
        let nonce = site.sign().nonce;
        assert_eq!(site.receive(Stamp { ts_ms, nonce }), expected);
    }
}

#[test]
fn without_a_synchronised_clock_nothing_old_comes_after_newer_messages() {
    let mut site = Site::new();
    let recordings = site.talk(1_500);
    site.refuses_all(&recordings);
    // Late by less than the window, and not heard before: networks do that.
    let late = Stamp { ts_ms: site.sender_ms - 4_000, ..site.sign() };
    assert_eq!(site.receive(late), Ok(()));
    let too_late = Stamp { ts_ms: site.sender_ms - 5_001, ..site.sign() };
    assert!(matches!(site.receive(too_late), Err(NotFresh::Stale { .. })));
}

#[test]
fn what_is_forgotten_is_not_accepted_again_however_fast_the_sender_is() {
    for mut site in [Site::new(), Site::synchronised()] {
        let mut recordings = Vec::new();
        for _ in 0..3_000 {
            site.pass(1);
            recordings.push(site.sign());
            assert_eq!(site.receive(*recordings.last().unwrap()), Ok(()));
        }
        site.refuses_all(&recordings);
    }
}

#[test]
fn a_forward_jump_that_is_corrected_shuts_nobody_out() {
    let mut site = Site::new();
    let mut recordings = site.talk(300);
    site.put_forward(HOUR_MS);
    recordings.extend(site.talk(1_200));
    site.put_back(HOUR_MS);
    recordings.extend(site.talk(1_200));
    // Neither what came before the jump, nor what came in the wrong hour.
    site.refuses_all(&recordings);
    site.talk(1_200);
    site.refuses_all(&recordings);
}

#[test]
fn a_jump_by_decades_that_is_corrected_shuts_nobody_out() {
    let mut site = Site::new();
    let mut recordings = site.talk(300);
    for _ in 0..3 {
        site.put_forward(100_000 * HOUR_MS);
        recordings.extend(site.talk(1_200));
        site.put_back(100_000 * HOUR_MS);
        recordings.extend(site.talk(1_200));
    }
    site.refuses_all(&recordings);
}

#[test]
fn after_a_correction_the_clock_need_not_be_as_it_was() {
    let mut site = Site::new();
    site.talk(10);
    site.put_forward(HOUR_MS);
    site.talk(10);
    site.put_back(HOUR_MS - 60_000);
    site.talk(10);
}

#[test]
fn a_correction_is_known_after_a_restart_too() {
    let mut site = Site::new();
    let mut recordings = site.talk(300);
    site.put_forward(HOUR_MS);
    recordings.extend(site.talk(300));
    site.restart();
    site.refuses_all(&recordings);
    site.pass(30_000);
    site.put_back(HOUR_MS);
    recordings.extend(site.talk(300));
    site.restart();
    site.pass(30_000);
    site.refuses_all(&recordings);
    site.talk(10);
    site.refuses_all(&recordings);
}

#[test]
fn a_correction_longer_after_than_the_jump_costs_no_more_than_the_jump() {
    let mut site = Site::new();
    site.talk(10);
    site.put_forward(HOUR_MS);
    site.talk(10);
    site.pass(3 * HOUR_MS);
    site.talk(10);
    site.put_back(HOUR_MS);
    assert!(matches!(site.send(), Err(NotFresh::Stale { .. })));
    site.pass(HOUR_MS - 5_000);
    site.talk(10);
}

#[test]
fn the_clock_may_walk_through_the_hour_that_it_was_in_by_mistake_but_not_jump_there() {
    let mut site = Site::new();
    site.talk(10);
    site.put_forward(HOUR_MS);
    site.talk(3_000);
    site.put_back(HOUR_MS);
    site.talk(10);
    site.put_forward(HOUR_MS - 60_000);
    assert!(matches!(site.send(), Err(NotFresh::Left { .. })));
    site.put_back(HOUR_MS - 60_000);
    for _ in 0..1_500 {
        site.pass(4_000);
        assert_eq!(site.send(), Ok(()));
    }
    assert_eq!(site.guard.mark().unwrap().left, None);
}

#[test]
fn a_pause_is_no_jump() {
    let mut site = Site::new();
    let mut recordings = site.talk(10);
    // Held back by somebody: never heard here.
    for _ in 0..100 {
        site.pass(30_000);
        recordings.push(site.sign());
    }
    site.talk(30);
    assert_eq!(site.guard.mark().unwrap().skipped, None);
    site.refuses_all(&recordings);
}

#[test]
fn the_time_of_a_restart_is_no_jump() {
    let mut site = Site::new();
    site.talk(10);
    let mut recordings = Vec::new();
    for _ in 0..100 {
        site.pass(30_000);
        recordings.push(site.sign());
    }
    site.restart();
    site.talk(30);
    site.refuses_all(&recordings);
}

#[test]
fn clocks_that_drift_do_not_jump() {
    let mut site = Site::new();
    for _ in 0..200 {
        site.pass(HOUR_MS);
        // 400 parts in a million.
        site.put_forward(1_440);
        assert_eq!(site.send(), Ok(()));
    }
    assert_eq!(site.guard.mark().unwrap().skipped, None);
}

#[test]
fn a_clock_put_back_from_the_first_time_that_was_heard_waits_or_is_told_the_time() {
    let mut site = Site::new();
    site.put_forward(HOUR_MS);
    let recordings = site.talk(10);
    site.put_back(HOUR_MS);
    assert!(matches!(site.send(), Err(NotFresh::Stale { .. })));

    site.wall_ms = Some(site.sender_ms);
    site.talk(10);
    site.wall_ms = None;
    site.talk(10);
    site.pass(60_000);
    site.talk(10);
    // Not heard before as far as the window tells, but the nonces are still there.
    site.refuses_all(&recordings);
}

#[test]
fn times_at_the_end_of_the_range_do_no_harm() {
    let mut site = Site::new();
    for ts_ms in [0, u64::MAX, 0, u64::MAX - 1, 1 << 53] {
        let nonce = site.sign().nonce;
        let _ = site.receive(Stamp { ts_ms, nonce });
        site.up_ms = u64::MAX - site.up_ms;
    }
}

#[test]
fn a_guard_keeps_its_size() {
    let mut site = Site::new();
    site.talk(5_000);
    let full = format!("{:?}", site.guard).len();
    site.talk(5_000);
    assert!(format!("{:?}", site.guard).len() <= full + 1_000);
}
