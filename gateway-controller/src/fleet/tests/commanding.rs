use super::*;
use crate::event::{Applied, Contested, DeviceMode, Held, LinkState, Rejected};

/// Times in milliseconds from now at which commands go out while the device is silent.
fn send_times(site: &mut Site, for_ms: u64) -> Vec<u64> {
    let start = site.now_ms;
    let mut times = Vec::new();
    while site.now_ms < start + for_ms {
        times.extend(modes(&site.pass(10)).iter().map(|_| site.now_ms - start));
    }
    times
}

#[test]
fn a_command_that_is_not_followed_is_repeated_ever_more_slowly() {
    let mut site = Site::settled();
    site.window(0.2);
    assert_eq!(send_times(&mut site, 20_000), [500, 1_500, 3_500, 7_500, 12_500, 17_500]);
}

#[test]
fn each_repetition_has_its_own_id_and_names_the_same_cause() {
    let mut site = Site::settled();
    let mut sent = commands(&site.window(0.2));
    sent.extend(commands(&site.pass(2_000)));
    assert_eq!(sent.len(), 3);
    assert!(sent.iter().all(|command| command.cause == sent[0].cause && command.cause.is_some()));
    assert!(sent[0].id != sent[1].id && sent[1].id != sent[2].id);
    assert!(sent.iter().all(|command| command.id.as_str().starts_with("00000abc-")));
}

#[test]
fn a_refusal_is_told_and_slows_the_repetitions_down() {
    let mut site = Site::settled();
    let degrade = commands(&site.window(0.2)).pop().unwrap();
    let ack = site.device.answer(&degrade, Outcome::Rejected);
    let told = events(&site.take_ack(&ack));
    assert!(matches!(&told[..], [Event::Rejected(Rejected { reason, .. })] if reason.as_str() == "device says so"));
    assert_eq!(send_times(&mut site, 12_000), [5_000, 10_000]);
}

#[test]
fn a_lease_is_renewed_before_a_third_of_it_is_over_in_either_mode() {
    let mut site = Site::settled();
    for mode in [Mode::Normal, Mode::Degraded] {
        if mode == Mode::Degraded {
            let change = site.window(0.2);
            site.obey(&change);
        }
        let mut last_ms = site.now_ms;
        let mut renewals = 0;
        for _ in 0..200 {
            let actions = site.window(0.02);
            for command in commands(&actions) {
                assert_eq!(command.mode, mode);
                assert!(command.cause.unwrap().seq + 1 >= site.device.seq, "the latest report that was judged");
                let gap_ms = site.now_ms - last_ms;
                assert!(gap_ms > LEASE_MS / 5 && gap_ms <= LEASE_MS / 3 + SPAN_MS, "{gap_ms}");
                last_ms = site.now_ms;
                renewals += 1;
            }
            assert_eq!(events(&actions), []);
        }
        assert!(renewals >= 40_000 / (LEASE_MS / 3), "{renewals}");
    }
}

#[test]
fn acknowledged_changes_are_told_once_with_the_round_trip_and_renewals_are_not() {
    let mut site = Site::settled();
    let first = commands(&site.window(0.2)).pop().unwrap();
    let second = commands(&site.pass(RETRY_MS)).pop().unwrap();
    site.now_ms += 30;
    let ack = site.device.obey(&second);
    let told = events(&site.take_ack(&ack));
    let [Event::Applied(applied)] = &told[..] else { panic!("{told:?}") };
    let Applied { result, mode, job, round_trip_ms, .. } = applied;
    assert_eq!((*result, *mode, *job, *round_trip_ms), (Outcome::Applied, Mode::Degraded, Some(7), Some(530.0)));
    // The first command arrives late, and comes to nothing.
    let ack = site.device.obey(&first);
    assert_eq!(events(&site.take_ack(&ack)), []);
    let renewal = site.pass(LEASE_MS / 3);
    assert_eq!(events(&site.obey(&renewal)), []);
}

