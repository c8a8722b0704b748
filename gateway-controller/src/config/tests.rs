use shared_proto::policy::PolicyConfig;

use super::*;
use crate::fleet::Rule;
use crate::metrics::Reports;

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
fn source_and_sink_go_together_or_are_refused() {
    let ways = |source: &str, sink: &str| {
        let mut variables = vec![("GATEWAY_GATEWAY__SOURCE", source)];
        if !sink.is_empty() {
            variables.push(("GATEWAY_GATEWAY__SINK", sink));
        }
        load(&variables).map(|config| (config.source, config.sink))
    };
    assert_eq!(ways("mqtt", ""), Ok((Source::Mqtt, SinkKind::Mqtt)));
    assert_eq!(ways("mqtt", "edgex-command"), Ok((Source::Mqtt, SinkKind::EdgexCommand)));
    assert_eq!(ways("edgex-rest", ""), Ok((Source::EdgexRest, SinkKind::EdgexCommand)));
    assert_eq!(ways("edgex-bus", "edgex-command"), Ok((Source::EdgexBus, SinkKind::EdgexCommand)));
    for source in ["edgex-rest", "edgex-bus"] {
        let error = ways(source, "mqtt").unwrap_err();
        assert!(error.contains("gateway.sink") && error.contains("listens to EdgeX"), "{error}");
    }
    assert!(ways("edgex", "").unwrap_err().contains("edgex-rest"));
    let error = load(&[("GATEWAY_TOPICS__DIALECTS", "[\"edgex\"]")]).unwrap_err();
    assert!(error.contains("gateway.source"), "{error}");
}

#[test]
fn edgexs_numbers_names_and_addresses_are_checked() {
    for (key, value) in [
        ("CORE_DATA_URL", "localhost:59880"),
        ("CORE_COMMAND_URL", "http://user:secret@x"),
        ("DEVICES", "[\"pi.1\"]"),
        ("DEVICES", "[\"pi-1\", \"pi-1\"]"),
        ("POLL_MS", "99"),
        ("MAX_AGE_MS", "0"),
        ("TIMEOUT_MS", "60001"),
        ("PARALLEL", "9"),
        ("COMMAND", "../x"),
        ("COMMAND", ".."),
        ("MODE_RESOURCE", ""),
        ("MODE_DEGRADED", "NORMAL"),
        ("BUS_TOPIC", "edgex/#"),
    ] {
        let variable = format!("GATEWAY_EDGEX__{key}");
        let error = load(&[(&variable, value)]).unwrap_err();
        let path = format!("edgex.{}", key.to_lowercase());
        assert!(
            error.contains(&variable) && error.contains(&path) && error.contains("allowed"),
            "{key}={value}: {error}"
        );
        assert!(!error.contains("secret"), "{error}");
    }
}

#[test]
fn a_token_is_sent_to_nobody_who_could_listen() {
    let token = ("GATEWAY_EDGEX__TOKEN_FILE", "/run/token");
    load(&[token]).unwrap();
    let error = load(&[token, ("GATEWAY_EDGEX__CORE_COMMAND_URL", "http://10.0.0.1:59882")]).unwrap_err();
    assert!(error.contains("edgex.core_command_url") && error.contains("https://"), "{error}");
    load(&[token, ("GATEWAY_EDGEX__CORE_COMMAND_URL", "https://10.0.0.1:8443/core-command")]).unwrap();
    assert!(load(&[("GATEWAY_EDGEX__CA_FILE", "/ca.pem")]).unwrap_err().contains("https://"));
}

/// Key, value and source, as `check-config` shows them.
fn shown(file: Option<&Path>, variables: &[(&str, &str)], key: &str) -> (String, String) {
    let env = variables.iter().map(|(name, value)| (OsString::from(name), OsString::from(value)));
    let loaded = super::load(file, env).unwrap();
    let found = loaded.effective().into_iter().find(|value| value.path == key).unwrap();
    (found.value, found.source.to_string())
}

#[test]
fn the_classrooms_variables_do_what_they_did_there() {
    let variables = [
        ("EDGEX_COREDATA", "http://10.0.0.1:59880/api/v2"),
        ("EDGEX_CORECMD", "http://10.0.0.1:59882/api/v2"),
        ("DEVICE_NAME", "device1"),
        ("COMMAND_NAME", "SetMode"),
        ("MISS_RATE_THRESHOLD", "0.08"),
        ("POLL_PERIOD_S", "0.5"),
        ("MAX_AGE_MS", "4000"),
        ("HTTP_TIMEOUT_S", "2"),
        ("MODE_OK", "NORMAL"),
        ("MODE_HIGH", "HIGH"),
    ];
    let config = load(&variables).unwrap();
    assert_eq!((config.source, config.sink), (Source::EdgexRest, SinkKind::EdgexCommand));
    let edgex = &config.edgex;
    assert_eq!(edgex.core_data.to_string(), "http://10.0.0.1:59880");
    assert_eq!(edgex.core_data.other_version(), Some("/api/v2"));
    assert_eq!((edgex.devices.len(), edgex.command.as_str()), (1, "SetMode"));
    assert_eq!((edgex.names.mode.as_str(), edgex.names.degraded.as_str()), ("Mode", "HIGH"));
    assert_eq!([edgex.poll, edgex.max_age, edgex.timeout].map(|time| time.as_millis()), [500, 4_000, 2_000]);
    let Rule::Decide(policy) = config.fleet.rule else { panic!("{:?}", config.fleet.rule) };
    assert_eq!((policy.degrade_above.get(), policy.recover_below.get()), (0.08, 0.01));
    assert_eq!(
        shown(None, &variables, "edgex.poll_ms"),
        ("500".to_owned(), "environment variable POLL_PERIOD_S".to_owned())
    );

    let low = load(&[variables[0], ("MISS_RATE_THRESHOLD", "0.005")]).unwrap().fleet.rule;
    let Rule::Decide(policy) = low else { panic!("{low:?}") };
    assert_eq!(policy.recover_below.get(), 0.005);
}

