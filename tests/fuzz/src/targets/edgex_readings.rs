//! What EdgeX hands on: events on its message bus, and core-data's answers.

use gateway_controller::edgex::envelope;
use gateway_controller::edgex::readings::{Event, Events, MissRate, Names, Readings, newest};

/// A message on the bus.
pub fn edgex_envelope(bytes: &[u8]) {
    match envelope::decode(bytes) {
        Ok(event) => usable(&[event]),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

/// The body of core-data's answer to a question for events, or for readings.
pub fn edgex_answer(bytes: &[u8]) {
    if let Ok(Events { events }) = serde_json::from_slice(bytes) {
        usable(&events.unwrap_or_default());
    }
    let Ok(Readings { readings }) = serde_json::from_slice(bytes) else { return };
    for reading in readings.unwrap_or_default() {
        if let Ok(observed) = reading.observed() {
            assert!((0.0..=1.0).contains(&observed.miss_rate.get()), "{observed:?}");
        }
    }
}

/// What is read is in range, and the newest is none of those that cannot be used.
fn usable(events: &[Event]) {
    for miss_rate in [MissRate::Named("miss_rate".to_owned()), MissRate::AnyAlike] {
        let names =
            Names { miss_rate, mode: "mode".to_owned(), normal: "NORMAL".to_owned(), degraded: "DEGRADED".to_owned() };
        let each: Vec<_> = events.iter().filter_map(|event| event.observed(&names).ok().flatten()).collect();
        match newest(events, &names) {
            Ok(found) => {
                let latest = each.iter().map(|seen| seen.origin_ns).max();
                assert_eq!(found.as_ref().map(|seen| seen.origin_ns), latest);
                assert!(found.is_none_or(|seen| (0.0..=1.0).contains(&seen.miss_rate.get())));
            }
            Err(error) => {
                assert!(each.is_empty(), "{error}, though there are others");
                assert!(!error.to_string().is_empty());
            }
        }
    }
}
