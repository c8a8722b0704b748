//! Several controllers that share the reports of one device.

use std::collections::VecDeque;

use proptest::prelude::*;
use shared_proto::policy::Observation;

use super::*;

const MARK: u32 = 0x600d;

/// A device that does as its agent would: its own policy looks on, and a command takes effect some windows later.
struct Shadowed {
    sim: Sim,
    /// Windows from a command's arrival to its effect.
    delay: usize,
    under_way: VecDeque<(usize, SetMode)>,
}

/// One controller alone, or several of one group, and one device.
struct Hall {
    fleets: Vec<Fleet>,
    now_ms: u64,
    device: Shadowed,
    /// Number of the report that led to it, and what was decided.
    decided: Vec<(u64, Mode)>,
    sent: Vec<SetMode>,
    told: Vec<Event>,
}

impl Hall {
    fn alone() -> Self {
        Self::new(vec![Fleet::new(settings(), 1)], 0)
    }

    fn group(size: u32, delay: usize) -> Self {
        Self::new((1..=size).map(|epoch| Fleet::new(settings(), epoch).in_group(MARK)).collect(), delay)
    }

    fn new(fleets: Vec<Fleet>, delay: usize) -> Self {
        let device = Shadowed { sim: Sim::new("pi-1"), delay, under_way: VecDeque::new() };
        let (decided, sent, told) = (Vec::new(), Vec::new(), Vec::new());
        let mut hall = Self { fleets, now_ms: 1_000, device, decided, sent, told };
        hall.fleets.iter_mut().for_each(|fleet| fleet.link_up(1, &mut Vec::new()));
        hall.birth();
        hall
    }

    fn now(&self) -> Moment {
        Moment::from_millis(self.now_ms)
    }

    fn birth(&mut self) {
        let (now, status) = (self.now(), self.device.sim.status());
        for at in 0..self.fleets.len() {
            let mut out = Vec::new();
            self.fleets[at].status(now, &status, Freshness::Live, &mut out).unwrap();
            self.carry_out(at, out);
        }
    }

    /// A window passes, and its report comes to controller `at`; `None`: to nobody that lives.
    fn window(&mut self, miss_rate: f64, at: Option<usize>) {
        self.pass(SPAN_MS);
        self.take_effect();
        let config = PolicyConfig::default();
        let report = self.device.sim.report(miss_rate);
        assert_eq!(report.validate(), Ok(()));
        let elapsed_ms = self.device.sim.policy.align(report.mode, report.mode_age_ms, report.span_ms);
        let seen = Observation { elapsed_ms, jobs: report.jobs, miss_rate: report.miss_rate, cpu: None };
        self.device.sim.policy.watch(&config, &seen);
        if let Some(at) = at {
            let (now, mut out) = (self.now(), Vec::new());
            self.fleets[at].report(now, report, &mut out).unwrap();
            self.carry_out(at, out);
        }
    }

    fn pass(&mut self, ms: u64) {
        let end = Moment::from_millis(self.now_ms + ms);
        while let Some((wake, at)) = (0..self.fleets.len())
            .filter_map(|at| Some((self.fleets[at].next_wake()?, at)))
            .min()
            .filter(|(wake, _)| *wake <= end)
        {
            let mut out = Vec::new();
            self.fleets[at].tick(wake, &mut out);
            let before = self.now_ms;
            self.now_ms = wake.as_micros() / 1000;
            self.carry_out(at, out);
            self.now_ms = before;
        }
        self.now_ms += ms;
        self.device.sim.up_ms += ms;
    }

    fn carry_out(&mut self, at: usize, actions: Vec<Action>) {
        let now = self.now();
        for action in actions {
            match action {
                Action::Send(Command { payload: Payload::Native(command), device }) => {
                    for (other, fleet) in self.fleets.iter_mut().enumerate() {
                        // The broker tells all of them, its sender too.
                        fleet.overhear(now, &device, &command);
                        assert!(other != at || fleet.view_of(&device, now).is_some());
                    }
                    self.sent.push((*command).clone());
                    self.device.under_way.push_back((self.device.delay, *command));
                    if self.device.delay == 0 {
                        self.take_effect();
                    }
                }
                Action::Share(shared) => {
                    let mut told = Vec::new();
                    self.fleets.iter_mut().for_each(|fleet| fleet.hear_wish(now, &shared, &mut told).unwrap());
                    self.told.extend(events(&told));
                }
                Action::Tell(Event::Decision(decision)) => {
                    self.decided.extend(decision.seq.zip(decision.to));
                    self.told.push(Event::Decision(decision));
                }
                Action::Tell(event) if !event.is_for_watchers() => self.told.push(event),
                _ => {}
            }
        }
    }

