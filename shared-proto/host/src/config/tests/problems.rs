use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use super::*;

#[test]
fn all_unknown_names_are_reported_at_once_with_the_nearest() {
    let file =
        "[zebra]\nx = 1\n[mqtt]\nulr = 'x'\n\"mqtt.url\" = 1\nzzz = 1\n[tsak]\ncpu = 1\n[task]\nclient_id = 'x'\n";
    let env = [
        ("AGENT_MQTT_URL", "x"),
        ("AGENT_MQTT__ULR", "x"),
        ("AGENT_MQTT", "x"),
        ("AGENT_", "x"),
        ("AGENT_ZEBRA", "a build server's own"),
        ("AGENT_MQTT__TLS__ZZZ", "x"),
    ];
    let sections = "device, [mqtt], [task], [mqtt.tls], [gpio]";
    let expected = [
        format!("agent.toml:1: unknown section zebra; allowed: {sections}"),
        "agent.toml:4: unknown key mqtt.ulr; did you mean mqtt.url?".into(),
        "agent.toml:5: unknown key mqtt.\"mqtt.url\"; allowed: mqtt.url, mqtt.client_id, mqtt.password".into(),
        "agent.toml:6: unknown key mqtt.zzz; allowed: mqtt.url, mqtt.client_id, mqtt.password".into(),
        "agent.toml:7: unknown section tsak; did you mean task?".into(),
        "agent.toml:10: unknown key task.client_id; did you mean mqtt.client_id?".into(),
        "environment variable AGENT_MQTT_URL: unknown key mqtt_url; did you mean AGENT_MQTT__URL?".into(),
        "environment variable AGENT_MQTT__TLS__ZZZ: unknown key mqtt.tls.zzz; allowed: AGENT_MQTT__TLS__CA".into(),
        "environment variable AGENT_MQTT__ULR: unknown key mqtt.ulr; did you mean AGENT_MQTT__URL?".into(),
    ];
    assert_eq!(error(file, &env).lines().collect::<Vec<_>>(), expected);
}

#[test]
fn a_value_of_the_wrong_type_names_everything() {
    assert_eq!(
        error("\n[task]\nperiod_ms = \"fast\"\n", &[]),
        "agent.toml:3: task.period_ms = \"fast\": invalid type: string \"fast\", expected a number; allowed: 0.1 to 60000"
    );
    assert_eq!(
        error("", &[("AGENT_TASK__PERIOD_MS", "fast")]),
        "environment variable AGENT_TASK__PERIOD_MS: task.period_ms = \"fast\": expected a number; allowed: 0.1 to 60000"
    );
    assert_eq!(
        error("", &[("AGENT_GPIO__LINES", "1")]),
        "environment variable AGENT_GPIO__LINES: gpio.lines = \"1\": expected a TOML array, such as [\"a\", \"b\"]; \
         allowed: up to 8 tables"
    );
    assert_eq!(
        error("[[gpio.lines]]\npin = 1\n[[gpio.lines]]\npin = 999\n", &[]),
        "agent.toml:1: gpio.lines[1].pin = 999: invalid value: integer `999`; allowed: up to 8 tables"
    );
    assert_eq!(
        error("[task]\ncpu = 99999999999999999999999999999999999999999\n", &[]),
        "agent.toml:2: task.cpu: integer number overflowed; allowed: 0 to 1023"
    );
}

#[test]
fn tables_and_values_are_not_mistaken_for_each_other() {
    assert_eq!(
        error("[mqtt.url]\nhost = 'x'\npassword = 'hunter2'\n", &[]),
        "agent.toml:1: mqtt.url = { host = \"x\", password = \"***\" }: expected a value, not a table; allowed: a URL"
    );
    assert_eq!(
        error("task = 5\n[gpio]\nlabels = 1\n", &[]),
        "agent.toml:1: task = 5: expected a table: task is a section, not a key; \
         allowed: task.period_ms, task.cpu, task.enabled\n\
         agent.toml:3: gpio.labels = 1: expected a table; allowed: a table"
    );
    let config = parsed("[gpio.labels]\na = 'x'\n", &[]);
    assert_eq!(config.gpio.labels["a"], "x");
}