/// Another controller has the device do what it wants.
fn another_commands(site: &mut Site, number: u32, mode: Mode) -> Vec<Action> {
    let id = format!("0000dead-{number}").parse().unwrap();
    let lease_ms = Timing::new(15_000, 500, 10_000).unwrap().lease();
    let command = SetMode {
        v: Version,
        id,
        mode,
        lease_ms,
        reason: "their reason".into(),
        cause: None,
        fresh: None,
        missing: None,
    };
    let ack = Ack { reason: "their reason".into(), ..site.device.obey(&command) };
    site.take_ack(&ack)
}

fn contests(actions: &[Action]) -> Vec<Contested> {
    let contested = |event| match event {
        Event::Contested(contested) => Some(contested),
        _ => None,
    };
    events(actions).into_iter().filter_map(contested).collect()
}

#[test]
fn two_controllers_of_different_opinion_come_to_a_slow_pace_and_it_is_told_once() {
    let mut site = Site::settled();
    let (mut times, mut told) = (Vec::new(), Vec::new());
    let start = site.now_ms;
    for number in 0..600 {
        let actions = site.window(0.0);
        if !modes(&actions).is_empty() {
            times.push(site.now_ms - start);
            told.extend(contests(&site.obey(&actions)));
        }
        told.extend(contests(&actions));
        if site.device.mode == Mode::Normal && number % 2 == 0 {
            told.extend(contests(&another_commands(&mut site, number, Mode::Degraded)));
        }
    }
    // Two minutes: at most one command in five seconds, once the pace is found.
    assert!((20..=30).contains(&times.len()), "{times:?}");
    let [contested] = &told[..] else { panic!("{told:?}") };
    assert_eq!((contested.mode, contested.wanted), (Mode::Degraded, Some(Mode::Normal)));
    assert_eq!((contested.command_id.as_str(), contested.reason.as_str()), ("0000dead-0", "their reason"));
    // After a long time in peace it would be news again, and the first answer comes soon.
    for _ in 0..400 {
        let actions = site.window(0.0);
        if !modes(&actions).is_empty() {
            site.obey(&actions);
        }
    }
    let mut actions = another_commands(&mut site, 1_000, Mode::Degraded);
    assert_eq!(contests(&actions).len(), 1);
    actions.extend(site.pass(RETRY_MS));
    assert_eq!(modes(&actions)[0], Mode::Normal);
}

#[test]
fn another_controller_of_the_same_opinion_is_no_news_and_neither_are_old_commands_of_our_own() {
    let mut site = Site::settled();
    assert_eq!(events(&another_commands(&mut site, 1, Mode::Normal)), []);
    let first = commands(&site.window(0.2)).pop().unwrap();
    for wish in [Mode::Normal, Mode::Degraded, Mode::Normal].into_iter().cycle().take(9) {
        let sent = site.wish(Some(Wish::Mode(wish)));
        if !modes(&sent).is_empty() {
            site.obey(&sent);
        }
    }
    let late = site.device.obey(&first);
    assert_eq!(contests(&site.take_ack(&late)), []);
}

#[test]
fn an_operators_hold_at_the_device_is_told_once_and_not_fought() {
    let mut site = Site::settled();
    site.device.mode = Mode::Degraded;
    site.device.source = ModeSource::Operator;
    let actions = site.window(0.0);
    let told = events(&actions);
    assert!(matches!(&told[0], Event::DeviceMode(DeviceMode { source: Some(ModeSource::Operator), .. })), "{told:?}");
    assert!(matches!(&told[1], Event::Held(Held { wanted: Mode::Normal, mode: Mode::Degraded, .. })), "{told:?}");
    let mut renewals = modes(&actions);
    for _ in 0..75 {
        let actions = site.window(0.0);
        assert_eq!(events(&actions), []);
        renewals.extend(modes(&actions));
    }
    assert!((3..=5).contains(&renewals.len()), "{renewals:?}");
    assert!(renewals.iter().all(|mode| *mode == Mode::Normal));
    // Let go of, it falls back to the lease and agrees.
    site.device.mode = Mode::Normal;
    site.device.source = ModeSource::Gateway;
    assert_eq!(events(&site.window(0.0)), []);
}

#[test]
fn a_device_that_leaves_the_wanted_mode_by_itself_is_told_of_and_called_back() {
    let mut site = Site::settled();
    site.device.mode = Mode::Degraded;
    site.device.source = ModeSource::Local;
    let actions = site.window(0.02);
    assert!(matches!(&events(&actions)[..], [Event::DeviceMode(DeviceMode { to: Mode::Degraded, .. })]));
    let mut sent = modes(&actions);
    sent.extend(modes(&site.pass(RETRY_MS)));
    assert_eq!(sent[0], Mode::Normal);
}