    /// What has been under way for long enough is done.
    fn take_effect(&mut self) {
        for (left, _) in &mut self.device.under_way {
            *left = left.saturating_sub(1);
        }
        while let Some((0, _)) = self.device.under_way.front() {
            let Some((_, command)) = self.device.under_way.pop_front() else { return };
            let sim = &mut self.device.sim;
            let ack = if command.lease_ms.millis().is_some() { sim.obey(&command) } else { sim.let_go(&command) };
            let (config, mode) = (PolicyConfig::default(), sim.mode);
            sim.policy.adopt(&config, mode);
            let now = self.now();
            for at in 0..self.fleets.len() {
                let mut out = Vec::new();
                self.fleets[at].ack(now, &ack, &mut out).unwrap();
                self.carry_out(at, out);
            }
        }
    }

    fn wish(&mut self, at: usize, wish: Option<Wish>) {
        let (now, mut out) = (self.now(), Vec::new());
        let id = self.device.sim.id.clone();
        self.fleets[at].wish(now, &id, wish, &mut out).unwrap();
        self.carry_out(at, out);
    }

    /// This controller is gone: nothing reaches it any more.
    fn kill(&mut self, at: usize) {
        drop(self.fleets.remove(at));
    }

    fn view(&self, at: usize) -> DeviceView {
        self.fleets[at].view_of(&self.device.sim.id, self.now()).unwrap()
    }
}

/// Loads that last for a while, and who gets each report.
fn streams() -> impl Strategy<Value = Vec<(f64, usize)>> {
    let load = prop_oneof![3 => Just(0.0), 1 => Just(0.03), 3 => Just(0.5)];
    let phase = (load, prop::collection::vec(0usize..3, 1..80));
    prop::collection::vec(phase, 1..12).prop_map(|phases| {
        phases.into_iter().flat_map(|(load, receivers)| receivers.into_iter().map(move |at| (load, at))).collect()
    })
}

/// A renewal comes after a quarter to a third of the lease, by the number of the command, of which each controller has its own; and there
/// may be a repetition more for each change.
fn as_many(three: &Hall, one: &Hall) -> bool {
    three.sent.len() <= (one.sent.len() * 4).div_ceil(3) + one.decided.len() + 2
}

proptest! {
    /// The promise of the state in the report.
    #[test]
    fn reports_split_over_three_controllers_lead_to_the_decisions_of_one(stream in streams()) {
        let (mut one, mut three) = (Hall::alone(), Hall::group(3, 0));
        for (load, at) in stream {
            one.window(load, Some(0));
            three.window(load, Some(at));
            prop_assert_eq!(one.device.sim.mode, three.device.sim.mode);
        }
        prop_assert_eq!(&one.decided, &three.decided);
        prop_assert!(as_many(&three, &one), "{} and {}", three.sent.len(), one.sent.len());
        prop_assert!(three.sent.iter().all(|command| command.missing.is_none()));
    }

    /// Also where commands are slow: whoever gets a report meanwhile knows what was ordered.
    #[test]
    fn slow_commands_are_waited_for_by_all_alike(stream in streams(), delay in 1usize..20) {
        let (mut one, mut three) = (Hall::group(1, delay), Hall::group(3, delay));
        for (load, at) in stream {
            one.window(load, Some(0));
            three.window(load, Some(at));
        }
        prop_assert_eq!(&one.decided, &three.decided);
        let turns = |hall: &Hall| {
            let mut modes: Vec<_> = hall.sent.iter().map(|command| command.mode).collect();
            modes.dedup();
            modes
        };
        prop_assert_eq!(turns(&one), turns(&three));
        // How long the last repetition helped is known to each from its own reports.
        prop_assert!(as_many(&three, &one), "{} and {}", three.sent.len(), one.sent.len());
    }
}

