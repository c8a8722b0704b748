use proptest::prelude::*;

use super::*;
use crate::kubeedge::pace::BURST;
use crate::kubeedge::value::TwinValue;

const INTERVAL_MS: u64 = 30_000;
const ALL: [Property; 3] = [Property::Mode, Property::MissRate, Property::Seq];

fn id(number: usize) -> ResourceId {
    ResourceId { namespace: "default".to_owned(), name: format!("pi-{number:02}") }
}

/// A plan with its clock, and devices whose values are made up.
struct Site {
    plan: Plan,
    now_ms: u64,
    devices: Vec<(State, [String; 3], String)>,
    calls: Vec<(u64, Call)>,
}

impl Site {
    fn new(devices: usize) -> Self {
        let mut plan = Plan::new(INTERVAL_MS);
        (0..devices).for_each(|number| plan.declare(&id(number), &ALL));
        let device = (State::Online, ["NORMAL", "0.0000", "1"].map(str::to_owned), String::new());
        Self { plan, now_ms: 100_000, devices: vec![device; devices], calls: Vec::new() }
    }

    fn now(&self) -> Moment {
        Moment::from_millis(self.now_ms)
    }

    /// Lets time pass, a quarter of a second at a time; EdgeCore answers each call at once.
    fn pass(&mut self, ms: u64) {
        self.pass_with(ms, |_| Outcome::Taken);
    }

    fn pass_with(&mut self, ms: u64, answer: impl Fn(&Call) -> Outcome) {
        let end = self.now_ms + ms;
        while self.now_ms < end {
            let now = self.now();
            for (number, (state, values, desired)) in self.devices.iter().enumerate() {
                self.plan.observe(&id(number), *state, |property| {
                    let at = ALL.iter().position(|known| *known == property)?;
                    let observed_desired = TwinValue::of(if property == Property::Mode { desired } else { "" });
                    Some(Twin { observed_desired, reported: TwinValue::of(&values[at]) })
                });
            }
            if let Some(call) = self.plan.next(now) {
                self.plan.done(now, &call, &answer(&call));
                self.calls.push((self.now_ms, call));
            }
            self.now_ms += 250;
        }
    }

    /// The calls since the last time, in short: `0:mode=NORMAL,seq=1` or `0:online`.
    fn told(&mut self) -> Vec<String> {
        self.calls.drain(..).map(|(_, call)| short(&call)).collect()
    }
}

fn short(call: &Call) -> String {
    let number = call.id.name.trim_start_matches("pi-").trim_start_matches('0');
    let number = if number.is_empty() { "0" } else { number };
    match &call.content {
        Content::State(state) => format!("{number}:{}", state.as_str()),
        Content::Twins(twins) => {
            let twins: Vec<_> =
                twins.iter().map(|(property, twin)| format!("{}={}", property.name(), twin.reported)).collect();
            format!("{number}:{}", twins.join(","))
        }
    }
}

const FULL: &str = "0:mode=NORMAL,miss_rate=0.0000,seq=1";

#[test]
fn the_first_report_goes_out_twice_and_all_of_it_again_every_interval() {
    let mut site = Site::new(1);
    site.pass(20_000);
    assert_eq!(site.told(), [FULL, "0:online", FULL]);
    site.pass(9_000);
    assert_eq!(site.told(), Vec::<String>::new());
    site.pass(6_000);
    assert_eq!(site.told(), [FULL]);
}

#[test]
fn a_changed_mode_is_told_at_once_and_a_miss_rate_calmly() {
    let mut site = Site::new(1);
    site.pass(5_000);
    site.told();
    site.devices[0].1 = ["DEGRADED", "0.2000", "2"].map(str::to_owned);
    site.pass(250);
    assert_eq!(site.told(), ["0:mode=DEGRADED"]);
    // The miss rate was told a moment ago, and a number of a report is never news.
    site.pass(4_000);
    assert_eq!(site.told(), Vec::<String>::new());
    site.pass(5_000);
    assert_eq!(site.told(), ["0:miss_rate=0.2000"]);
    // Not clearly another one.
    site.devices[0].1[1] = "0.2050".to_owned();
    site.pass(11_000);
    assert_eq!(site.told(), Vec::<String>::new());
}

#[test]
fn what_is_observed_of_the_desired_value_is_told_at_once() {
    let mut site = Site::new(1);
    site.pass(5_000);
    site.told();
    site.devices[0].2 = "fast".to_owned();
    site.pass(250);
    let Content::Twins(twins) = &site.calls[0].1.content else { panic!("{:?}", site.calls) };
    assert_eq!((twins.len(), twins[0].1.observed_desired.as_str()), (1, "fast"));
}

