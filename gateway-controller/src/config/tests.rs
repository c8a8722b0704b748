use shared_proto::policy::PolicyConfig;

use super::*;
use crate::fleet::Rule;

fn load(variables: &[(&str, &str)]) -> Result<Config, String> {
    let env = variables.iter().map(|(name, value)| (OsString::from(name), OsString::from(value)));
    Config::load(None, env).map_err(|error| error.to_string())
}

#[test]
fn the_defaults_are_those_of_the_policy_and_of_the_written_file() {
    let config = load(&[]).unwrap();
    assert_eq!(config.fleet.rule, Rule::Decide(PolicyConfig::default()));
    assert_eq!(config.dialects, Dialects::Native);
    assert_eq!(config.root.as_str(), "edge");

    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("gateway.toml");
    std::fs::write(&file, SCHEMA.template()).unwrap();
    assert_eq!(format!("{:?}", Config::load(Some(&file), []).unwrap()), format!("{config:?}"));
}

#[test]
fn the_cpu_rule_counts_only_if_it_is_on() {
    let rule =
        load(&[("GATEWAY_POLICY__CPU_RULE", "true"), ("GATEWAY_POLICY__CPU_DEGRADE_ABOVE", "0.9")]).unwrap().fleet.rule;
    let Rule::Decide(policy) = rule else { panic!("{rule:?}") };
    assert_eq!(policy.cpu.unwrap().degrade_above.get(), 0.9);
    assert_eq!(load(&[("GATEWAY_POLICY__ENABLED", "false")]).unwrap().fleet.rule, Rule::Observe);
}

#[test]
fn every_number_out_of_range_is_named_with_what_is_allowed() {
    for (key, value) in [
        ("MQTT__URL", "http://x"),
        ("MQTT__CLIENT_ID", ""),
        ("MQTT__CLIENT_ID", "two words"),
        ("MQTT__KEEP_ALIVE_S", "0"),
        ("MQTT__KEEP_ALIVE_S", "601"),
        ("MQTT__PASSWORD", "secret"),
        ("MQTT__USERNAME", ""),
        ("TOPICS__ROOT", "a/+/b"),
        ("TOPICS__DIALECTS", "[]"),
        ("TOPICS__DIALECTS", "[\"morse\"]"),
        ("POLICY__DEGRADE_ABOVE", "1.5"),
        ("POLICY__DEGRADE_AFTER", "0"),
        ("POLICY__DEGRADE_AFTER", "65536"),
        ("POLICY__RECOVER_AFTER", "0"),
        ("POLICY__RECOVER_BELOW", "0.5"),
        ("POLICY__RECOVER_BELOW", "0.0"),
        ("POLICY__DWELL_MS", "3600001"),
        ("POLICY__BACKOFF_LIMIT", "17"),
        ("COMMAND__LEASE_MS", "1999"),
        ("COMMAND__LEASE_MS", "86400001"),
        ("COMMAND__RETRY_MS", "9"),
        ("COMMAND__RETRY_MS", "5001"),
        ("LIMITS__MAX_DEVICES", "0"),
        ("LIMITS__MAX_DEVICES", "1000001"),
        ("KUBEEDGE__TWINS", "both"),
        ("KUBEEDGE__LISTEN", "/run/rtmqtt.sock"),
        ("KUBEEDGE__LISTEN", "@"),
        ("KUBEEDGE__PROTOCOL", "rt mqtt"),
        ("KUBEEDGE__DMI_SOCKET", "dmi.sock"),
        ("KUBEEDGE__REPORT_INTERVAL_S", "9"),
        ("KUBEEDGE__NAMESPACE", "a/b"),
        ("KUBEEDGE__PROPERTIES", "[\"colour\"]"),
        ("KUBEEDGE__PROPERTIES", "[]"),
        ("LOG__FORMAT", "xml"),
        ("LOG__FILTER", "loud"),
    ] {
        let variable = format!("GATEWAY_{key}");
        let error = load(&[(&variable, value)]).unwrap_err();
        let path = key.to_lowercase().replace("__", ".");
        assert!(
            error.contains(&variable) && error.contains(&path) && error.contains("allowed"),
            "{key}={value}: {error}"
        );
        assert!(!error.contains("secret"), "{error}");
    }
    let long = "x".repeat(200);
    assert!(load(&[("GATEWAY_CONTROL__SOCKET", &long)]).unwrap_err().contains("control.socket"));
}

#[test]
fn unknown_keys_are_named_with_the_nearest() {
    assert!(load(&[("GATEWAY_MQTT__ULR", "x")]).unwrap_err().contains("MQTT__URL"));
}

#[test]
fn the_cpu_thresholds_are_checked_against_each_other() {
    let error =
        load(&[("GATEWAY_POLICY__CPU_RULE", "true"), ("GATEWAY_POLICY__CPU_RECOVER_BELOW", "0.8")]).unwrap_err();
    assert!(error.contains("policy.cpu_recover_below"), "{error}");
}

#[test]
fn an_embedded_controller_opens_no_socket() {
    let config = Config::embedded("mqtt://localhost:1".parse().unwrap()).unwrap();
    assert_eq!((config.control, config.mqtt.url.port()), (Control::Off, 1));
}

#[test]
fn kubeedge_is_off_unless_it_is_asked_for() {
    use crate::kubeedge::Twins;
    assert_eq!(load(&[]).unwrap().kubeedge, Twins::Off);
    let Twins::Mqtt(mqtt) =
        load(&[("GATEWAY_KUBEEDGE__TWINS", "mqtt"), ("GATEWAY_KUBEEDGE__NAMESPACE", "")]).unwrap().kubeedge
    else {
        panic!("not mqtt")
    };
    assert_eq!((mqtt.namespace, mqtt.properties.len(), mqtt.interval.as_secs()), (None, 3, 30));
    let mapper = load(&[("GATEWAY_KUBEEDGE__TWINS", "mapper")]);
    if cfg!(feature = "kubeedge") {
        let Twins::Mapper(mapper) = mapper.unwrap().kubeedge else { panic!("no mapper") };
        assert_eq!((mapper.listen.to_string().as_str(), mapper.protocol.as_str()), ("@rtmqtt", "rtmqtt"));
    } else {
        assert!(mapper.unwrap_err().contains("feature"));
    }
}
