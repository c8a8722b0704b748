use std::vec::Vec;

use proptest::prelude::*;

use super::*;

const WINDOW_MS: u64 = 200;

fn seen(miss_rate: f64) -> Observation {
    Observation { elapsed_ms: WINDOW_MS, jobs: 10, miss_rate: Ratio::try_from(miss_rate).unwrap(), cpu: None }
}

/// Steps until the mode changes; how many windows it took.
fn windows_until_change(state: &mut PolicyState, config: &PolicyConfig, observation: Observation) -> Option<u64> {
    (1..100_000).find(|_| state.step(config, &observation).is_some())
}

#[test]
fn the_first_overload_degrades_at_once() {
    let (config, mut state) = (PolicyConfig::default(), PolicyState::default());
    let change = state.step(&config, &seen(0.2)).unwrap();
    assert_eq!(change.to, Mode::Degraded);
    assert_eq!(std::format!("{}", change.cause), "miss rate 0.2000 > 0.05");
}

#[test]
fn the_threshold_itself_is_tolerated_and_just_below_calm_is_not_calm() {
    let (config, mut state) = (PolicyConfig::default(), PolicyState::default());
    assert_eq!(windows_until_change(&mut state, &config, seen(0.05)), None);
    state.adopt(&config, Mode::Degraded);
    assert_eq!(windows_until_change(&mut state, &config, seen(0.01)), None);
}

#[test]
fn recovery_waits_for_the_dwell_and_for_calm_windows() {
    let (config, mut state) = (PolicyConfig::default(), PolicyState::default());
    state.adopt(&config, Mode::Degraded);
    // 5 s of dwell at 200 ms a window; the ten calm windows fit inside.
    assert_eq!(windows_until_change(&mut state, &config, seen(0.0)), Some(25));
    let slow = PolicyConfig { recover_after: 40, ..config };
    let mut state = PolicyState::default();
    state.adopt(&slow, Mode::Degraded);
    assert_eq!(windows_until_change(&mut state, &slow, seen(0.0)), Some(40));
}

#[test]
fn one_restless_window_starts_the_calm_count_again() {
    let (config, mut state) = (PolicyConfig::default(), PolicyState::default());
    state.adopt(&config, Mode::Degraded);
    for _ in 0..24 {
        assert_eq!(state.step(&config, &seen(0.0)), None);
    }
    assert_eq!(state.step(&config, &seen(0.02)), None);
    assert_eq!(windows_until_change(&mut state, &config, seen(0.0)), Some(10));
}

#[test]
fn a_mode_that_took_effect_late_counts_from_then() {
    let (config, mut state) = (PolicyConfig::default(), PolicyState::default());
    state.adopt(&config, Mode::Degraded);
    // The order was on its way for 4 s, while calm windows went by.
    for _ in 0..20 {
        assert_eq!(state.align(Mode::Normal, 60_000, WINDOW_MS), WINDOW_MS);
        assert_eq!(state.step(&config, &seen(0.0)), None);
    }
    // It took effect in the middle of a window.
    let age_ms = |window: u64| 100 + window * WINDOW_MS;
    let first = (0..100).find(|window| {
        let elapsed_ms = state.align(Mode::Degraded, age_ms(*window), WINDOW_MS);
        state.step(&config, &Observation { elapsed_ms, ..seen(0.0) }).is_some()
    });
    assert_eq!(first.map(age_ms), Some(5_100));
}

#[test]
fn a_window_without_jobs_is_no_evidence() {
    let (config, mut state) = (PolicyConfig::default(), PolicyState::default());
    assert_eq!(state.step(&config, &Observation { jobs: 0, ..seen(1.0) }), None);
    assert_eq!(state.hot, 0);
}

#[test]
fn cpu_load_counts_only_where_the_rule_is_on() {
    let loaded = Observation { cpu: Some(Ratio::of(9, 10)), ..seen(0.0) };
    assert_eq!(PolicyState::default().step(&PolicyConfig::default(), &loaded), None);
    let config = PolicyConfig { cpu: Some(CpuRule::default()), ..PolicyConfig::default() };
    let mut state = PolicyState::default();
    let change = state.step(&config, &loaded).unwrap();
    assert_eq!(std::format!("{}", change.cause), "cpu load 0.90 > 0.7");
    assert_eq!(
        windows_until_change(&mut state, &config, Observation { cpu: Some(Ratio::of(5, 10)), ..seen(0.0) }),
        None
    );
    assert!(
        windows_until_change(&mut state, &config, Observation { cpu: Some(Ratio::of(3, 10)), ..seen(0.0) }).is_some()
    );
}

