//! What the services know, and how an event comes into being.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use shared_host::mqtt::{Message, Publisher, Qos, Retain};
use shared_host::secret::Secret;

use super::Version;
use super::bus;
use super::event::{Clock, Event, Taken, uuid};
use super::faults::{DeviceService, Plan};
use super::log::Log;
use super::profile::{Device, Profile};
use super::store::Store;

/// All that the services share.
pub(super) struct World {
    pub(super) version: Version,
    /// `Writable.ResponseFetchInterval`.
    pub(super) interval: Duration,
    /// `Service.RequestTimeout`.
    pub(super) request_timeout: Duration,
    state: Mutex<State>,
    /// device-mqtt's connection to the devices.
    south: Mutex<Option<Publisher>>,
    /// Its connection to the message bus.
    bus: Mutex<Option<Publisher>>,
}

/// What changes.
#[derive(Default)]
pub(super) struct State {
    /// By name, with their ids.
    pub(super) profiles: BTreeMap<String, (String, Profile)>,
    /// By name, with their ids.
    pub(super) devices: BTreeMap<String, (String, Device)>,
    pub(super) store: Store,
    /// Answers of devices by the last level of their topic; what nobody fetches stays.
    pub(super) responses: HashMap<String, Vec<u8>>,
    pub(super) faults: Plan,
    pub(super) log: Log,
    pub(super) device_service: DeviceService,
    /// What requests must show, if anything.
    pub(super) token: Option<Secret>,
    pub(super) reading_clock: Clock,
    event_clock: Clock,
    held: Option<Pending>,
}

/// Readings that are to become an event.
#[derive(Debug, Clone)]
pub(super) struct Pending {
    pub(super) device: String,
    pub(super) profile: String,
    pub(super) source: String,
    pub(super) readings: Vec<Taken>,
}

impl fmt::Debug for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("World")
            .field("version", &self.version)
            .field("interval", &self.interval)
            .finish_non_exhaustive()
    }
}

impl World {
    pub(super) fn new(version: Version, interval: Duration, request_timeout: Duration, token: Option<Secret>) -> Self {
        let state = Mutex::new(State { token, ..State::default() });
        Self { version, interval, request_timeout, state, south: Mutex::default(), bus: Mutex::default() }
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    pub(super) fn set_south(&self, publisher: Option<Publisher>) {
        *lock(&self.south) = publisher;
    }

    pub(super) fn set_bus(&self, publisher: Publisher) {
        *lock(&self.bus) = Some(publisher);
    }

    /// To a device; QoS 0, not retained, and lost without a connection.
    pub(super) fn send_to_device(&self, topic: String, payload: Vec<u8>) {
        send(&self.south, topic, payload);
    }

    /// Readings that a device sent unasked.
    pub(super) fn take_async(&self, pending: Pending) {
        let state = &mut *self.state();
        if !state.faults.swaps() {
            let held = state.held.take();
            for pending in held.into_iter().chain([pending]) {
                self.make_event(state, pending);
            }
        } else if let Some(held) = state.held.take() {
            state.faults.swapped();
            self.make_event(state, pending);
            self.make_event(state, held);
        } else {
            state.held = Some(pending);
        }
    }

    /// Makes an event, which goes to the bus and to core-data.
    pub(super) fn make_event(&self, state: &mut State, pending: Pending) -> Event {
        let event = self.unsent_event(state, pending);
        self.send_event(state, event.clone());
        let echo = state.faults.echo.clone();
        if let Some(reading) = echo.and_then(|resource| event.reading(&resource).cloned()) {
            let origin = state.event_clock.now();
            let source = reading.resource.clone();
            let readings = vec![super::event::Reading { id: uuid(), origin, ..reading }];
            self.send_event(state, Event { id: uuid(), source, origin, readings, ..event.clone() });
        }
        event
    }

    /// An event that nobody has heard of.
    pub(super) fn unsent_event(&self, state: &mut State, pending: Pending) -> Event {
        let origin = state.event_clock.now();
        let mut readings: Vec<_> = pending.readings.into_iter().map(|taken| taken.into_reading(origin)).collect();
        if self.version == Version::V4 {
            for reading in &mut readings {
                if state.faults.null(&reading.resource) {
                    reading.value = None;
                }
            }
        }
        let Pending { device, profile, source, .. } = pending;
        Event { id: uuid(), device, profile, source, origin, readings }
    }

    pub(super) fn send_event(&self, state: &mut State, event: Event) {
        let mut message = bus::envelope(&event, self.version);
        if state.faults.cut() {
            message.truncate(message.len() / 2);
        }
        send(&self.bus, bus::topic(&event), message);
        state.store.add(event);
    }
}

fn send(connection: &Mutex<Option<Publisher>>, topic: String, payload: Vec<u8>) {
    if let Some(publisher) = &*lock(connection) {
        // Without a connection it is lost, as it is there.
        let _lost = publisher.try_publish(Message { topic, payload, qos: Qos::AtMostOnce, retain: Retain::No });
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
