use super::*;
use crate::event::{Forgotten, ForgottenWhy, Offline, Online};

fn goes_offline(actions: &[Action]) -> bool {
    events(actions).iter().any(|event| matches!(event, Event::Offline(_)))
}

fn comes_online(actions: &[Action]) -> bool {
    events(actions).iter().any(|event| matches!(event, Event::Online(_)))
}

#[test]
fn a_device_that_has_gone_gets_no_command_until_it_is_born_again() {
    let mut site = Site::settled();
    let gone = site.take_status(&site.device.will(), Freshness::Live);
    let told = events(&gone);
    assert!(matches!(&told[..], [Event::Offline(Offline { departure: Some(Departure::Lost), conn: 1, .. })]));
    assert_eq!(modes(&site.wish(Some(Wish::Mode(Mode::Degraded)))), []);
    assert_eq!(modes(&site.pass(60_000)), []);
    site.device.conn = 2;
    let born = site.birth();
    assert!(matches!(&events(&born)[..], [Event::Online(Online { conn: Some(2), .. }), ..]), "{born:?}");
    assert_eq!(modes(&born), [Mode::Degraded]);
}

#[test]
fn a_will_of_an_older_connection_or_run_is_stale_news() {
    let mut site = Site::settled();
    let old = site.device.will();
    site.device.conn = 2;
    site.birth();
    assert_eq!(site.take_status(&old, Freshness::Live), []);
    assert_eq!(site.take_status(&old, Freshness::Retained), []);
    let other_run = Status { boot: BootId(77), conn: 9, ..old };
    assert_eq!(site.take_status(&other_run, Freshness::Live), []);
    assert_eq!(site.view().presence, PresenceView::Online);
    assert!(goes_offline(&site.take_status(&site.device.will(), Freshness::Live)));
}

#[test]
fn a_stale_will_is_no_sign_that_the_device_is_there() {
    let mut site = Site::new(settings());
    site.take_status(&site.device.status(), Freshness::Retained);
    assert_eq!(site.view().presence, PresenceView::Unknown);
    let other_run = Status { boot: BootId(77), ..site.device.will() };
    assert_eq!(site.take_status(&other_run, Freshness::Live), []);
    assert_eq!(site.view().presence, PresenceView::Unknown);
}

#[test]
fn a_good_bye_of_now_counts_though_the_birth_of_its_run_was_lost() {
    let mut site = Site::new(settings());
    site.take_status(&site.device.will(), Freshness::Retained);
    let old = site.device.will();
    site.device = Sim { boot: BootId(2), ..Sim::new("pi-1") };
    let good_bye = Status { departure: Some(Departure::Stopped), ..site.device.will() };
    site.take_status(&good_bye, Freshness::Live);
    // Its last reports come behind it, and the will of the run before may come at any time.
    assert!(!comes_online(&site.window(0.2)));
    site.take_status(&old, Freshness::Live);
    let view = site.view();
    assert_eq!((view.presence, view.boot), (PresenceView::Offline, Some(BootId(2))));
}

#[test]
fn a_will_tells_of_the_mode_when_the_connection_was_made_and_changes_none() {
    let mut site = Site::settled();
    let will = site.device.will();
    let wished = site.wish(Some(Wish::Mode(Mode::Degraded)));
    site.obey(&wished);
    let told = events(&site.take_status(&will, Freshness::Live));
    assert!(matches!(&told[..], [Event::Offline(_)]), "{told:?}");
    assert_eq!(site.view().mode, Some(Mode::Degraded));
}

#[test]
fn a_stale_will_kept_by_the_broker_does_not_hide_a_device_that_reports() {
    let mut site = Site::new(settings());
    site.take_status(&site.device.will(), Freshness::Retained);
    assert_eq!(site.view().presence, PresenceView::Offline);
    let actions = site.window(0.0);
    assert!(comes_online(&actions));
    assert_eq!(modes(&actions), [Mode::Normal]);
}