#[test]
fn nothing_is_sent_while_the_broker_is_away_nor_before_the_device_is_heard_again() {
    let mut site = Site::settled();
    site.fleet.link_down(1, "gone".to_owned(), &mut Vec::new());
    assert_eq!(modes(&site.wish(Some(Wish::Mode(Mode::Degraded)))), []);
    assert_eq!(modes(&site.pass(4_000)), []);
    site.fleet.link_up(2, &mut Vec::new());
    assert_eq!(modes(&site.pass(4_000)), []);
    assert_eq!(site.view().presence, PresenceView::Unknown);
    assert_eq!(modes(&site.window(0.0)), [Mode::Degraded]);
}

#[test]
fn timing_that_would_break_its_own_promises_is_refused() {
    assert_eq!(Timing::new(15_000, 9, 10_000), Err(BadTiming::Retry));
    assert_eq!(Timing::new(15_000, 5_001, 10_000), Err(BadTiming::Retry));
    assert_eq!(Timing::new(1_999, 500, 10_000), Err(BadTiming::Lease));
    assert_eq!(Timing::new(99, 10, 10_000), Err(BadTiming::Lease));
    assert_eq!(Timing::new(86_400_001, 500, 10_000), Err(BadTiming::Lease));
    assert!(Timing::new(2_000, 500, 10_000).is_ok());
}

#[test]
fn the_broker_is_told_of_when_it_comes_and_goes_not_at_every_attempt() {
    let mut fleet = Fleet::new(settings(), 1);
    let mut out = Vec::new();
    for conn in 1..4 {
        fleet.link_down(conn, "refused".to_owned(), &mut out);
    }
    fleet.link_up(4, &mut out);
    fleet.link_down(4, "closed".to_owned(), &mut out);
    fleet.link_down(5, "refused".to_owned(), &mut out);
    let told: Vec<_> = events(&out)
        .into_iter()
        .map(|event| match event {
            Event::Link(link) => (link.state, link.conn),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(told, [(LinkState::Down, 1), (LinkState::Up, 4), (LinkState::Down, 4)]);
}

#[test]
fn a_command_says_until_when_it_may_be_taken_on_the_devices_clock() {
    let mut site = Site::settled();
    site.device.up_ms = 5_000;
    let actions = site.window(0.2);
    let fresh = commands(&actions).pop().unwrap().fresh.unwrap();
    assert_eq!((fresh.boot, fresh.up_ms, fresh.ttl_ms), (site.device.boot, 5_000 + SPAN_MS, 10_000));
    // Its repetition later quotes the time that it then is there, or a little less.
    let repeated = commands(&site.pass(RETRY_MS)).pop().unwrap().fresh.unwrap();
    assert!((1..=2).contains(&(fresh.up_ms + RETRY_MS - repeated.up_ms)), "{repeated:?}");
}

#[test]
fn an_answer_that_comes_twice_is_told_once() {
    let mut site = Site::settled();
    let command = commands(&site.window(0.2)).pop().unwrap();
    let ack = site.device.obey(&command);
    let told = |actions: &[Action]| events(actions).iter().filter(|event| matches!(event, Event::Applied(_))).count();
    assert_eq!(told(&site.take_ack(&ack)), 1);
    assert_eq!(told(&site.take_ack(&ack)), 0);
}

#[test]
fn an_expired_command_is_told_and_followed_by_one_of_now() {
    let mut site = Site::settled();
    let command = commands(&site.window(0.2)).pop().unwrap();
    let ack = site.device.answer(&command, Outcome::Expired);
    let actions = site.take_ack(&ack);
    let Some(Event::Rejected(rejected)) = events(&actions).pop() else { panic!("{actions:?}") };
    assert_eq!((rejected.command_id, rejected.result), (command.id.clone(), Outcome::Expired));
    let next = commands(&site.pass(RETRY_MS)).pop().unwrap();
    assert!(next.id != command.id && next.mode == Mode::Degraded);
}
