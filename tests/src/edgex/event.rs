//! Events and their readings, and the JSON of both.

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Map, Value as Json, json};

use super::Version;
use super::values::{Value, ValueType};

/// An event: the readings that came together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// UUID.
    pub id: String,
    /// Name of the device.
    pub device: String,
    /// Name of its profile.
    pub profile: String,
    /// The device command or resource that it came by.
    pub source: String,
    /// When device-mqtt made it: unique, in ns since 1970.
    pub origin: i64,
    /// Its readings, in the order of the command.
    pub readings: Vec<Reading>,
}

/// A reading of a resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// UUID.
    pub id: String,
    /// Name of the resource.
    pub resource: String,
    /// Its type.
    pub value_type: ValueType,
    /// Its unit, or nothing.
    pub units: String,
    /// When device-mqtt received it, in ns since 1970.
    pub origin: i64,
    /// The value as text; `None`: a null reading of 4.x.
    pub value: Option<String>,
}

/// Who shows an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shown {
    /// The message bus, and the answer to a get.
    Fresh,
    /// core-data.
    Stored,
}

impl Event {
    /// The reading of a resource.
    #[must_use]
    pub fn reading(&self, resource: &str) -> Option<&Reading> {
        self.readings.iter().find(|reading| reading.resource == resource)
    }

    pub(super) fn json(&self, version: Version, shown: Shown) -> Json {
        let mut readings: Vec<_> = self.readings.iter().collect();
        // PostgreSQL gives them back by time, the latest first.
        if version == Version::V4 && shown == Shown::Stored {
            readings.sort_by_key(|reading| std::cmp::Reverse(reading.origin));
        }
        let readings: Vec<_> = readings.into_iter().map(|reading| self.reading_json(reading, version, shown)).collect();
        json!({
            "apiVersion": "v3",
            "id": self.id,
            "deviceName": self.device,
            "profileName": self.profile,
            "sourceName": self.source,
            "origin": self.origin,
            "readings": readings,
        })
    }

    /// One of its readings. The table of 4.x has no column for the id.
    pub(super) fn reading_json(&self, reading: &Reading, version: Version, shown: Shown) -> Json {
        let mut fields = Map::new();
        let mut put = |name: &str, value: Json| fields.insert(name.to_owned(), value);
        if version == Version::V3 || shown == Shown::Fresh {
            put("id", Json::from(reading.id.as_str()));
        }
        put("origin", Json::from(reading.origin));
        put("deviceName", Json::from(self.device.as_str()));
        put("resourceName", Json::from(reading.resource.as_str()));
        put("profileName", Json::from(self.profile.as_str()));
        put("valueType", serde_json::to_value(&reading.value_type).unwrap_or_default());
        if !reading.units.is_empty() {
            put("units", Json::from(reading.units.as_str()));
        }
        put("value", Json::from(reading.value.clone()));
        if reading.value.is_none() {
            put("binaryValue", Json::Null);
            put("objectValue", Json::Null);
        }
        Json::Object(fields)
    }
}

/// A value with the time of its receipt, before it is part of an event.
#[derive(Debug, Clone)]
pub(super) struct Taken {
    pub(super) resource: String,
    pub(super) value_type: ValueType,
    pub(super) units: String,
    pub(super) value: Value,
    /// `None`: that of the event.
    pub(super) origin: Option<i64>,
}

impl Taken {
    pub(super) fn into_reading(self, event_origin: i64) -> Reading {
        Reading {
            id: uuid(),
            resource: self.resource,
            value_type: self.value_type,
            units: self.units,
            origin: self.origin.unwrap_or(event_origin),
            value: Some(self.value.text()),
        }
    }
}

/// Gives out times that never repeat.
#[derive(Debug, Default)]
pub(super) struct Clock {
    last: i64,
}

impl Clock {
    /// Wall clock in ns since 1970, later than every one before.
    pub(super) fn now(&mut self) -> i64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        self.later_than_before(i64::try_from(since.as_nanos()).unwrap_or(i64::MAX))
    }

    fn later_than_before(&mut self, now: i64) -> i64 {
        self.last = now.max(self.last.saturating_add(1));
        self.last
    }
}

/// A random UUID (version 4).
pub(super) fn uuid() -> String {
    let number = (fastrand::u128(..) & !(0xf << 76 | 0x3 << 62)) | (0x4 << 76) | (0x2 << 62);
    let hex = format!("{number:032x}");
    let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default();
    [part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32)].join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event() -> Event {
        let reading = |resource: &str, origin, value: Option<&str>| Reading {
            id: "i".to_owned(),
            resource: resource.to_owned(),
            value_type: ValueType::Float64,
            units: if origin == 1 { "us".to_owned() } else { String::new() },
            origin,
            value: value.map(str::to_owned),
        };
        Event {
            id: "e".to_owned(),
            device: "device1".to_owned(),
            profile: "p".to_owned(),
            source: "metrics".to_owned(),
            origin: 3,
            readings: vec![reading("a", 1, Some("1e+00")), reading("b", 2, None)],
        }
    }

    fn names(event: &Json) -> Vec<&str> {
        event["readings"].as_array().unwrap().iter().map(|reading| reading["resourceName"].as_str().unwrap()).collect()
    }

    #[test]
    fn version_4_stores_no_ids_and_gives_the_latest_reading_first() {
        let stored = event().json(Version::V4, Shown::Stored);
        assert_eq!(names(&stored), ["b", "a"]);
        assert!(stored["readings"][0].get("id").is_none());
        let stored = event().json(Version::V3, Shown::Stored);
        assert_eq!((names(&stored), &stored["readings"][0]["id"]), (vec!["a", "b"], &json!("i")));
        let fresh = event().json(Version::V4, Shown::Fresh);
        assert_eq!((names(&fresh), &fresh["readings"][0]["id"]), (vec!["a", "b"], &json!("i")));
    }

    #[test]
    fn what_is_empty_is_left_out_and_what_is_null_is_told_three_times() {
        let fresh = event().json(Version::V4, Shown::Fresh);
        let (a, b) = (&fresh["readings"][0], &fresh["readings"][1]);
        assert_eq!((&a["units"], b.get("units")), (&json!("us"), None));
        assert_eq!((&a["value"], a.get("binaryValue")), (&json!("1e+00"), None));
        for name in ["value", "binaryValue", "objectValue"] {
            assert_eq!(b.get(name), Some(&Json::Null), "{name}");
        }
    }

    #[test]
    fn times_never_repeat() {
        let mut clock = Clock::default();
        assert_eq!([5, 5, 3, 9].map(|now| clock.later_than_before(now)), [5, 6, 7, 9]);
        let first = clock.now();
        assert!(clock.now() > first && first > 1_600_000_000_000_000_000);
    }

    #[test]
    fn uuids_have_their_form() {
        for _ in 0..20 {
            let id = uuid();
            let parts: Vec<_> = id.split('-').map(str::len).collect();
            assert_eq!(parts, [8, 4, 4, 4, 12], "{id}");
            assert_eq!(&id[14..15], "4", "{id}");
            assert!("89ab".contains(&id[19..20]), "{id}");
        }
        assert_ne!(uuid(), uuid());
    }
}
