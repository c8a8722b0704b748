mod documents;
mod problems;
mod properties;
mod values;

use std::ffi::OsString;

use serde::Deserialize;

use super::*;

const SCHEMA: Schema = Schema {
    program: "device-agent",
    env_prefix: "AGENT",
    sections: &[
        Section { path: "mqtt", doc: "The broker." },
        Section { path: "task", doc: "The periodic task.\nSee `<task>` and <name>." },
        Section { path: "mqtt.tls", doc: "" },
    ],
    keys: &[
        Key { path: "device", default: "", allowed: "1 to 40 letters", doc: "Name of the device." },
        Key { path: "mqtt.url", default: "\"mqtt://localhost:1883\"", allowed: "a URL", doc: "The broker's address." },
        Key { path: "mqtt.client_id", default: "\"\"", allowed: "any text", doc: "Client identifier." },
        Key { path: "mqtt.password", default: "", allowed: "any text", doc: "Password." },
        Key { path: "mqtt.tls.ca", default: "", allowed: "a path", doc: "Authority." },
        Key { path: "task.period_ms", default: "20.0", allowed: "0.1 to 60000", doc: "Period in ms.\nOn the grid." },
        Key { path: "task.cpu", default: "", allowed: "0 to 1023", doc: "CPU." },
        Key { path: "task.enabled", default: "true", allowed: "true | false", doc: "Runs the task." },
        Key { path: "gpio.lines", default: "[]", allowed: "up to 8 tables", doc: "Lines." },
        Key { path: "gpio.labels", default: "{}", allowed: "a table", doc: "Labels." },
    ],
};

#[derive(Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
struct Config {
    device: Option<String>,
    mqtt: Mqtt,
    task: Task,
    gpio: Gpio,
}

#[derive(Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
struct Mqtt {
    url: String,
    client_id: String,
    password: Option<String>,
    tls: Tls,
}

#[derive(Debug, Deserialize, PartialEq)]
struct Tls {
    ca: Option<String>,
}

#[derive(Debug, Deserialize, PartialEq)]
struct Task {
    period_ms: f64,
    cpu: Option<u16>,
    enabled: bool,
}

#[derive(Debug, Deserialize, PartialEq)]
struct Gpio {
    lines: Vec<Line>,
    labels: std::collections::BTreeMap<String, String>,
}

#[derive(Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
struct Line {
    pin: u8,
    password: Option<String>,
}

fn load(text: &str, env: &[(&str, &str)]) -> (String, Result<Loaded, ConfigError>) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("agent.toml");
    std::fs::write(&path, text).unwrap();
    let loaded = SCHEMA.load(Some(&path), variables(env));
    (format!("{}/", directory.path().display()), loaded)
}

fn variables(env: &[(&str, &str)]) -> Vec<(OsString, OsString)> {
    env.iter().map(|(name, value)| (OsString::from(name), OsString::from(value))).collect()
}

fn parsed(text: &str, env: &[(&str, &str)]) -> Config {
    load(text, env).1.unwrap().parse().unwrap()
}

/// The error of loading, or else of parsing, without the directory of the file.
fn error(text: &str, env: &[(&str, &str)]) -> String {
    let (directory, loaded) = load(text, env);
    let error = loaded.and_then(|loaded| loaded.parse::<Config>()).unwrap_err();
    error.to_string().replace(&directory, "")
}

fn values(loaded: &Loaded) -> Vec<(&'static str, String)> {
    loaded.effective().into_iter().map(|effective| (effective.path, effective.value)).collect()
}
