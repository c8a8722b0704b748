use std::ffi::OsString;

use super::*;
use crate::gpio::{Level, LineId};

fn with(env: &[(&str, &str)]) -> Result<Config, String> {
    let env = env.iter().map(|(name, value)| (OsString::from(name), OsString::from(value)));
    let loaded = SCHEMA.load(None, env).map_err(|error| error.to_string())?;
    Config::from_loaded(&loaded).map_err(|error| error.to_string())
}

fn refused(key: &str, value: &str) -> String {
    let variable = SCHEMA.variable(key);
    with(&[("AGENT_DEVICE__NAME", "pi"), (&variable, value)]).expect_err(&format!("{key} = {value} must be refused"))
}

#[test]
fn the_defaults_are_what_the_documentation_promises() {
    let config = with(&[("AGENT_DEVICE__NAME", "pi-01")]).unwrap();
    assert_eq!(config.timing.normal_period_ns, 20_000_000);
    assert_eq!(config.workload, WorkloadConfig::Spin { normal: Ratio::of(7, 10), degraded: Ratio::of(3, 10) });
    assert_eq!((config.policy, config.autonomy), (PolicyConfig::default(), Autonomy::Policy));
    assert_eq!((config.report_interval_ms, config.window.miss_window), (200, 250));
    assert_eq!(config.broker.client_id, "pi-01");
}

#[test]
fn the_written_template_is_a_valid_configuration() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("agent.toml");
    std::fs::write(&file, SCHEMA.template_with(&[("device.name", "\"pi-7\"")]).unwrap()).unwrap();
    let loaded = SCHEMA.load(Some(&file), []).unwrap();
    assert_eq!(Config::from_loaded(&loaded).unwrap().device.as_str(), "pi-7");
}

#[test]
fn every_refusal_names_the_key_the_value_and_what_is_allowed() {
    for (key, value, allowed) in [
        ("device.name", "a/b", "1 to 32"),
        ("task.period_ms", "0", "0.1 to 60000"),
        ("task.period_ms", "nan", "0.1 to 60000"),
        ("task.period_ms", "fast", "0.1 to 60000"),
        ("task.deadline_ms", "0.01", "0.05 to 60000"),
        ("task.overrun", "panic", "skip-next"),
        ("task.workload", "sleep", "gpio-follow"),
        ("spin.normal_ratio", "1.5", "0 to 1"),
        ("degraded.period_multiplier", "0", "1 to 100"),
        ("realtime.priority", "99", "1 to 98"),
        ("realtime.scheduler", "rr", "deadline"),
        ("gpio.backend", "gpiod", "chardev"),
        ("gpio.normal_line", "28", "0 to 27"),
        ("gpio.normal_line", "FAN", "gpio.backend = \"chardev\""),
        ("gpio.heartbeat_line", "17", "already gpio.normal_line"),
        ("gpio.output_line", "99999", "0 to 65535"),
        ("gpio.override_line", "GPIO27", "already gpio.degraded_line"),
        ("gpio.override_debounce_ms", "1001", "0 to 1000"),
        ("gpio.chip", "/dev/gpiochip0", "gpio.backend = \"chardev\""),
        ("gpio.active", "on", "high"),
        ("mqtt.url", "http://x", "mqtt://"),
        ("mqtt.keep_alive_s", "0", "1 to 600"),
        ("topics.root", "a/#", "without + #"),
        ("topics.dialects", "[\"morse\"]", "lab"),
        ("topics.dialects", "[]", "at least one"),
        ("report.interval_ms", "1", "20 to 3600000"),
        ("policy.recover_below", "0.2", "not above degrade_above"),
        ("policy.recover_after", "0", "1 to 65535"),
        ("spool.max_reports", "1", "2 to 4096"),
        ("log.filter", "loud", "level"),
    ] {
        let error = refused(key, value);
        assert!(error.contains(key) && error.contains(allowed), "{key} = {value}: {error}");
        assert!(error.contains(&SCHEMA.variable(key)), "{error}");
    }
}

#[test]
fn a_password_without_a_name_is_refused_and_never_shown() {
    let error = refused("mqtt.password", "hush-hush");
    assert!(error.contains("mqtt.username") && !error.contains("hush-hush"), "{error}");
}

#[test]
fn gpio_follow_needs_its_lines() {
    let error = refused("task.workload", "gpio-follow");
    assert!(error.contains("gpio.input_line"), "{error}");
}

fn gpio(env: &[(&str, &str)]) -> Result<GpioConfig, String> {
    let variables: Vec<_> = env.iter().map(|(key, value)| (SCHEMA.variable(key), *value)).collect();
    let mut env = vec![("AGENT_DEVICE__NAME", "pi")];
    env.extend(variables.iter().map(|(variable, value)| (variable.as_str(), *value)));
    with(&env).map(|config| config.gpio)
}

