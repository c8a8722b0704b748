//! What EdgeCore keeps, and what the cloud has of it.

use std::collections::BTreeMap;
use std::time::Instant;

use gateway_controller::kubeedge::dmi::wire::{Device, Twin};

use super::Refuses;

/// EdgeCore's allowance and its rate, of all calls together.
const BURST: f64 = 100.0;
const PER_SECOND: f64 = 1.0;

/// A call that arrived.
#[derive(Debug, Clone)]
pub struct Call {
    /// When.
    pub at: Instant,
    /// The device.
    pub device: String,
    /// The names of the properties; none in a report of a state.
    pub properties: Vec<String>,
}

/// What the cloud shows of a property.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CloudTwin {
    /// The desired value, as the mapper has it.
    pub observed_desired: String,
    /// The device's value.
    pub reported: String,
}

#[derive(Debug)]
pub(super) struct State {
    pub(super) devices: BTreeMap<String, Device>,
    /// Addresses of mappers, by protocol, in use.
    pub(super) addresses: BTreeMap<String, String>,
    /// The first address of each mapper's name.
    first_addresses: BTreeMap<String, String>,
    pub(super) cloud: BTreeMap<(String, String), CloudTwin>,
    pub(super) states: BTreeMap<String, String>,
    pub(super) registrations: usize,
    pub(super) calls: Vec<Call>,
    pub(super) refuses: Refuses,
    /// What would have ended the real one.
    pub(super) crash: Option<String>,
    tokens: f64,
    counted: Instant,
}

impl State {
    pub(super) fn new(devices: Vec<Device>) -> Self {
        Self {
            devices: devices.into_iter().map(|device| (device.name.clone(), device)).collect(),
            addresses: BTreeMap::new(),
            first_addresses: BTreeMap::new(),
            cloud: BTreeMap::new(),
            states: BTreeMap::new(),
            registrations: 0,
            calls: Vec::new(),
            refuses: Refuses::TooMany,
            crash: None,
            tokens: BURST,
            counted: Instant::now(),
        }
    }

    /// Whether another call is allowed.
    pub(super) fn allow(&mut self) -> bool {
        let now = Instant::now();
        self.tokens = (self.tokens + PER_SECOND * now.duration_since(self.counted).as_secs_f64()).min(BURST);
        self.counted = now;
        let allowed = self.tokens >= 1.0;
        if allowed {
            self.tokens -= 1.0;
        }
        allowed
    }

    /// A mapper registers. A restart would find its first address.
    pub(super) fn register(&mut self, name: &str, protocol: &str, address: &str) {
        let first = self.first_addresses.entry(name.to_owned()).or_insert_with(|| address.to_owned());
        if first != address {
            self.crash =
                Some(format!("mapper {name} was at {first} and is at {address}: after a restart it is not found"));
        }
        self.addresses.insert(protocol.to_owned(), address.to_owned());
        self.registrations += 1;
    }

    /// A twin arrives at the cloud, which shows it from its second report on.
    pub(super) fn report(&mut self, device: &str, twin: &Twin) {
        let (Some(desired), Some(reported)) = (&twin.observed_desired, &twin.reported) else {
            self.crash = Some(format!("{twin:?} of {device} lacks a value"));
            return;
        };
        for value in [&desired.value, &reported.value] {
            let allowed = |c: char| c.is_ascii_alphanumeric() || "-_.,:/@#".contains(c);
            if value.len() > 512 || !value.chars().all(allowed) {
                self.crash = Some(format!("{value:?} is no value that EdgeCore takes"));
            }
        }
        let declared = self.devices.get(device).and_then(|device| device.spec.as_ref());
        if !declared.is_some_and(|spec| spec.properties.iter().any(|property| property.name == twin.property_name)) {
            self.crash = Some(format!("{} of {device} is not declared", twin.property_name));
        }
        let key = (device.to_owned(), twin.property_name.clone());
        let shown = CloudTwin { observed_desired: desired.value.clone(), reported: reported.value.clone() };
        self.cloud.entry(key).and_modify(|twin| *twin = shown).or_default();
    }
}