#[test]
fn a_report_that_comes_after_the_goodbye_does_not_bring_the_device_back() {
    let mut site = Site::settled();
    site.take_status(&site.device.will(), Freshness::Live);
    let actions = site.window(0.9);
    assert_eq!((modes(&actions), comes_online(&actions)), (vec![], false));
}

#[test]
fn a_goodbye_that_was_heard_live_is_no_older_when_the_broker_repeats_it() {
    let mut site = Site::settled();
    let will = site.device.will();
    site.take_status(&will, Freshness::Live);
    site.fleet.link_up(2, &mut Vec::new());
    site.take_status(&will, Freshness::Retained);
    let actions = site.window(0.9);
    assert_eq!((modes(&actions), comes_online(&actions)), (vec![], false));
}

#[test]
fn a_device_without_status_is_there_when_it_reports() {
    let mut site = Site::new(settings());
    let actions = site.window(0.0);
    assert!(matches!(&events(&actions)[..], [Event::Online(Online { conn: None, .. })]));
    assert_eq!(modes(&actions), [Mode::Normal]);
}

#[test]
fn a_birth_is_told_again_only_for_a_new_connection() {
    let mut site = Site::settled();
    assert!(!comes_online(&site.birth()));
    site.device.conn = 2;
    assert!(comes_online(&site.birth()));
}

#[test]
fn a_reconnected_device_gets_its_lease_again_soon() {
    let mut site = Site::settled();
    site.pass(100);
    site.device.conn = 2;
    let mut sent = modes(&site.birth());
    sent.extend(modes(&site.pass(RETRY_MS)));
    assert_eq!(sent, [Mode::Normal]);
}

#[test]
fn leftovers_of_another_run_are_counted_and_decide_nothing() {
    let mut site = Site::settled();
    let mut before = Sim { boot: BootId(9), ..Sim::new("pi-1") };
    let actions = site.take(before.report(0.9));
    assert_eq!((modes(&actions), reports(&actions)), (vec![], 1));
    assert_eq!(site.view().jobs, 2 * JOBS);
    assert_eq!(site.view().boot, Some(BootId(1)));
}

#[test]
fn a_run_whose_birth_was_lost_is_believed_after_a_while() {
    let mut site = Site::settled();
    site.device = Sim { boot: BootId(2), ..Sim::new("pi-1") };
    for _ in 0..(10_000 / SPAN_MS) {
        site.window(0.0);
        assert_eq!(site.view().boot, Some(BootId(1)));
    }
    site.window(0.0);
    assert_eq!(site.view().boot, Some(BootId(2)));
    assert_eq!(modes(&site.window(0.9)), [Mode::Degraded]);
}

/// A device of that name says that it is there.
fn comes(site: &mut Site, name: &str) -> Result<Vec<Action>, Refused> {
    let mut out = Vec::new();
    site.now_ms += 1_000;
    site.fleet.status(site.now(), &Sim::new(name).status(), Freshness::Live, &mut out).map(|()| out)
}

/// A device of that name is gone.
fn goes(site: &mut Site, name: &str) {
    site.take_status(&Sim::new(name).will(), Freshness::Live);
}

fn known(site: &Site) -> Vec<String> {
    site.fleet.view(site.now()).into_iter().map(|view| view.device.to_string()).collect()
}

#[test]
fn devices_beyond_the_limit_are_refused_while_all_are_online() {
    let mut site = Site::new(settings());
    for name in ["a", "b", "c"] {
        comes(&mut site, name).unwrap();
    }
    assert_eq!(comes(&mut site, "d"), Err(Refused::TooManyDevices(3)));
    let report = Sim::new("d").report(0.0);
    assert_eq!(site.fleet.report(site.now(), report, &mut Vec::new()), Err(Refused::TooManyDevices(3)));
    site.take(Sim::new("a").report(0.0));
    assert_eq!(known(&site), ["a", "b", "c"]);
}