#[test]
fn lines_are_numbers_or_names_or_none() {
    let config = gpio(&[("gpio.normal_line", "5"), ("gpio.degraded_line", ""), ("gpio.input_line", "6")]).unwrap();
    let wired = |line: &Option<LineId>| line.as_ref().map(LineId::to_string);
    assert_eq!(wired(&config.wiring.normal).as_deref(), Some("5"));
    assert_eq!(wired(&config.wiring.heartbeat).as_deref(), Some("\"GPIO22\""));
    assert_eq!((wired(&config.wiring.degraded), wired(&config.wiring.input).as_deref()), (None, Some("6")));

    let text = "[device]\nname = \"pi\"\n[gpio]\nbackend = \"auto\"\nnormal_line = 17\ndegraded_line = \"FAN\"\n";
    let wiring = |text: &str| {
        let loaded = SCHEMA.load_text(Path::new("agent.toml"), text).unwrap();
        Config::from_loaded(&loaded).map(|config| config.gpio.wiring).map_err(|error| error.to_string())
    };
    assert_eq!(wired(&wiring(text).unwrap().normal).as_deref(), Some("17"));
    for (from, to) in [("17", "true"), ("17", "-1"), ("17", "1.5"), ("\"FAN\"", "[27]")] {
        let error = wiring(&text.replace(from, to)).unwrap_err();
        assert!(error.contains("agent.toml:") && error.contains("_line") && error.contains("\"GPIO0\""), "{error}");
    }
}

#[test]
fn a_chip_may_have_any_lines_but_each_once() {
    let chardev = ("gpio.backend", "chardev");
    let config = gpio(&[chardev, ("gpio.normal_line", "300"), ("gpio.degraded_line", "FAN")]).unwrap();
    assert_eq!(config.wiring.normal, Some(LineId::Number(300)));
    for twice in [("gpio.degraded_line", "17"), ("gpio.input_line", "GPIO17"), ("gpio.override_line", "17")] {
        let error = gpio(&[chardev, twice]).unwrap_err();
        assert!(error.contains(twice.0) && error.contains("already gpio.normal_line"), "{error}");
    }
}

#[test]
fn simulated_inputs_may_be_wired_to_an_output_but_not_the_button() {
    assert!(gpio(&[("gpio.input_line", "17")]).is_ok());
    assert!(gpio(&[("gpio.backend", "rppal"), ("gpio.input_line", "17")]).unwrap_err().contains("already"));
    let button = gpio(&[("gpio.override_line", "5"), ("gpio.override_active", "high")]).unwrap().button.unwrap();
    assert_eq!((button.pressed, button.stable_ns), (Level::High, 30_000_000));
}

#[test]
fn edgex_is_refused_what_it_cannot_live_with() {
    let edgex = |keys: &[(&str, &str)]| {
        let all = [("device.name", "pi"), ("topics.dialects", r#"["edgex"]"#)].iter().chain(keys);
        // Of two values of a key the later one counts.
        let env: std::collections::BTreeMap<_, _> = all.map(|(key, value)| (SCHEMA.variable(key), *value)).collect();
        let env: Vec<_> = env.iter().map(|(name, value)| (name.as_str(), *value)).collect();
        with(&env)
    };
    let config = edgex(&[]).unwrap();
    assert_eq!((config.edgex.report_ms, config.edgex.lease_ms), (1_000, None));
    let config = edgex(&[("edgex.lease_ms", "5000"), ("edgex.report_ms", "200")]).unwrap();
    assert_eq!((config.edgex.report_ms, config.edgex.lease_ms), (200, Some(5_000)));
    let key = [("security.key_file", "/run/key"), ("security.require_signed_commands", "true")];
    for (keys, refused, why) in [
        (&[("edgex.report_ms", "99")][..], "edgex.report_ms", "100 to 60000"),
        (&[("edgex.report_ms", "60001")], "edgex.report_ms", "100 to 60000"),
        (&[("report.interval_ms", "2000")], "edgex.report_ms", "below report.interval_ms"),
        (&[("edgex.lease_ms", "99")], "edgex.lease_ms", "100 to 86400000"),
        (&[("device.name", "pi.7")], "device.name", "for EdgeX allowed are"),
        (&[("device.name", "response")], "device.name", "for EdgeX allowed are"),
        (&[("topics.root", "command")], "topics.root", "another one is needed"),
        (&key, "security.require_signed_commands", "cannot sign"),
    ] {
        let error = edgex(keys).unwrap_err();
        assert!(error.contains(refused) && error.contains(why), "{keys:?}: {error}");
    }
    assert!(edgex(&key[..1]).is_ok(), "what else is signed does not matter to EdgeX");
    let native = |key, value| with(&[("AGENT_DEVICE__NAME", "pi.7"), (&SCHEMA.variable(key), value)]);
    assert!(native("topics.root", "command").is_ok() && native("report.interval_ms", "2000").is_ok());
}