#[test]
fn one_of_three_dies_and_the_next_report_is_judged_by_another() {
    let mut hall = Hall::group(3, 0);
    (0..30).for_each(|number| hall.window(0.0, Some(number % 3)));
    hall.kill(1);
    // What goes to the dead one until the broker notices is lost.
    hall.window(0.5, None);
    assert_eq!(hall.device.sim.mode, Mode::Normal);
    hall.window(0.5, Some(1));
    assert_eq!(hall.device.sim.mode, Mode::Degraded);
    (0..100).for_each(|number| hall.window(0.0, Some(number % 2)));
    let modes: Vec<_> = hall.decided.iter().map(|(_, mode)| *mode).collect();
    assert_eq!(modes, [Mode::Degraded, Mode::Normal]);
    assert!(
        hall.told.iter().all(|event| !matches!(event, Event::Contested(_) | Event::DeviceMode(_))),
        "{:?}",
        hall.told
    );
}

#[test]
fn a_wish_binds_all_and_outlives_the_controller_that_took_it() {
    let mut hall = Hall::group(3, 0);
    (0..9).for_each(|number| hall.window(0.0, Some(number % 3)));
    let before = hall.sent.len();
    hall.wish(0, Some(Wish::Mode(Mode::Degraded)));
    assert_eq!(hall.sent.len(), before + 1, "the others know of the command when they learn of the wish");
    for at in 0..3 {
        assert_eq!((hall.view(at).wanted, hall.view(at).wanted_by), (Some(Mode::Degraded), WantedBy::SetMode));
    }
    hall.kill(0);
    (0..300).for_each(|number| hall.window(0.0, Some(number % 2)));
    assert_eq!((hall.device.sim.mode, hall.device.sim.source), (Mode::Degraded, ModeSource::Gateway));
    assert!(hall.sent[before..].iter().all(|command| command.mode == Mode::Degraded && command.cause.is_none()));
    // No report comes to anybody: by the clock, one of them renews in time.
    let (before, lease) = (hall.sent.len(), LEASE_MS);
    hall.pass(lease);
    assert_eq!(hall.sent.len(), before + 1);
    // Any of them can end it; the policy decides again, by the next report.
    hall.wish(1, None);
    assert!(hall.sent.last().unwrap().lease_ms.millis().is_none());
    hall.window(0.0, Some(0));
    hall.window(0.0, Some(1));
    assert_eq!(hall.view(0).wanted_by, WantedBy::Policy);
    assert_eq!(hall.device.sim.mode, Mode::Normal);
}

/// Two controllers that know a device, and the broker between them as the test will have it.
struct Pair {
    fleets: [Fleet; 2],
    device: Sim,
    now_ms: u64,
}

const A: usize = 0;
const B: usize = 1;

impl Pair {
    fn new() -> Self {
        let fleets = [1, 2].map(|epoch| Fleet::new(settings(), epoch).in_group(MARK));
        let mut pair = Self { fleets, device: Sim::new("pi-1"), now_ms: 5 };
        for at in [A, B] {
            assert_eq!(pair.link_up(at, 1), []);
            assert_eq!(pair.status(at), []);
        }
        pair
    }

    /// What this controller shares when this is done with it.
    fn shares(
        &mut self,
        at: usize,
        act: impl FnOnce(&mut Fleet, Moment, &Status, &mut Vec<Action>),
    ) -> Vec<SharedWish> {
        let (mut out, status) = (Vec::new(), self.device.status());
        act(&mut self.fleets[at], Moment::from_millis(self.now_ms), &status, &mut out);
        let shared = |action| if let Action::Share(shared) = action { Some(shared) } else { None };
        out.into_iter().filter_map(shared).collect()
    }

    fn link_up(&mut self, at: usize, conn: u64) -> Vec<SharedWish> {
        self.shares(at, |fleet, _, _, out| fleet.link_up(conn, out))
    }

    fn status(&mut self, at: usize) -> Vec<SharedWish> {
        self.shares(at, |fleet, now, status, out| fleet.status(now, status, Freshness::Live, out).unwrap())
    }

