//! Events and readings of core-data: what a device tells, whichever version of EdgeX hands it on.
//!
//! Values are strings, numbers (`?numeric=true`) or null (4.x), and what is told of their type is believed: an overflow is a
//! reading of type String. Resources are looked up by name, in any order.

use serde::Deserialize;
use serde_json::Value;
use shared_proto::ids::BootId;
use shared_proto::mode::{Mode, ModeSource};
use shared_proto::units::Ratio;
use shared_proto::wire::ReportRef;
use thiserror::Error;

use crate::fleet::EdgexObserved;

/// Below this an origin is in milliseconds since 1970 (EdgeX 1.x, and whoever imitates it), in nanoseconds that would be 1970.
const MILLIS_BELOW: i64 = 1_000_000_000_000_000;

/// How resources, commands and modes are called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Names {
    /// The resource with the miss rate.
    pub miss_rate: MissRate,
    /// The resource with the mode, which is also the key in the body of a command.
    pub mode: String,
    /// The word for NORMAL.
    pub normal: String,
    /// The word for DEGRADED.
    pub degraded: String,
}

/// Which resource holds the miss rate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MissRate {
    /// The one of this name.
    Named(String),
    /// Any whose name holds both "miss" and "rate".
    AnyAlike,
}

/// An event of EdgeX: readings of one moment.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Event {
    /// The device.
    #[serde(default, rename = "deviceName")]
    pub device: String,
    #[serde(default)]
    readings: Option<Vec<Reading>>,
}

/// One value.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Reading {
    #[serde(default)]
    origin: i64,
    #[serde(default, rename = "resourceName")]
    resource: String,
    #[serde(default, rename = "valueType")]
    value_type: String,
    #[serde(default)]
    value: Value,
}

/// Core-data's answer to a question for events.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Events {
    /// The newest first, by the time of the event; none for a device that EdgeX does not know.
    #[serde(default)]
    pub events: Option<Vec<Event>>,
}

/// Core-data's answer to a question for readings.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Readings {
    /// The newest first.
    #[serde(default)]
    pub readings: Option<Vec<Reading>>,
}

/// A reading of the miss rate that tells none.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0} is no miss rate: it should be a number from 0 to 1")]
pub struct NoMissRate(String);

impl MissRate {
    fn is(&self, resource: &str) -> bool {
        match self {
            Self::Named(name) => name == resource,
            Self::AnyAlike => {
                let lower = resource.to_ascii_lowercase();
                lower.contains("miss") && lower.contains("rate")
            }
        }
    }
}

impl Names {
    /// The word that is sent for a mode.
    #[must_use]
    pub fn word(&self, mode: Mode) -> &str {
        match mode {
            Mode::Normal => &self.normal,
            Mode::Degraded => &self.degraded,
        }
    }

    fn mode(&self, word: &str) -> Option<Mode> {
        [Mode::Normal, Mode::Degraded].into_iter().find(|mode| self.word(*mode) == word)
    }
}

impl Event {
    /// What it tells; `None` if it holds no miss rate, as the event that EdgeX itself makes of a command.
    ///
    /// # Errors
    /// [`NoMissRate`] if it holds one that cannot be used.
    pub fn observed(&self, names: &Names) -> Result<Option<EdgexObserved>, NoMissRate> {
        let readings = self.readings.as_deref().unwrap_or_default();
        let Some(rate) = readings.iter().find(|reading| names.miss_rate.is(&reading.resource)) else {
            return Ok(None);
        };
        let of = |name: &str| readings.iter().find(|reading| reading.resource == name);
        let report = of("boot").and_then(Reading::boot).zip(of("seq").and_then(Reading::count));
        Ok(Some(EdgexObserved {
            report: report.map(|(boot, seq)| ReportRef { boot, seq }),
            jobs: of("jobs").and_then(Reading::count),
            mode: of(&names.mode).and_then(Reading::text).and_then(|word| names.mode(word)),
            mode_source: of("mode_source").and_then(Reading::text).and_then(source),
            cpu: of("cpu").and_then(Reading::ratio),
            ..rate.observed()?
        }))
    }
}

