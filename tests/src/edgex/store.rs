//! What core-data has: events, and answers by device and resource, the newest first.

use std::collections::HashMap;

use super::Version;
use super::event::{Event, Reading};

/// Oldest events beyond these are forgotten.
const MOST_EVENTS: usize = 10_000;
/// `limit`, if a query has none.
const DEFAULT_LIMIT: usize = 20;
/// `Service.MaxResultCount`.
const MAX_RESULT_COUNT: usize = 1024;

/// Whether core-data stores what comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Persistence {
    /// It does.
    #[default]
    Stored,
    /// It answers with what it has, for ever (`Writable.PersistData=false`, or a database that takes nothing more).
    Frozen,
}

/// Events, the oldest first.
#[derive(Debug, Default)]
pub(super) struct Store {
    events: Vec<Event>,
    pub(super) persistence: Persistence,
}

impl Store {
    pub(super) fn add(&mut self, event: Event) {
        if self.persistence == Persistence::Frozen {
            return;
        }
        let place = self.events.partition_point(|known| known.origin <= event.origin);
        self.events.insert(place, event);
        let surplus = self.events.len().saturating_sub(MOST_EVENTS);
        self.events.drain(..surplus);
    }

    /// The newest first.
    pub(super) fn events<'a>(&'a self, device: Option<&'a str>) -> Vec<&'a Event> {
        self.events.iter().rev().filter(|event| device.is_none_or(|device| event.device == device)).collect()
    }

    pub(super) fn event(&self, id: &str) -> Option<&Event> {
        self.events.iter().find(|event| event.id == id)
    }

    /// With their events, the newest first by their own time.
    pub(super) fn readings<'a>(
        &'a self,
        device: Option<&'a str>,
        resource: Option<&'a str>,
    ) -> Vec<(&'a Event, &'a Reading)> {
        let events = self.events(device).into_iter();
        let all = events.flat_map(|event| event.readings.iter().map(move |reading| (event, reading)));
        let mut found: Vec<_> =
            all.filter(|(_, reading)| resource.is_none_or(|resource| reading.resource == resource)).collect();
        found.sort_by_key(|(_, reading)| std::cmp::Reverse(reading.origin));
        found
    }
}

/// Which part of a list is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Page {
    /// `None`: from the beginning, and nobody counts.
    offset: Option<usize>,
    limit: usize,
}

/// Why there is no such part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum PageError {
    /// Not what a page can be: 400.
    Bad(String),
    /// Beyond the end: 416.
    Beyond(String),
}

impl Page {
    /// From a query.
    pub(super) fn parse(query: &HashMap<String, String>, version: Version) -> Result<Self, PageError> {
        // Of -1 3.x knows nothing.
        let least = if version == Version::V4 { -1 } else { 0 };
        let offset = number(query, "offset", 0, (least, i64::from(i32::MAX)))?;
        let most = i64::try_from(MAX_RESULT_COUNT).unwrap_or(i64::MAX);
        let limit = number(query, "limit", i64::try_from(DEFAULT_LIMIT).unwrap_or(most), (-1, most))?;
        Ok(Self { offset: usize::try_from(offset).ok(), limit: usize::try_from(limit).unwrap_or(MAX_RESULT_COUNT) })
    }

    /// The part of a list, and how much there is in all.
    pub(super) fn of<T>(self, all: Vec<T>) -> Result<(usize, Vec<T>), PageError> {
        let total = all.len();
        let Some(offset) = self.offset else { return Ok((0, all.into_iter().take(self.limit).collect())) };
        if self.limit > 0 && total > 0 && offset > total {
            let what = format!("query objects bounds out of range. length:{total} offset:{offset}");
            return Err(PageError::Beyond(what));
        }
        Ok((total, all.into_iter().skip(offset).take(self.limit).collect()))
    }
}