    fn wish(&mut self, at: usize, wish: Option<Wish>) -> SharedWish {
        let said = self.shares(at, |fleet, now, status, out| drop(fleet.wish(now, &status.device, wish, out).unwrap()));
        assert_eq!(said.len(), 1);
        said[0].clone()
    }

    fn hear(&mut self, at: usize, shared: &SharedWish) -> Vec<SharedWish> {
        self.shares(at, |fleet, now, _, out| fleet.hear_wish(now, shared, out).unwrap())
    }

    fn wanted(&self) -> [Option<Mode>; 2] {
        let view = |fleet: &Fleet| fleet.view_of(&self.device.id, Moment::from_millis(self.now_ms)).unwrap().wanted;
        [view(&self.fleets[A]), view(&self.fleets[B])]
    }
}

const NORMAL: Option<Wish> = Some(Wish::Mode(Mode::Normal));
const DEGRADED: Option<Wish> = Some(Wish::Mode(Mode::Degraded));

#[test]
fn wishes_that_crossed_end_in_one_whatever_their_order_at_the_broker() {
    for turned in [false, true] {
        let mut pair = Pair::new();
        let mut said = [pair.wish(A, NORMAL), pair.wish(B, DEGRADED)];
        if turned {
            said.reverse();
        }
        for shared in &said {
            for at in [A, B] {
                drop(pair.hear(at, shared));
            }
        }
        assert_eq!(pair.wanted(), [Some(Mode::Degraded); 2]);
        // Nor does the broker keep the other one for those who come later.
        pair.now_ms += 6_000;
        assert_eq!(pair.status(B), if turned { vec![said[0].clone()] } else { vec![] });
    }
}

#[test]
fn an_echo_does_not_undo_what_was_wished_since() {
    let mut pair = Pair::new();
    let first = pair.wish(A, NORMAL);
    drop(pair.hear(B, &first));
    let second = pair.wish(B, DEGRADED);
    assert!(second.said.number > first.said.number);
    drop(pair.hear(A, &second));
    drop(pair.hear(A, &first));
    assert_eq!(pair.wanted(), [Some(Mode::Degraded); 2]);
}

#[test]
fn who_was_away_brings_no_old_wish_back() {
    let mut pair = Pair::new();
    // Said as the connection broke: nobody heard it, and another wish was taken since, twice.
    let old = pair.wish(A, DEGRADED);
    drop(pair.wish(B, DEGRADED));
    let new = pair.wish(B, None);
    drop(pair.hear(B, &new));
    pair.now_ms += 60_000;
    assert_eq!(pair.link_up(A, 2), std::slice::from_ref(&old));
    assert_eq!(pair.hear(B, &old), std::slice::from_ref(&new), "said again for those who believed it");
    assert_eq!(pair.hear(B, &old), [], "not for each");
    drop(pair.hear(A, &new));
    assert_eq!(
        pair.fleets[A].view_of(&new.device, Moment::from_millis(pair.now_ms)).unwrap().wanted_by,
        WantedBy::Policy
    );
    // The last one is not left standing at the broker either.
    pair.now_ms += 6_000;
    assert_eq!(pair.status(B), [new]);
}

#[test]
fn a_broker_that_lost_wishes_is_told_them_again() {
    let mut pair = Pair::new();
    let old = pair.wish(A, DEGRADED);
    let new = pair.wish(A, NORMAL);
    drop(pair.hear(A, &old));
    drop(pair.hear(A, &new));
    // It comes back with an older one.
    pair.now_ms += 60_000;
    assert_eq!(pair.link_up(A, 2), []);
    assert_eq!(pair.hear(A, &old), std::slice::from_ref(&new));
    assert_eq!(pair.wanted()[A], Some(Mode::Normal));
    drop(pair.hear(A, &new));
    // With none.
    assert_eq!(pair.link_up(A, 3), []);
    assert_eq!(pair.status(A), []);
    pair.now_ms += 6_000;
    assert_eq!(pair.status(A), std::slice::from_ref(&new));
    drop(pair.hear(A, &new));
    // With the right one.
    assert_eq!(pair.link_up(A, 4), []);
    drop(pair.hear(A, &new));
    pair.now_ms += 6_000;
    assert_eq!(pair.status(A), []);
}

