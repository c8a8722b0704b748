//! The environment variables of the classroom's policy controller, which this program can take the place of: they are taken
//! where the configuration says nothing else, if at least one of EdgeX' addresses is among them.

use std::collections::BTreeMap;
use std::ffi::OsString;

use shared_host::config::{Preset, quote};

/// Variables that say that the program is to do what the classroom's does.
const ADDRESSES: [&str; 2] = ["EDGEX_COREDATA", "EDGEX_CORECMD"];
/// Calm is below this miss rate, unless the classroom's only threshold is lower.
const CALM_BELOW: f64 = 0.01;

/// How a text of the classroom's becomes a value of ours.
enum Meaning {
    Text,
    ListOfOne,
    Number,
    Seconds,
}

/// Variable, key, meaning.
const VARIABLES: [(&str, &str, Meaning); 10] = [
    ("EDGEX_COREDATA", "edgex.core_data_url", Meaning::Text),
    ("EDGEX_CORECMD", "edgex.core_command_url", Meaning::Text),
    ("DEVICE_NAME", "edgex.devices", Meaning::ListOfOne),
    ("COMMAND_NAME", "edgex.command", Meaning::Text),
    ("MISS_RATE_THRESHOLD", "policy.degrade_above", Meaning::Number),
    ("POLL_PERIOD_S", "edgex.poll_ms", Meaning::Seconds),
    ("MAX_AGE_MS", "edgex.max_age_ms", Meaning::Number),
    ("HTTP_TIMEOUT_S", "edgex.timeout_ms", Meaning::Seconds),
    ("MODE_OK", "edgex.mode_normal", Meaning::Text),
    ("MODE_HIGH", "edgex.mode_degraded", Meaning::Text),
];

/// What follows from one of the addresses alone: the classroom's profile calls the resource Mode, its device is device1.
const IMPLIED: [(&str, &str); 5] = [
    ("gateway.source", "edgex-rest"),
    ("gateway.sink", "edgex-command"),
    ("edgex.mode_resource", "Mode"),
    ("edgex.miss_rate_resource", ""),
    ("edgex.devices", r#"["device1"]"#),
];

/// The values that the environment gives in the classroom's way; none without an address of EdgeX.
pub(super) fn presets(environment: &[(OsString, OsString)]) -> Vec<Preset> {
    let set: BTreeMap<_, _> = environment.iter().filter_map(|(name, text)| Some((name.to_str()?, text))).collect();
    let Some(address) = ADDRESSES.iter().find(|name| set.contains_key(**name)) else { return Vec::new() };
    let preset =
        |variable: &str, path: &'static str, text: String| Preset { path, variable: variable.to_owned(), text };
    let mut presets: Vec<_> = IMPLIED.iter().map(|(path, text)| preset(address, path, (*text).to_owned())).collect();
    for (variable, path, meaning) in VARIABLES {
        let Some(text) = set.get(variable) else { continue };
        let text = text.to_string_lossy().trim().to_owned();
        if variable == "MISS_RATE_THRESHOLD"
            && let Ok(threshold) = text.parse::<f64>()
            && threshold < CALM_BELOW
        {
            presets.push(preset(variable, "policy.recover_below", threshold.to_string()));
        }
        presets.push(preset(variable, path, meaning.text(text)));
    }
    presets
}

impl Meaning {
    /// Our way to write it. What makes no sense stays as it is, and is refused with its variable's name.
    fn text(&self, text: String) -> String {
        match self {
            Self::Text | Self::Number => text,
            Self::ListOfOne => format!("[{}]", quote(&text)),
            Self::Seconds => match text.parse::<f64>() {
                Ok(seconds) if seconds.is_finite() => format!("{:.0}", seconds * 1_000.0),
                _ => text,
            },
        }
    }
}