fn number(query: &HashMap<String, String>, key: &str, default: i64, (min, max): (i64, i64)) -> Result<i64, PageError> {
    let Some(text) = query.get(key).filter(|text| !text.is_empty()) else { return Ok(default) };
    let value: i64 = text.trim().parse().map_err(|error| {
        PageError::Bad(format!("failed to parse querystring {key}'s value {text} into integer. Error:{error}"))
    })?;
    if (min..=max).contains(&value) {
        Ok(value)
    } else {
        Err(PageError::Bad(format!("querystring {key}'s value {value} is out of min {min} ~ max {max} range.")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::edgex::values::ValueType;

    fn event(origin: i64, device: &str, readings: &[(&str, i64)]) -> Event {
        let reading = |&(resource, origin): &(&str, i64)| Reading {
            id: String::new(),
            resource: resource.to_owned(),
            value_type: ValueType::Bool,
            units: String::new(),
            origin,
            value: Some("true".to_owned()),
        };
        let [id, profile, source] = [origin.to_string(), String::new(), String::new()];
        Event {
            id,
            device: device.to_owned(),
            profile,
            source,
            origin,
            readings: readings.iter().map(reading).collect(),
        }
    }

    fn page(query: &[(&str, &str)], version: Version) -> Result<(usize, Vec<usize>), PageError> {
        let query = query.iter().map(|&(key, value)| (key.to_owned(), value.to_owned())).collect();
        Page::parse(&query, version)?.of((0..2000).collect())
    }

    #[test]
    fn events_go_by_their_time_and_readings_by_theirs() {
        let mut store = Store::default();
        // The later message became an event first.
        store.add(event(11, "one", &[("a", 2)]));
        store.add(event(12, "one", &[("a", 1), ("b", 4)]));
        store.add(event(5, "two", &[("a", 3)]));
        let origins = |device| store.events(device).iter().map(|event| event.origin).collect::<Vec<_>>();
        assert_eq!(
            (origins(Some("one")), origins(None), origins(Some("three"))),
            (vec![12, 11], vec![12, 11, 5], vec![])
        );
        let readings: Vec<_> =
            store.readings(Some("one"), Some("a")).iter().map(|(_, reading)| reading.origin).collect();
        assert_eq!(readings, [2, 1]);
        assert_eq!(store.readings(None, None).len(), 4);
        store.persistence = Persistence::Frozen;
        store.add(event(20, "one", &[]));
        assert_eq!(store.events(Some("one")).len(), 2);
    }

    #[test]
    fn a_page_is_twenty_unless_said_otherwise_and_never_more_than_1024() {
        let both = [Version::V3, Version::V4];
        for version in both {
            let count = |query: &[_]| page(query, version).map(|(total, items)| (total, items.len()));
            assert_eq!(count(&[]), Ok((2000, 20)));
            assert_eq!(count(&[("limit", "-1")]), Ok((2000, 1024)));
            assert_eq!(count(&[("limit", "0")]), Ok((2000, 0)));
            assert_eq!(page(&[("limit", "1"), ("offset", "7")], version), Ok((2000, vec![7])));
            for bad in [("limit", "1025"), ("limit", "-2"), ("limit", "many"), ("offset", "-2")] {
                assert!(matches!(page(&[bad], version), Err(PageError::Bad(_))), "{bad:?}");
            }
            assert_eq!(count(&[("offset", "2000")]), Ok((2000, 0)));
            assert!(matches!(page(&[("offset", "2001")], version), Err(PageError::Beyond(_))));
        }
        assert!(matches!(page(&[("offset", "-1")], Version::V3), Err(PageError::Bad(_))));
        assert_eq!(page(&[("offset", "-1"), ("limit", "1")], Version::V4), Ok((0, vec![0])));
    }

    #[test]
    fn nothing_is_an_empty_page_wherever_it_begins() {
        let query = HashMap::from([("offset".to_owned(), "5".to_owned())]);
        assert_eq!(Page::parse(&query, Version::V4).unwrap().of(Vec::<u8>::new()), Ok((0, vec![])));
    }
}