#[test]
fn a_wish_of_before_that_is_repeated_to_its_sender_is_answered() {
    let mut pair = Pair::new();
    let old = pair.wish(A, DEGRADED);
    let new = pair.wish(A, None);
    drop(pair.hear(A, &new));
    pair.now_ms += 6_000;
    assert_eq!(pair.hear(A, &old), [new]);
    // The same wish once more is the last word, too.
    let again = pair.wish(A, None);
    assert!(again.said.number > old.said.number + 1);
}

#[test]
fn a_forgotten_device_s_wish_ends_everywhere() {
    let mut pair = Pair::new();
    let wish = pair.wish(A, DEGRADED);
    drop(pair.hear(B, &wish));
    let forget = |fleet: &mut Fleet, now: Moment, status: &Status, out: &mut Vec<Action>| {
        fleet.forget(now, &status.device, out).unwrap();
    };
    // Just connected anew, it does not know yet that the device is there.
    drop(pair.link_up(A, 2));
    let (now, id) = (Moment::from_millis(pair.now_ms), pair.device.id.clone());
    assert_eq!(pair.fleets[A].forget(now, &id, &mut Vec::new()), Err(Refused::Online));
    let will = pair.device.will();
    for fleet in &mut pair.fleets {
        fleet.status(now, &will, Freshness::Live, &mut Vec::new()).unwrap();
    }
    let end = pair.shares(A, forget);
    assert!(end.len() == 1 && end[0].said.wish.is_none() && end[0].said.number > wish.said.number, "{end:?}");
    drop(pair.hear(B, &end[0]));
    assert_eq!(pair.fleets[B].view_of(&id, now).unwrap().wanted_by, WantedBy::Policy);
    // The old one is over for both.
    pair.now_ms += 6_000;
    assert_eq!(pair.hear(A, &wish), end);
}

#[test]
fn an_alarm_that_is_late_waits_until_the_queue_is_read() {
    let mut hall = Hall::group(2, 0);
    hall.window(0.0, Some(0));
    hall.wish(0, DEGRADED);
    let due = hall.fleets[1].next_wake().unwrap();
    let late = due.plus_millis(1_500);
    let mut out = Vec::new();
    hall.fleets[1].tick(late, &mut out);
    assert!(commands(&out).is_empty(), "{out:?}");
    hall.fleets[1].tick(late.plus_millis(1_000), &mut out);
    assert_eq!(modes(&out), [Mode::Degraded]);
}

#[test]
fn a_command_that_is_repeated_or_over_is_no_order() {
    let mut hall = Hall::group(2, 0);
    hall.window(0.0, Some(0));
    hall.window(0.5, Some(0));
    let recorded = hall.sent.last().unwrap().clone();
    assert_eq!(recorded.mode, Mode::Degraded);
    (0..100).for_each(|_| hall.window(0.0, Some(0)));
    let ended = hall.view(1).wanted;
    assert_eq!(ended, Some(Mode::Normal));
    // Each of them has heard it.
    let (now, id) = (hall.now(), hall.device.sim.id.clone());
    let repeat = |hall: &mut Hall, command: &SetMode| {
        let now = hall.now();
        hall.fleets.iter_mut().for_each(|fleet| fleet.overhear(now, &id, command));
        [hall.view(0).wanted, hall.view(1).wanted]
    };
    let mut fresh = recorded.clone();
    fresh.fresh = hall.sent.last().unwrap().fresh;
    fresh.fresh.as_mut().unwrap().ttl_ms = 600_000;
    assert_eq!(repeat(&mut hall, &fresh), [ended; 2]);
    // Of one that nobody has heard of, it is over at the device.
    let mut old = recorded.clone();
    old.id = "0000600d.00000009-1".parse().unwrap();
    assert_eq!(repeat(&mut hall, &old), [ended; 2]);
    old.fresh = None;
    assert_eq!(repeat(&mut hall, &old), [ended; 2]);
    // In time it counts, once.
    old.fresh = fresh.fresh;
    assert_eq!(repeat(&mut hall, &old), [Some(Mode::Degraded); 2]);
    assert_eq!(now, hall.now());
}