#[test]
fn a_new_edgecore_is_told_everything_twice_again() {
    let mut site = Site::new(1);
    site.pass(5_000);
    site.told();
    site.plan.restart(site.now());
    site.pass(5_000);
    assert_eq!(site.told(), [FULL, "0:online", FULL]);
}

#[test]
fn what_was_refused_is_told_again_after_a_pause() {
    let mut site = Site::new(1);
    site.pass_with(REFUSED_PAUSE_MS, |_| Outcome::Refused("too many request".to_owned()));
    assert_eq!(site.told(), [FULL]);
    site.pass(4_000);
    assert_eq!(site.told(), [FULL, "0:online", FULL]);
}

#[test]
fn an_edgecore_that_takes_no_states_is_not_told_any() {
    let mut site = Site::new(1);
    site.pass_with(200_000, |call| match call.content {
        Content::State(_) => Outcome::Unsupported,
        Content::Twins(_) => Outcome::Taken,
    });
    assert_eq!(site.told().iter().filter(|told| told.contains("online")).count(), 1);
    // Another EdgeCore may be a later one.
    site.plan.restart(site.now());
    site.pass(5_000);
    assert!(site.told().contains(&"0:online".to_owned()));
}

#[test]
fn an_answer_for_an_edgecore_that_is_gone_does_not_count() {
    let mut site = Site::new(2);
    site.pass(250);
    let old = site.calls[0].1.clone();
    site.plan.restart(site.now());
    site.plan.done(site.now(), &old, &Outcome::Taken);
    site.calls.clear();
    site.pass(20_000);
    assert_eq!(site.told().iter().filter(|told| *told == FULL).count(), 2);
}

#[test]
fn a_device_that_changes_all_the_time_does_not_keep_others_from_their_turn() {
    let mut site = Site::new(40);
    site.pass(300_000);
    site.calls.clear();
    for turn in 0..600 {
        site.devices[0].1[0] = if turn % 2 == 0 { "DEGRADED" } else { "NORMAL" }.to_owned();
        site.pass(500);
    }
    for number in 0..40 {
        let times: Vec<_> = site.calls.iter().filter(|(_, call)| call.id == id(number)).map(|(at, _)| *at).collect();
        let longest = times.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap_or(u64::MAX);
        assert!(longest <= INTERVAL_MS + 45_000, "{number}: {longest} ms without a turn");
    }
}

fn value() -> impl Strategy<Value = [String; 3]> {
    let mode = prop_oneof![Just("NORMAL".to_owned()), Just("DEGRADED".to_owned())];
    (mode, 0_u32..=10_000, 0_u64..1_000)
        .prop_map(|(mode, rate, seq)| [mode, format!("{:.4}", f64::from(rate) / 10_000.0), seq.to_string()])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn the_pace_is_kept_and_every_change_is_told_in_the_end(
        devices in 1_usize..12,
        happenings in prop::collection::vec((0_usize..12, value(), any::<bool>(), 0_u64..20_000, 0_u8..20), 0..40),
    ) {
        let mut site = Site::new(devices);
        for (device, values, there, ms, restart) in happenings {
            if let Some(device) = site.devices.get_mut(device) {
                device.0 = if there { State::Online } else { State::Offline };
                device.1 = values;
            }
            if restart == 0 {
                site.plan.restart(site.now());
            }
            site.pass(ms);
        }
        // Quiet: two intervals and a turn for everybody, with everything that may still be owed twice.
        site.pass(4 * INTERVAL_MS + 4_000 * u64::try_from(devices).unwrap());
        for (number, (state, values, _)) in site.devices.iter().enumerate() {
            let calls = || site.calls.iter().rev().filter(|(_, call)| call.id == id(number)).map(|(_, call)| &call.content);
            let last_state = calls().find_map(|content| match content { Content::State(state) => Some(*state), _ => None });
            prop_assert_eq!(last_state, Some(*state));
            for (property, value) in ALL.iter().zip(values) {
                let told = calls().find_map(|content| match content {
                    Content::Twins(twins) => twins.iter().find(|(told, _)| told == property).map(|(_, twin)| twin),
                    Content::State(_) => None,
                });
                prop_assert_eq!(told.map(|twin| twin.reported.as_str()), Some(value.as_str()));
            }
        }
        // In any stretch of time no more calls than seconds, beyond the first few.
        for (first, (from, _)) in site.calls.iter().enumerate() {
            for (count, (to, _)) in site.calls[first..].iter().enumerate() {
                prop_assert!(u64::try_from(count).unwrap() < (to - from) / 1_000 + BURST + 1, "{count} calls in {} ms", to - from);
            }
        }
    }
}