/// The newest of some events that tells of the miss rate, by the time when EdgeX received it: the events themselves may be out
/// of order. One that cannot be used is an error only if no other can be.
///
/// # Errors
/// [`NoMissRate`] for the first that cannot be used.
pub fn newest(events: &[Event], names: &Names) -> Result<Option<EdgexObserved>, NoMissRate> {
    let mut unusable = None;
    let mut newest: Option<EdgexObserved> = None;
    for event in events {
        match event.observed(names) {
            Ok(Some(seen)) if newest.as_ref().is_none_or(|newest| newest.origin_ns < seen.origin_ns) => {
                newest = Some(seen);
            }
            Ok(_) => {}
            Err(error) => unusable = unusable.or(Some(error)),
        }
    }
    match (newest, unusable) {
        (None, Some(error)) => Err(error),
        (newest, _) => Ok(newest),
    }
}

impl Reading {
    /// What a single reading of the miss rate tells.
    ///
    /// # Errors
    /// [`NoMissRate`] if it cannot be used.
    pub fn observed(&self) -> Result<EdgexObserved, NoMissRate> {
        let miss_rate = self.ratio().ok_or_else(|| {
            let shown: String = self.value.to_string().chars().take(40).collect();
            NoMissRate(format!("{} = {shown} of type `{:.20}`", self.resource, self.value_type))
        })?;
        Ok(EdgexObserved {
            miss_rate,
            origin_ns: self.origin_ns(),
            report: None,
            jobs: None,
            mode: None,
            mode_source: None,
            cpu: None,
        })
    }

    fn origin_ns(&self) -> i64 {
        if self.origin < MILLIS_BELOW { self.origin.saturating_mul(1_000_000) } else { self.origin }
    }

    fn ratio(&self) -> Option<Ratio> {
        Ratio::try_from(self.number()?).ok()
    }

    fn number(&self) -> Option<f64> {
        let numeric = ["Float", "Int", "Uint"].iter().any(|start| self.value_type.starts_with(start));
        match &self.value {
            Value::String(text) if numeric => text.parse().ok(),
            Value::Number(number) if numeric => number.as_f64(),
            _ => None,
        }
    }

    fn count(&self) -> Option<u64> {
        let whole = ["Int", "Uint"].iter().any(|start| self.value_type.starts_with(start));
        match &self.value {
            Value::String(text) if whole => text.parse().ok(),
            Value::Number(number) if whole => number.as_u64(),
            _ => None,
        }
    }

    fn text(&self) -> Option<&str> {
        self.value.as_str().filter(|_| self.value_type == "String")
    }

    fn boot(&self) -> Option<BootId> {
        self.text()?.parse().ok()
    }
}

