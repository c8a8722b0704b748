//! Readings from EdgeX' message bus: the topics to subscribe to, and what a message on them means.

use std::time::Duration;

use shared_host::mqtt::{Filter, Qos};
use shared_proto::ids::DeviceId;

use super::arrivals::Arrivals;
use super::envelope;
use super::freshness::{Age, Clock};
use super::readings::Names;
use crate::edgex::EdgexConfig;
use crate::fleet::EdgexObserved;

/// So many devices have a subscription each; more are sorted out here.
const FILTERS: usize = 32;

/// What is listened to on the bus.
#[derive(Debug, Clone)]
pub struct BusTopics {
    /// First levels of the topics of events.
    base: String,
    /// Devices that are looked after; none: those of the profile.
    devices: Vec<DeviceId>,
    profile: String,
    names: Names,
    max_age: Duration,
    clock: Clock,
    arrivals: Arrivals,
}

impl BusTopics {
    /// As configured, with the machine's clock.
    #[must_use]
    pub fn new(config: &EdgexConfig) -> Self {
        Self {
            base: config.bus_topic.clone(),
            devices: config.devices.clone(),
            profile: config.profile.clone(),
            names: config.names.clone(),
            max_age: config.max_age,
            clock: Clock::system(),
            arrivals: Arrivals::default(),
        }
    }

    /// The subscriptions.
    #[must_use]
    pub fn filters(&self) -> Vec<Filter> {
        let filter = |rest: String| Filter { topic: format!("{}/{rest}", self.base), qos: Qos::AtMostOnce };
        if self.devices.is_empty() {
            return vec![filter(format!("+/{}/+/+", self.profile))];
        }
        if self.devices.len() > FILTERS {
            return vec![filter("+/+/+/+".to_owned())];
        }
        self.devices.iter().map(|device| filter(format!("+/+/{device}/+"))).collect()
    }

    /// When readings came: [`BusTopics::arrived`] says so.
    pub(super) fn arrivals(&self) -> Arrivals {
        self.arrivals.clone()
    }

    /// A reading of a device has come, of this time by EdgeX' clock.
    pub(crate) fn arrived(&self, device: &DeviceId, origin_ns: i64) {
        self.arrivals.note(device, origin_ns);
    }

    /// Whether a topic is of the bus.
    #[must_use]
    pub fn is_ours(&self, topic: &str) -> bool {
        topic.strip_prefix(&self.base).is_some_and(|rest| rest.starts_with('/'))
    }

    /// What a message tells; `None` if it is not about a device that is looked after, or not about its miss rate.
    ///
    /// # Errors
    /// Why it cannot be used.
    pub fn take(&self, topic: &str, payload: &[u8]) -> Result<Option<(DeviceId, EdgexObserved)>, String> {
        let Some((profile, device)) = envelope::device_of(&self.base, topic) else { return Ok(None) };
        let ours = if self.devices.is_empty() { profile == self.profile } else { self.devices.contains(&device) };
        if !ours {
            return Ok(None);
        }
        let event = envelope::decode(payload).map_err(|error| error.to_string())?;
        if event.device != device.as_str() {
            return Err("it speaks for another device than its topic".to_owned());
        }
        let Some(observed) = event.observed(&self.names).map_err(|error| error.to_string())? else { return Ok(None) };
        match self.clock.age(observed.origin_ns, self.max_age) {
            Age::Fresh => Ok(Some((device, observed))),
            Age::Old => Err("it is too old to decide by (edgex.max_age_ms)".to_owned()),
            Age::Ahead => Err("it comes from the future: EdgeX' clock and this one differ".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::config::Config;

    const NOW: i64 = 1_763_690_000_000_000_000;

    fn bus(devices: &[&str]) -> BusTopics {
        let config = Config::load(None, []).unwrap().edgex;
        let devices = devices.iter().map(|name| name.parse().unwrap()).collect();
        BusTopics { devices, clock: Clock::new(|| NOW), ..BusTopics::new(&config) }
    }

    fn message(device: &str, age_ms: i64, resource: &str) -> Vec<u8> {
        let reading = json!({"origin": NOW - age_ms * 1_000_000, "resourceName": resource, "valueType": "Float64", "value": "1e-01"});
        json!({"errorCode": 0, "contentType": "application/json",
               "payload": {"event": {"deviceName": device, "readings": [reading]}}})
        .to_string()
        .into_bytes()
    }

    fn topic(device: &str) -> String {
        format!("edgex/events/device/device-mqtt/rt-agent-profile/{device}/metrics")
    }

    #[test]
    fn few_devices_are_subscribed_to_and_many_sorted_out() {
        let filters = |bus: BusTopics| bus.filters().into_iter().map(|filter| filter.topic).collect::<Vec<_>>();
        assert_eq!(filters(bus(&[])), ["edgex/events/device/+/rt-agent-profile/+/+"]);
        assert_eq!(
            filters(bus(&["pi-1", "pi-2"])),
            ["edgex/events/device/+/+/pi-1/+", "edgex/events/device/+/+/pi-2/+"]
        );
        let many: Vec<_> = (0..33).map(|n| format!("pi-{n}")).collect();
        assert_eq!(filters(bus(&many.iter().map(String::as_str).collect::<Vec<_>>())), ["edgex/events/device/+/+/+/+"]);
    }

    #[test]
    fn only_fresh_events_with_a_miss_rate_of_our_devices_count() {
        let take = |device: &str, payload: &[u8]| bus(&["pi-1"]).take(&topic(device), payload);
        assert!(take("pi-1", &message("pi-1", 10, "miss_rate")).unwrap().is_some());
        assert_eq!(take("pi-1", &message("pi-1", 10, "mode")), Ok(None));
        assert_eq!(take("pi-2", &message("pi-2", 10, "miss_rate")), Ok(None));
        assert!(take("pi-1", &message("pi-2", 10, "miss_rate")).unwrap_err().contains("another device"));
        assert!(take("pi-1", &message("pi-1", 6_000, "miss_rate")).unwrap_err().contains("too old"));
        assert!(take("pi-1", &message("pi-1", -6_000, "miss_rate")).unwrap_err().contains("future"));
        let whole = message("pi-1", 10, "miss_rate");
        assert!(take("pi-1", &whole[..whole.len() / 2]).is_err());
        assert!(bus(&[]).take(&topic("pi-2"), &message("pi-2", 10, "miss_rate")).unwrap().is_some());
        let foreign = topic("pi-2").replace("rt-agent-profile", "thermostat");
        assert_eq!(bus(&[]).take(&foreign, &message("pi-2", 10, "miss_rate")), Ok(None), "of another profile");
    }
}