#[test]
fn at_the_limit_the_offline_device_that_was_unheard_longest_makes_room() {
    let mut site = Site::new(settings());
    for name in ["a", "b", "c"] {
        comes(&mut site, name).unwrap();
    }
    // What an operator wants of a device is kept.
    site.fleet.wish(site.now(), &"a".parse().unwrap(), Some(Wish::Mode(Mode::Normal)), &mut Vec::new()).unwrap();
    for name in ["a", "c", "b"] {
        goes(&mut site, name);
        site.now_ms += 1_000;
    }
    let out = comes(&mut site, "d").unwrap();
    assert!(
        matches!(&events(&out)[..], [Event::Forgotten(Forgotten { device, why: ForgottenWhy::Room }), Event::Online(_)] if device.as_str() == "c"),
        "{out:?}"
    );
    assert_eq!(known(&site), ["a", "b", "d"]);
    comes(&mut site, "e").unwrap();
    assert_eq!(known(&site), ["a", "d", "e"]);
    assert_eq!(comes(&mut site, "f"), Err(Refused::TooManyDevices(3)));
    assert_eq!(modes(&site.pass(60_000)), []);
}

#[test]
fn what_the_broker_kept_pushes_nobody_out() {
    let mut site = Site::new(settings());
    for name in ["a", "b", "c"] {
        comes(&mut site, name).unwrap();
        goes(&mut site, name);
    }
    let kept = Sim::new("d").will();
    let refused = site.fleet.status(site.now(), &kept, Freshness::Retained, &mut Vec::new());
    assert_eq!(refused, Err(Refused::TooManyDevices(3)));
    assert_eq!(known(&site), ["a", "b", "c"]);
}

#[test]
fn those_who_never_said_that_they_are_there_count_as_gone_after_ten_minutes_of_silence() {
    let mut site = Site::new(settings());
    for name in ["a", "b", "c"] {
        site.take(Sim::new(name).report(0.0));
    }
    assert_eq!(comes(&mut site, "d"), Err(Refused::TooManyDevices(3)));
    site.now_ms += 600_000;
    comes(&mut site, "d").unwrap();
    assert_eq!(known(&site), ["b", "c", "d"]);
}

#[test]
fn an_acknowledgement_alone_makes_no_device() {
    let mut site = Site::new(settings());
    let lease_ms = Timing::new(15_000, 500, 10_000).unwrap().lease();
    let id = "x-1".parse().unwrap();
    let command = SetMode {
        v: Version,
        id,
        mode: Mode::Normal,
        lease_ms,
        reason: "".into(),
        cause: None,
        fresh: None,
        missing: None,
    };
    let ack = site.device.obey(&command);
    assert_eq!(site.take_ack(&ack), []);
    assert!(known(&site).is_empty());
}

#[test]
fn only_a_device_that_is_not_there_can_be_forgotten_and_only_where_the_broker_can_be_told() {
    let mut site = Site::settled();
    let id = site.device.id.clone();
    let forget = |site: &mut Site| {
        let mut out = Vec::new();
        site.fleet.forget(site.now(), &id, &mut out).map(|()| out)
    };
    assert_eq!(forget(&mut site), Err(Refused::Online));
    site.wish(Some(Wish::Mode(Mode::Degraded)));
    site.take_status(&site.device.will(), Freshness::Live);
    site.fleet.link_down(1, "gone".to_owned(), &mut Vec::new());
    assert_eq!(forget(&mut site), Err(Refused::NoBroker));
    site.fleet.link_up(2, &mut Vec::new());
    let out = forget(&mut site).unwrap();
    let forgotten = Event::Forgotten(Forgotten { device: id.clone(), why: ForgottenWhy::Operator });
    assert_eq!(out, [Action::Tell(forgotten), Action::ClearStatus(id.clone())]);
    assert!(known(&site).is_empty());
    assert_eq!(site.fleet.next_wake(), None);
    assert_eq!(forget(&mut site), Err(Refused::UnknownDevice));
    // Back one day, it is a device like any other.
    site.device.conn = 2;
    site.birth();
    assert_eq!(site.view().wanted_by, WantedBy::Policy);
}

#[test]
fn a_device_stays_small() {
    assert!(size_of::<device::Device>() < 2_048, "{}", size_of::<device::Device>());
}