fn source(word: &str) -> Option<ModeSource> {
    [ModeSource::Operator, ModeSource::Safety, ModeSource::Gateway, ModeSource::Local, ModeSource::Default]
        .into_iter()
        .find(|source| source.as_str() == word)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn names() -> Names {
        Names {
            miss_rate: MissRate::Named("miss_rate".into()),
            mode: "mode".into(),
            normal: "NORMAL".into(),
            degraded: "DEGRADED".into(),
        }
    }

    fn reading(name: &str, value_type: &str, value: Value) -> Value {
        json!({"origin": 1_763_690_000_123_300_000_i64, "deviceName": "pi-1", "resourceName": name, "valueType": value_type, "value": value})
    }

    fn event(readings: Vec<Value>) -> Event {
        serde_json::from_value(json!({"apiVersion": "v3", "deviceName": "pi-1", "origin": 1_i64, "readings": readings}))
            .unwrap()
    }

    #[test]
    fn an_event_of_the_agent_tells_everything_in_any_order() {
        let mut readings = vec![
            reading("mode_source", "String", json!("gateway")),
            reading("mode", "String", json!("DEGRADED")),
            reading("seq", "Uint64", json!("18446744073709551615")),
            reading("boot", "String", json!("00000000000000ff")),
            reading("jobs", "Uint64", json!("250")),
            reading("cpu", "Float64", json!("2.5e-01")),
            reading("miss_rate", "Float64", json!("1.25e-02")),
        ];
        for _ in 0..2 {
            let seen = event(readings.clone()).observed(&names()).unwrap().unwrap();
            assert_eq!((seen.miss_rate.get(), seen.origin_ns), (0.0125, 1_763_690_000_123_300_000));
            assert_eq!(seen.report, Some(ReportRef { boot: BootId(255), seq: u64::MAX }));
            assert_eq!((seen.jobs, seen.cpu.map(Ratio::get)), (Some(250), Some(0.25)));
            assert_eq!((seen.mode, seen.mode_source), (Some(Mode::Degraded), Some(ModeSource::Gateway)));
            readings.reverse();
        }
    }

    #[test]
    fn strings_numbers_and_null_are_told_apart_by_their_type() {
        let rate = |value_type: &str, value: Value| {
            event(vec![reading("miss_rate", value_type, value)])
                .observed(&names())
                .map(|seen| seen.map(|s| s.miss_rate.get()))
        };
        for (value_type, value, wanted) in [
            ("Float64", json!("1.25e-02"), 0.0125),
            ("Float64", json!("0e+00"), 0.0),
            ("Float32", json!(0.5), 0.5),
            ("Int32", json!("1"), 1.0),
        ] {
            assert_eq!(rate(value_type, value), Ok(Some(wanted)));
        }
        for (value_type, value) in [
            ("Float64", Value::Null),
            ("String", json!("NaN")),
            ("String", json!("0.5")),
            ("Float64", json!("NaN")),
            ("Float64", json!("1.5e+03")),
            ("Float64", json!("-1e-01")),
            ("", json!("0.5")),
            ("Float64", json!(true)),
            ("Object", json!({"a": 1})),
        ] {
            assert!(rate(value_type, value.clone()).is_err(), "{value_type} {value}");
        }
    }

    #[test]
    fn an_event_of_a_command_and_an_empty_one_tell_nothing() {
        assert_eq!(event(vec![reading("mode", "String", json!("NORMAL"))]).observed(&names()), Ok(None));
        assert_eq!(event(vec![]).observed(&names()), Ok(None));
        for odd in [json!({}), json!({"readings": null}), json!({"readings": [{}]})] {
            assert_eq!(serde_json::from_value::<Event>(odd).unwrap().observed(&names()), Ok(None));
        }
    }

    #[test]
    fn what_is_missing_or_odd_beside_the_miss_rate_is_left_out() {
        let seen = event(vec![
            reading("miss_rate", "Float64", json!("1e-01")),
            reading("seq", "Uint64", json!("7")),
            reading("boot", "String", json!("not hexadecimal")),
            reading("mode", "String", json!("ASLEEP")),
            reading("jobs", "Uint64", json!(-1)),
        ]);
        let seen = seen.observed(&names()).unwrap().unwrap();
        assert_eq!((seen.report, seen.mode, seen.jobs, seen.cpu), (None, None, None, None));
    }

    #[test]
    fn the_newest_is_found_among_events_out_of_order_and_of_other_sources() {
        let at = |origin: i64, rate: &str| -> Event {
            serde_json::from_value(json!({"readings": [
                {"origin": origin, "resourceName": "miss_rate", "valueType": "Float64", "value": rate}]}))
            .unwrap()
        };
        let base = 1_763_690_000_000_000_000;
        let events = [
            event(vec![reading("mode", "String", json!("NORMAL"))]),
            at(base + 1, "1e-01"),
            at(base + 3, "3e-01"),
            at(base + 2, "2e-01"),
        ];
        assert_eq!(newest(&events, &names()).unwrap().unwrap().miss_rate.get(), 0.3);
        assert_eq!(newest(&[], &names()), Ok(None));
        assert!(newest(&[at(base, "null")], &names()).is_err());
        assert!(newest(&[at(base, "null"), at(base - 1, "0e+00")], &names()).unwrap().is_some());
    }

    #[test]
    fn the_classrooms_names_and_milliseconds_are_understood() {
        let classroom = Names { miss_rate: MissRate::AnyAlike, mode: "Mode".into(), ..names() };
        let event: Event = serde_json::from_value(json!({"readings": [
            {"origin": 1_763_690_000_123_i64, "resourceName": "Task_MissRate", "valueType": "Float64", "value": "5e-01"},
            {"origin": 1_763_690_000_123_i64, "resourceName": "Mode", "valueType": "String", "value": "DEGRADED"}]}))
        .unwrap();
        let seen = event.observed(&classroom).unwrap().unwrap();
        assert_eq!((seen.origin_ns, seen.mode), (1_763_690_000_123_000_000, Some(Mode::Degraded)));
    }
}
