//! Changes of mode that are commanded to measure how long they take. Tells what to send and when; sends nothing itself.
//!
//! One device at a time, in turn, is asked for DEGRADED straight through the broker, held there for a moment, and asked for NORMAL
//! again. It goes this way whether a controller runs or not, so that the figures of both cases can be compared; a person's command
//! carries no cause, so the device obeys it at once, whatever its dwell. A change that the device did not make is not taken back;
//! one that it made is, again and again until the device says so. If this program ends before, the lease of DEGRADED ends by
//! itself, and the device's own policy, or the controller, takes over.

use std::ops::Bound;

use shared_proto::ids::{CommandId, DeviceId};
use shared_proto::mode::Mode;
use shared_proto::wire::{Fresh, Outcome};

use super::known::Known;

/// Longest time in DEGRADED, in milliseconds.
const HOLD_MS: f64 = 2_000.0;
/// How much longer than that the lease is, in milliseconds: time to take it back.
const SPARE_MS: f64 = 2_000.0;
/// Lease of NORMAL, in milliseconds: a controller renews its own within this time.
const BACK_LEASE_MS: u32 = 10_000;
/// Wait before the connection is tried again to take a change back, in milliseconds.
const RETRY_MS: f64 = 200.0;
/// Time that an answer to NORMAL has before it is asked for again, in milliseconds.
const REPEAT_MS: f64 = 1_000.0;
/// How long after the lease a device that does not answer is asked for NORMAL, in milliseconds.
const GIVE_UP_MS: f64 = 30_000.0;
/// Time before the end of the run that the answer to the last command has, in milliseconds.
const LAST_MS: f64 = 1_000.0;

/// A command to send.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Order {
    pub(super) device: DeviceId,
    pub(super) mode: Mode,
    /// Milliseconds.
    pub(super) lease_ms: u32,
    pub(super) fresh: Option<Fresh>,
}

/// What is to be done now.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Step {
    /// Nothing yet.
    Wait,
    /// Send this.
    Send(Order),
    /// There is no device in NORMAL that would take a command: this turn is left out.
    Nobody,
}

/// Whether a command went out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Went {
    /// It has this identifier.
    Out(CommandId),
    /// There is no connection.
    Nowhere,
}

pub(super) struct Injector {
    every_ms: f64,
    hold_ms: f64,
    /// No change begins after this.
    last_ms: f64,
    next_ms: f64,
    turn: Option<DeviceId>,
    held: Option<Held>,
}

struct Held {
    device: DeviceId,
    /// The command for DEGRADED.
    asked: Option<CommandId>,
    /// The commands for NORMAL.
    back: Vec<CommandId>,
    /// When NORMAL is asked for, or asked for again.
    back_ms: f64,
    /// When its lease ends.
    over_ms: f64,
}

impl Injector {
    /// A change every `every_ms`, in a run that ends at `end_ms`.
    pub(super) fn new(every_ms: f64, end_ms: f64) -> Self {
        let hold_ms = HOLD_MS.min(every_ms / 2.0);
        Self { every_ms, hold_ms, last_ms: end_ms - hold_ms - LAST_MS, next_ms: every_ms, turn: None, held: None }
    }

    /// When there is something to do; infinite if never again.
    pub(super) fn due_ms(&self) -> f64 {
        match &self.held {
            Some(held) => held.back_ms,
            None if self.next_ms <= self.last_ms => self.next_ms,
            None => f64::INFINITY,
        }
    }

    /// What to do now; [`Injector::went`] is to be told what came of a command.
    pub(super) fn step(&mut self, now_ms: f64, known: &Known) -> Step {
        if now_ms < self.due_ms() {
            return Step::Wait;
        }
        // Its lease has ended by itself, and the device has gone on in NORMAL, or is gone.
        self.held.take_if(|held| {
            let is_normal = known.get(&held.device).is_some_and(|newest| newest.is_normal(now_ms));
            now_ms > held.over_ms && is_normal || now_ms > held.over_ms + GIVE_UP_MS
        });
        if let Some(held) = &self.held {
            return Step::Send(held.give_back(now_ms, known));
        }
        if now_ms < self.due_ms() {
            return Step::Wait;
        }
        while self.next_ms <= now_ms {
            self.next_ms += self.every_ms;
        }
        let takes =
            |(device, _): &(&DeviceId, _)| known.get(*device).is_some_and(|newest| newest.takes_commands(now_ms));
        let after = self.turn.clone().map_or(Bound::Unbounded, Bound::Excluded);
        let device = known.range((after, Bound::Unbounded)).chain(known).find(takes).map(|(device, _)| device.clone());
        let Some(device) = device else { return Step::Nobody };
        self.turn = Some(device.clone());
        let over_ms = now_ms + self.hold_ms + SPARE_MS;
        let (asked, back, back_ms) = (None, Vec::new(), now_ms + self.hold_ms);
        self.held = Some(Held { device: device.clone(), asked, back, back_ms, over_ms });
        let fresh = known.get(&device).map(|newest| newest.fresh(now_ms));
        Step::Send(Order { device, mode: Mode::Degraded, lease_ms: whole(self.hold_ms + SPARE_MS), fresh })
    }

