use serde::Deserialize;

use super::*;

#[test]
fn the_environment_overrides_the_file_and_the_file_the_defaults() {
    let file = "[mqtt]\nurl = 'mqtt://file'\nclient_id = 'file'\n[task]\nperiod_ms = 5\n";
    let env =
        [("Agent_mqtt__URL", "\"quoted\""), ("AGENT_TASK__ENABLED", " false "), ("PATH", "/bin"), ("AGENTS", "1")];
    let (directory, loaded) = load(file, &env);
    let loaded = loaded.unwrap();
    let config: Config = loaded.parse().unwrap();
    assert_eq!(config.mqtt.url, "\"quoted\"", "texts are taken as they are");
    assert_eq!((config.mqtt.client_id.as_str(), config.task.period_ms, config.task.enabled), ("file", 5.0, false));
    let sources: Vec<_> = loaded
        .effective()
        .into_iter()
        .map(|effective| (effective.path, effective.source.to_string().replace(&directory, "")))
        .collect();
    let expected = [
        ("mqtt.url", "environment variable Agent_mqtt__URL"),
        ("mqtt.client_id", "agent.toml:3"),
        ("task.period_ms", "agent.toml:5"),
        ("task.enabled", "environment variable AGENT_TASK__ENABLED"),
        ("gpio.lines", "default"),
        ("gpio.labels", "default"),
    ];
    assert_eq!(sources, expected.map(|(path, source)| (path, source.to_owned())));
}

#[test]
fn a_variable_of_an_optional_key_is_read_as_its_reader_wants() {
    let env = [("AGENT_TASK__CPU", "3"), ("AGENT_DEVICE", "42"), ("AGENT_MQTT__PASSWORD", "true")];
    let config = parsed("", &env);
    assert_eq!(config.task.cpu, Some(3));
    assert_eq!(config.device.as_deref(), Some("42"));
    assert_eq!(config.mqtt.password.as_deref(), Some("true"));

    let is_wrong = |text, problem| {
        let expected = format!("environment variable AGENT_TASK__CPU: task.cpu = {problem}; allowed: 0 to 1023");
        assert_eq!(error("", &[("AGENT_TASK__CPU", text)]), expected);
    };
    is_wrong("70000", "70000: invalid value: integer `70000`");
    is_wrong("two", "\"two\": invalid type: string \"two\", expected a whole number, not negative");
}

#[test]
fn the_reason_of_a_reader_that_wants_a_text_is_kept() {
    #[derive(Debug, Deserialize)]
    struct Named {
        #[serde(rename = "device")]
        _device: Name,
    }
    #[derive(Debug, Deserialize)]
    #[serde(try_from = "String")]
    struct Name;
    impl TryFrom<String> for Name {
        type Error = String;
        fn try_from(name: String) -> Result<Self, String> {
            Err(format!("{name} is taken"))
        }
    }
    let loaded = SCHEMA.load(None, variables(&[("AGENT_DEVICE", "42")])).unwrap();
    let error = loaded.parse::<Named>().unwrap_err().to_string();
    assert_eq!(error, "environment variable AGENT_DEVICE: device = 42: 42 is taken; allowed: 1 to 40 letters");
}

#[test]
fn passwords_are_never_shown() {
    let file = "[mqtt]\npassword = 'hunter2'\n[[gpio.lines]]\npin = 1\npassword = 'hunter2'\n";
    let loaded = load(file, &[]).1.unwrap();
    let refused = loaded.refuse("mqtt.password", "too short").to_string();
    assert!(refused.ends_with("agent.toml:2: mqtt.password = \"***\": too short; allowed: any text"), "{refused}");
    let of_line = loaded.refuse("gpio.lines[0].pin", "not an output").to_string();
    assert!(of_line.contains(": gpio.lines[0].pin = [{ password = \"***\", pin = 1 }]: not an output"), "{of_line}");
    let texts = [format!("{loaded:?}"), format!("{:?}", loaded.effective()), refused, of_line];
    for wrong in
        ["[mqtt]\npassword = 77777\n", "[[gpio.lines]]\npin = 1\npassword = 77777\n", "mqtt.password = 77777 x\n"]
    {
        let text = error(wrong, &[]);
        assert!(!text.contains("77777"), "{text}");
    }
    assert!(texts.iter().all(|text| !text.contains("hunter2") && text.contains("***")), "{texts:?}");
    assert_eq!(loaded.parse::<Config>().unwrap().mqtt.password.as_deref(), Some("hunter2"));
}

#[test]
fn the_callers_own_refusals_carry_source_and_range() {
    let loaded = load("[task]\nperiod_ms = -1\n", &[]).1.unwrap();
    let error = loaded.refuse("task.period_ms", "must be positive").to_string();
    assert!(error.ends_with("agent.toml:2: task.period_ms = -1: must be positive; allowed: 0.1 to 60000"), "{error}");
    let error = loaded.refuse("mqtt.url", "no host").to_string();
    assert_eq!(error, "default: mqtt.url = \"mqtt://localhost:1883\": no host; allowed: a URL");
    let error = SCHEMA.load(None, []).unwrap().refuse("mqtt.password", "a user name needs one").to_string();
    assert_eq!(
        error,
        "mqtt.password is not set: a user name needs one; allowed: any text; \
         set it in the configuration or by AGENT_MQTT__PASSWORD"
    );
    let error = SCHEMA.load(None, []).unwrap().refuse("task", "too much at once").to_string();
    assert_eq!(error, "the configuration: [task]: too much at once");
}

#[test]
fn a_required_key_without_a_value_is_named() {
    #[derive(Debug, Deserialize)]
    struct Strict {
        #[serde(rename = "device")]
        _device: String,
    }
    let (directory, loaded) = load("", &[]);
    let error = loaded.unwrap().parse::<Strict>().unwrap_err().to_string().replace(&directory, "");
    assert_eq!(
        error,
        "device is not set: it is required; allowed: 1 to 40 letters; set it in agent.toml or by AGENT_DEVICE"
    );
}