#[test]
fn a_wish_that_was_kept_waits_for_its_device() {
    let mut fleet = Fleet::new(settings(), 3).in_group(MARK);
    let (now, mut out, mut device) = (Moment::from_millis(5), Vec::new(), Sim::new("pi-1"));
    fleet.link_up(1, &mut out);
    let said = Said { wish: Some(Wish::Mode(Mode::Degraded)), by: Wisher::Kubeedge, epoch: 1, number: 4 };
    fleet.hear_wish(now, &SharedWish { device: device.id.clone(), said }, &mut out).unwrap();
    fleet.status(now, &device.status(), Freshness::Live, &mut out).unwrap();
    assert_eq!(fleet.view_of(&device.id, now).unwrap().wanted_by, WantedBy::Kubeedge);
    assert!(commands(&out).is_empty(), "all of the group heard of the birth");
    device.up_ms = 200;
    fleet.report(now, device.report(0.0), &mut out).unwrap();
    assert_eq!(modes(&out), [Mode::Degraded]);
    let end = Said { wish: None, number: 5, ..said };
    fleet.hear_wish(now, &SharedWish { device: device.id.clone(), said: end }, &mut out).unwrap();
    assert_eq!(fleet.view_of(&device.id, now).unwrap().wanted_by, WantedBy::Policy);
    let mut hear =
        |now, name: &str, said| fleet.hear_wish(now, &SharedWish { device: name.parse().unwrap(), said }, &mut out);
    hear(now, "other-1", said).unwrap();
    hear(now, "other-2", said).unwrap();
    assert_eq!(hear(now, "more", said), Err(Refused::TooManyDevices(3)));
    // What wishes nothing of a device that nobody knows makes room.
    hear(now, "other-2", end).unwrap();
    hear(now.plus_millis(2_000), "more", said).unwrap();
    assert_eq!(hear(now.plus_millis(4_000), "other-2", said), Err(Refused::TooManyDevices(3)));
}

#[test]
fn of_two_orders_that_crossed_all_know_the_one_that_the_device_got_last() {
    let mut hall = Hall::group(3, 1_000);
    (0..3).for_each(|at| hall.window(0.0, Some(at)));
    let mut renewal = hall.sent.last().unwrap().clone();
    hall.window(0.5, Some(0));
    let mut turn = hall.sent.last().unwrap().clone();
    (renewal.id, turn.id) = ("0000600d.00000002-ff".parse().unwrap(), "0000600d.00000001-ff".parse().unwrap());
    assert_eq!(turn.mode, Mode::Degraded);
    // The broker got another one's renewal before: everybody hears both, in this order.
    let (now, id) = (hall.now(), hall.device.sim.id.clone());
    for fleet in &mut hall.fleets {
        [&renewal, &turn].iter().for_each(|command| fleet.overhear(now, &id, command));
    }
    assert!((0..3).all(|at| hall.view(at).wanted == Some(Mode::Degraded)));
    // So nobody makes anything of a report from before the effect.
    let before = hall.decided.len();
    (0..3).for_each(|at| hall.window(0.0, Some(at)));
    assert_eq!(hall.decided.len(), before);
}

#[test]
fn only_strangers_contest() {
    let mut hall = Hall::group(2, 0);
    (0..4).for_each(|number| hall.window(0.0, Some(number % 2)));
    let mut stranger = hall.sent.last().unwrap().clone();
    stranger.id = "somebody-1".parse().unwrap();
    stranger.mode = Mode::Degraded;
    let ack = hall.device.sim.obey(&stranger);
    let (now, mut out) = (hall.now(), Vec::new());
    hall.fleets[0].overhear(now, &stranger_device(), &stranger);
    hall.fleets[0].ack(now, &ack, &mut out).unwrap();
    assert!(events(&out).iter().any(|event| matches!(event, Event::Contested(_))), "{out:?}");
}

fn stranger_device() -> DeviceId {
    "pi-1".parse().unwrap()
}

#[test]
fn totals_are_the_device_s_own_and_nothing_is_called_missing() {
    let mut hall = Hall::group(3, 0);
    for number in 0..30 {
        hall.window(0.0, [Some(0), None, Some(2)][number % 3]);
    }
    let (first, second) = (hall.view(0), hall.view(1));
    assert_eq!((first.jobs, first.missing_jobs, first.duplicates), (28 * JOBS, 0, 0));
    assert_eq!(first.counted, CountedView::Told);
    assert_eq!(second.jobs, 0);
}