    /// Whether a device has DEGRADED from here, or may have it.
    pub(super) fn is_holding(&self) -> bool {
        self.held.is_some()
    }

    /// The run ends: no change begins any more, and what is held is given back now.
    pub(super) fn finish(&mut self, now_ms: f64) {
        self.last_ms = f64::NEG_INFINITY;
        if let Some(held) = self.held.as_mut().filter(|held| held.back.is_empty()) {
            held.back_ms = held.back_ms.min(now_ms);
        }
    }

    /// What became of a command.
    pub(super) fn went(&mut self, now_ms: f64, mode: Mode, went: Went) {
        let Some(held) = &mut self.held else { return };
        match (mode, went) {
            (Mode::Degraded, Went::Out(id)) => held.asked = Some(id),
            (Mode::Degraded, Went::Nowhere) => self.held = None,
            (Mode::Normal, Went::Out(id)) => {
                held.back.push(id);
                held.back_ms = now_ms + REPEAT_MS;
            }
            (Mode::Normal, Went::Nowhere) => held.back_ms = now_ms + RETRY_MS,
        }
    }

    /// A device has answered a command.
    pub(super) fn answered(&mut self, id: &CommandId, outcome: Outcome) {
        self.held.take_if(|held| {
            let nothing_changed = matches!(outcome, Outcome::Unchanged | Outcome::Rejected | Outcome::Expired);
            let is_back = matches!(outcome, Outcome::Applied | Outcome::Unchanged);
            held.asked.as_ref() == Some(id) && nothing_changed || held.back.contains(id) && is_back
        });
    }
}

impl Held {
    /// The command that gives it back.
    fn give_back(&self, now_ms: f64, known: &Known) -> Order {
        let device = self.device.clone();
        let fresh = known.get(&device).map(|newest| newest.fresh(now_ms));
        Order { device, mode: Mode::Normal, lease_ms: BACK_LEASE_MS, fresh }
    }
}

/// Milliseconds of a lease.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a few thousand, and not below 0")]
fn whole(ms: f64) -> u32 {
    ms as u32
}

#[cfg(test)]
mod tests {
    use shared_proto::mode::ModeSource;

    use super::super::known::Newest;
    use super::*;

    fn fleet(devices: &[(&str, Mode, ModeSource)], at_ms: f64) -> Known {
        let heard = |(name, mode, source): &(&str, Mode, ModeSource)| {
            (name.parse().unwrap(), Newest::heard(*mode, *source, at_ms))
        };
        devices.iter().map(heard).collect()
    }

    fn sent(step: Step) -> (String, Mode, u32) {
        let Step::Send(order) = step else { panic!("{step:?}") };
        (order.device.to_string(), order.mode, order.lease_ms)
    }

    fn id(name: &str) -> CommandId {
        name.parse().unwrap()
    }

    fn out(name: &str) -> Went {
        Went::Out(id(name))
    }

    const NORMAL: Mode = Mode::Normal;
    const GATEWAY: ModeSource = ModeSource::Gateway;

    #[test]
    fn devices_take_turns_and_get_back_what_they_had() {
        let all = [("a", NORMAL, GATEWAY), ("b", NORMAL, ModeSource::Default)];
        let mut injector = Injector::new(10_000.0, 60_000.0);
        let mut heard = Vec::new();
        while injector.due_ms() < f64::INFINITY {
            let now_ms = injector.due_ms();
            assert_eq!(injector.step(now_ms - 1.0, &fleet(&all, now_ms)), Step::Wait);
            let (device, mode, lease_ms) = sent(injector.step(now_ms, &fleet(&all, now_ms)));
            injector.went(now_ms, mode, out("c"));
            injector.answered(&id("c"), Outcome::Applied);
            heard.push((now_ms, device, mode, lease_ms));
        }
        let expected: Vec<_> = [(10_000.0, "a"), (20_000.0, "b"), (30_000.0, "a"), (40_000.0, "b"), (50_000.0, "a")]
            .into_iter()
            .flat_map(|(at_ms, device)| {
                let device = device.to_owned();
                [(at_ms, device.clone(), Mode::Degraded, 4_000), (at_ms + 2_000.0, device, NORMAL, 10_000)]
            })
            .collect();
        assert_eq!(heard, expected);
    }

    #[test]
    fn a_device_that_is_silent_busy_or_held_is_left_alone() {
        let now_ms = 10_000.0;
        let devices =
            [("a", Mode::Degraded, GATEWAY), ("b", NORMAL, ModeSource::Operator), ("c", NORMAL, ModeSource::Safety)];
        assert_eq!(Injector::new(now_ms, 1e9).step(now_ms, &fleet(&devices, now_ms)), Step::Nobody);
        assert_eq!(Injector::new(now_ms, 1e9).step(now_ms, &fleet(&[("a", NORMAL, GATEWAY)], 1_000.0)), Step::Nobody);
        assert_eq!(Injector::new(now_ms, 1e9).step(now_ms, &Known::new()), Step::Nobody);
    }