#[test]
fn a_key_set_by_two_variables_is_refused() {
    assert_eq!(
        error("", &[("AGENT_DEVICE", "a"), ("agent_device", "b")]),
        "environment variable agent_device: device = \"b\": the variable AGENT_DEVICE sets the same key; \
         allowed: 1 to 40 letters"
    );
}

#[test]
fn a_variable_that_is_not_utf8_is_refused() {
    let env = [(OsString::from("AGENT_DEVICE"), OsStr::from_bytes(b"a\xff").to_owned())];
    let error = SCHEMA.load(None, env).unwrap_err().to_string();
    assert!(error.contains("device = \"a\u{fffd}\": the text is not UTF-8; allowed: 1 to 40 letters"), "{error}");
    let env = [(OsStr::from_bytes(b"AGENT_DEVICE\xff").to_owned(), OsString::from("a"))];
    let error = SCHEMA.load(None, env).unwrap_err().to_string();
    assert!(error.contains("did you mean AGENT_DEVICE?"), "{error}");
}

#[test]
fn unreadable_files_are_named() {
    let missing = Path::new("/nonexistent/agent.toml");
    let error = SCHEMA.load(Some(missing), []).unwrap_err().to_string();
    assert!(error.starts_with("/nonexistent/agent.toml: cannot read the configuration file: No such file"), "{error}");
    let error = SCHEMA.load(Some(&std::env::temp_dir()), []).unwrap_err().to_string();
    assert!(error.contains("cannot read the configuration file"), "{error}");
}

#[test]
fn the_size_of_the_file_is_limited() {
    let largest = "#".repeat(1 << 20);
    assert!(load(&largest, &[]).1.is_ok());
    let expected = "agent.toml: the configuration file is too large; allowed: up to 1048576 bytes";
    assert_eq!(error(&format!("{largest}#"), &[]), expected);
}

#[test]
fn text_that_is_not_toml_is_placed() {
    let text = error("[mqtt]\nurl = 'ä' 'b'\n", &[]);
    assert!(text.starts_with("agent.toml:2:11: not valid TOML: ") && text.lines().count() == 1, "{text}");
    let text = error("[mqtt]\nurl = 'a'\nurl = 'b'\n", &[]);
    assert!(text.starts_with("agent.toml:3:1: not valid TOML: duplicate key"), "{text}");
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("agent.toml");
    std::fs::write(&path, b"[mqtt]\nurl = '\xff'").unwrap();
    let error = SCHEMA.load(Some(&path), []).unwrap_err().to_string();
    assert!(error.ends_with("agent.toml:2:8: not valid TOML: the text is not UTF-8"), "{error}");
}

#[test]
fn messages_stay_on_one_line_and_short() {
    let long = format!("[task]\nperiod_ms = \"\\u001b[31m\\n{}\"\n", "x".repeat(5000));
    let text = error(&long, &[]);
    assert!(text.len() < 700 && !text.contains(['\n', '\u{1b}']), "{text}");
    let text = error("[mqtt]\n\"a\\nb\\u001b\" = 1\n", &[]);
    assert!(!text.contains(['\n', '\u{1b}']), "{text}");
}

#[test]
fn a_wrong_table_of_keys_is_an_error_and_not_a_panic() {
    const KEY: Key = Key { path: "a", default: "1", allowed: "", doc: "" };
    const WRONG: Schema = Schema {
        program: "p",
        env_prefix: "P",
        sections: &[],
        keys: &[
            KEY,
            Key { path: "a.b", ..KEY },
            Key { path: "c", default: "x y", ..KEY },
            Key { path: "d", ..KEY },
            Key { path: "d", ..KEY },
        ],
    };
    let error = WRONG.load(None, []).unwrap_err();
    let text = error.to_string();
    assert_eq!(error.problems().len(), 4, "{text}");
    for part in ["at a: the key is also a section", "at c: the default is not a TOML", "at d: the key is listed twice"]
    {
        assert!(text.contains(part), "{text}");
    }
}