#[test]
fn each_relapse_doubles_the_wait_and_quiet_halves_it() {
    let (config, mut state) = (PolicyConfig::default(), PolicyState::default());
    let mut waits = Vec::new();
    for _ in 0..10 {
        windows_until_change(&mut state, &config, seen(0.5)).unwrap();
        waits.push(windows_until_change(&mut state, &config, seen(0.0)).unwrap() * WINDOW_MS);
    }
    assert_eq!(waits, [5, 10, 20, 40, 80, 160, 320, 640, 640, 640].map(|s| s * 1000));
    // Twice 640 + 320 + … + 10 s of quiet undo all seven doublings.
    let quiet_windows = 2 * (640 + 320 + 160 + 80 + 40 + 20 + 10) * 1000 / WINDOW_MS;
    for _ in 0..quiet_windows {
        assert_eq!(state.step(&config, &seen(0.0)), None);
    }
    assert_eq!(state.backoff, 0);
}

#[test]
fn whoever_takes_over_with_the_state_decides_the_same() {
    let (config, mut first) = (PolicyConfig::default(), PolicyState::default());
    for rate in [0.0, 0.3, 0.0, 0.0] {
        first.step(&config, &seen(rate));
    }
    let mut second: PolicyState = serde_json::from_str(&serde_json::to_string(&first).unwrap()).unwrap();
    for _ in 0..100 {
        assert_eq!(first.step(&config, &seen(0.0)), second.step(&config, &seen(0.0)));
    }
}

#[test]
fn contradicting_thresholds_are_named() {
    let bad = PolicyConfig { recover_below: Ratio::of(1, 2), ..PolicyConfig::default() };
    assert_eq!(bad.validate().unwrap_err().key, "recover_below");
    assert_eq!(PolicyConfig::default().validate(), Ok(()));
}

fn configs() -> impl Strategy<Value = PolicyConfig> {
    (0u16..4, 1u16..20, 0u32..8_000, 0u8..8).prop_map(|(after, recover_after, dwell_ms, backoff_limit)| PolicyConfig {
        degrade_after: after + 1,
        recover_after,
        dwell_ms,
        backoff_limit,
        ..PolicyConfig::default()
    })
}

proptest! {
    #[test]
    fn it_never_flaps_inside_a_dwell(config in configs(), rates in prop::collection::vec((0.0f64..=0.2, 1u64..1_000), 0..600)) {
        let mut state = PolicyState::default();
        let mut since_change = None;
        for (rate, elapsed_ms) in rates {
            since_change = since_change.map(|ms: u64| ms + elapsed_ms);
            if state.step(&config, &Observation { elapsed_ms, ..seen(rate) }).is_some() {
                prop_assert!(since_change.is_none_or(|ms| ms >= u64::from(config.dwell_ms)), "flap after {since_change:?} ms");
                since_change = Some(0);
            }
        }
    }

    /// DEGRADED cures the load, NORMAL does not: the plant that makes a plain threshold flip for ever.
    #[test]
    fn it_goes_quiet_under_a_constant_overload(overload in 0.06f64..=1.0) {
        let (config, mut state) = (PolicyConfig::default(), PolicyState::default());
        let mut changes = Vec::new();
        let day = 24 * 3600 * 1000 / WINDOW_MS;
        for window in 0..day {
            let rate = if state.mode == Mode::Normal { overload } else { 0.0 };
            if state.step(&config, &seen(rate)).is_some() {
                changes.push(window);
            }
        }
        // At the limit: 5 s of NORMAL in every 645 s. Until there, 5 + 10 + … + 320 s of doubling waits.
        prop_assert!(changes.len() as u64 <= 2 * (day * WINDOW_MS / 645_000 + 8), "{} changes in a day", changes.len());
        let last_hour = changes.iter().filter(|&&w| w >= day * 23 / 24).count();
        prop_assert!(last_hour <= 12, "{last_hour} changes in the last hour");
    }

    #[test]
    fn it_recovers_once_the_load_goes(config in configs(), rates in prop::collection::vec(0.0f64..=1.0, 0..300)) {
        let mut state = PolicyState::default();
        for rate in rates {
            state.step(&config, &seen(rate));
        }
        let limit = (u64::from(config.dwell_ms) << config.backoff_limit) / WINDOW_MS + u64::from(config.recover_after) + 2;
        for _ in 0..limit {
            state.step(&config, &seen(0.0));
        }
        prop_assert_eq!(state.mode, Mode::Normal);
    }
}