    #[test]
    fn without_a_connection_nothing_is_held_and_nothing_is_forgotten() {
        let known = fleet(&[("a", NORMAL, GATEWAY)], 10_000.0);
        let mut injector = Injector::new(10_000.0, 1e9);
        sent(injector.step(10_000.0, &known));
        injector.went(10_000.0, Mode::Degraded, Went::Nowhere);
        assert_eq!((injector.due_ms(), injector.is_holding()), (20_000.0, false));

        let mut injector = holding();
        let mut tries = 0;
        while injector.is_holding() {
            let now_ms = injector.due_ms();
            let step = injector.step(now_ms, &fleet(&[("a", Mode::Degraded, GATEWAY)], 11_000.0));
            if let Step::Send(order) = step {
                injector.went(now_ms, order.mode, Went::Nowhere);
                tries += 1;
            }
        }
        assert_eq!(tries, 161, "from 12 s to half a minute after the lease");
    }

    /// The device "a" was asked for DEGRADED at 10 s by the command "down".
    fn holding() -> Injector {
        let mut injector = Injector::new(10_000.0, 11_000_000.0);
        sent(injector.step(10_000.0, &fleet(&[("a", NORMAL, GATEWAY)], 10_000.0)));
        injector.went(10_000.0, Mode::Degraded, out("down"));
        injector
    }

    #[test]
    fn normal_is_asked_for_until_the_device_says_so() {
        let mut injector = holding();
        injector.answered(&id("down"), Outcome::Applied);
        let degraded = |at_ms| fleet(&[("a", Mode::Degraded, GATEWAY)], at_ms);
        for (now_ms, name) in [(12_000.0, "up-1"), (13_000.0, "up-2"), (14_000.0, "up-3"), (15_000.0, "up-4")] {
            assert_eq!(injector.due_ms(), now_ms);
            let Step::Send(order) = injector.step(now_ms, &degraded(now_ms)) else { panic!() };
            assert_eq!((order.mode, order.fresh.map(|fresh| fresh.up_ms)), (NORMAL, Some(1_000)));
            injector.went(now_ms, NORMAL, out(name));
            injector.answered(&id(name), Outcome::Expired);
        }
        // The first one was only slow.
        injector.answered(&id("up-1"), Outcome::Applied);
        assert_eq!((injector.is_holding(), injector.due_ms()), (false, 20_000.0));
    }

    #[test]
    fn a_device_that_is_in_normal_after_the_lease_is_left_alone() {
        let mut injector = holding();
        injector.went(13_500.0, NORMAL, out("up"));
        assert_eq!(injector.step(14_500.0, &fleet(&[("a", NORMAL, GATEWAY)], 14_400.0)), Step::Wait);
        assert!(!injector.is_holding());
    }

    #[test]
    fn a_change_that_was_not_made_is_not_taken_back() {
        for outcome in [Outcome::Unchanged, Outcome::Rejected, Outcome::Expired] {
            let mut injector = holding();
            injector.answered(&id("another"), outcome);
            assert!(injector.is_holding());
            injector.answered(&id("down"), outcome);
            assert_eq!((injector.is_holding(), injector.due_ms()), (false, 20_000.0), "{outcome:?}");
        }
    }

    #[test]
    fn at_the_end_of_the_run_nothing_begins_and_what_is_held_goes_back() {
        let mut injector = holding();
        injector.finish(10_500.0);
        assert_eq!(sent(injector.step(10_500.0, &Known::new())).1, NORMAL);
        injector.went(10_500.0, NORMAL, out("up"));
        injector.finish(10_600.0);
        assert_eq!(injector.due_ms(), 11_500.0, "an answer has its time");
        injector.answered(&id("up"), Outcome::Unchanged);
        assert_eq!(injector.due_ms(), f64::INFINITY);
    }

    #[test]
    fn a_command_quotes_the_device_s_own_time() {
        let known = fleet(&[("a", NORMAL, GATEWAY)], 9_500.0);
        let Step::Send(order) = Injector::new(10_000.0, 1e9).step(10_000.0, &known) else { panic!() };
        assert_eq!(order.fresh.map(|fresh| fresh.up_ms), Some(1_500));
    }

    #[test]
    fn a_short_interval_holds_for_half_of_it() {
        let known = fleet(&[("a", NORMAL, GATEWAY)], 1_000.0);
        let mut injector = Injector::new(1_000.0, 1e9);
        assert_eq!(sent(injector.step(1_000.0, &known)).2, 2_500);
        injector.went(1_000.0, Mode::Degraded, out("c"));
        assert_eq!(injector.due_ms(), 1_500.0);
    }
}