#[test]
fn the_classrooms_variables_count_only_with_an_address_and_below_the_configuration() {
    assert_eq!(load(&[("DEVICE_NAME", "x y"), ("MAX_AGE_MS", "nonsense")]).unwrap().source, Source::Mqtt);
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("gateway.toml");
    std::fs::write(&file, "[gateway]\nsource = \"mqtt\"\n[edgex]\npoll_ms = 250\n").unwrap();
    let variables = [
        ("EDGEX_CORECMD", "http://localhost:59882"),
        ("POLL_PERIOD_S", "3"),
        ("MODE_OK", "FINE"),
        ("GATEWAY_EDGEX__MODE_NORMAL", "WELL"),
    ];
    assert_eq!(shown(Some(&file), &variables, "gateway.source").0, "\"mqtt\"");
    assert_eq!(shown(Some(&file), &variables, "edgex.poll_ms").0, "250");
    assert_eq!(shown(Some(&file), &variables, "edgex.mode_normal").0, "\"WELL\"");
    assert_eq!(
        shown(Some(&file), &variables, "gateway.sink"),
        ("\"edgex-command\"".to_owned(), "environment variable EDGEX_CORECMD".to_owned())
    );
    for (name, value) in
        [("POLL_PERIOD_S", "soon"), ("MAX_AGE_MS", "old"), ("DEVICE_NAME", "a b"), ("MISS_RATE_THRESHOLD", "5 %")]
    {
        let error = load(&[variables[0], (name, value)]).unwrap_err();
        assert!(error.contains(name) && error.contains("allowed"), "{name}: {error}");
    }
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
    let without_broker = [("GATEWAY_KUBEEDGE__TWINS", "mqtt"), ("GATEWAY_GATEWAY__SOURCE", "edgex-rest")];
    let error = load(&without_broker).unwrap_err();
    assert!(error.contains("kubeedge.twins") && error.contains("broker"), "{error}");
}

#[test]
fn metrics_are_there_with_the_web_server() {
    assert_eq!(load(&[]).unwrap().web, None);
    let web = |more: &[(&str, &str)]| {
        load(&[&[("GATEWAY_WEB__LISTEN", "[::1]:0")], more].concat()).map(|config| config.web.unwrap())
    };
    let metrics = web(&[("GATEWAY_LIMITS__MAX_DEVICES", "7")]).unwrap().metrics.unwrap();
    assert_eq!((metrics.devices, metrics.followed, metrics.info.len()), (1000, 7, 5));
    assert_eq!(metrics.reports, Reports::All);
    let group = [("GATEWAY_GROUP__NAME", "fleet"), ("GATEWAY_MQTT__CLIENT_ID", "gateway-2")];
    assert_eq!(web(&group).unwrap().metrics.unwrap().reports, Reports::Shared);
    assert_eq!(web(&[("GATEWAY_METRICS__ENABLED", "false")]).unwrap().metrics, None);
    assert_eq!(web(&[("GATEWAY_METRICS__INFO", "[]")]).unwrap().metrics.unwrap().info, []);
    for (key, value) in
        [("METRICS__DEVICES", "100001"), ("METRICS__HISTOGRAMS", "none"), ("METRICS__INFO", "[\"serial\"]")]
    {
        let problem = web(&[(&format!("GATEWAY_{key}"), value)]).unwrap_err();
        assert!(problem.contains(&key.to_lowercase().replace("__", ".")), "{problem}");
    }
}

#[test]
fn a_group_needs_a_name_of_its_own_and_reports_that_tell_enough() {
    assert_eq!(load(&[]).unwrap().group, None);
    let own = ("GATEWAY_MQTT__CLIENT_ID", "gateway-2");
    let group = |name| ("GATEWAY_GROUP__NAME", name);
    assert_eq!(load(&[own, group("fleet")]).unwrap().group, "fleet".parse().ok());
    for (others, words) in [
        (vec![group("fleet")], "mqtt.client_id"),
        (vec![own, group("a/b")], "allowed"),
        (vec![own, group("+")], "allowed"),
        (vec![own, group("fleet"), ("GATEWAY_TOPICS__DIALECTS", r#"["native", "lab"]"#)], "topics.dialects"),
        (vec![own, group("fleet"), ("GATEWAY_GATEWAY__SINK", "edgex-command")], "gateway.sink"),
    ] {
        let error = load(&others).unwrap_err();
        assert!(error.contains("group.name") && error.contains(words), "{error}");
    }
}
