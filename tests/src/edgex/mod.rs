//! A stand-in for EdgeX Foundry, for tests alone: core-metadata, core-data, core-command and device-mqtt in one thread, over a
//! real broker. It does to data and commands what they do, traps included; `tests/README.md` says what, and where that is read.

mod bus;
pub mod client;
mod command;
mod data;
mod device_service;
mod door;
mod event;
mod faults;
mod go;
mod http;
mod log;
mod metadata;
mod profile;
mod store;
mod thread;
mod values;
mod world;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use shared_host::mqtt::{BrokerUrl, Credentials};
use shared_host::secret::Secret;

pub use event::{Event, Reading};
pub use faults::{Answer, DeviceService, Faults, Reach, Service};
pub use log::{Dropped, Request};
pub use profile::{
    Access, AdminState, Command, Device, OperatingState, Operation, Profile, Properties, Protocol, Resource,
};
pub use store::Persistence;
pub use values::ValueType;

use device_service::Broker;
use thread::Thread;
use world::World;

use crate::site::Trouble;

/// Name of the device service.
pub const SERVICE: &str = "device-mqtt";

/// Which EdgeX it is like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    /// 3.1.1.
    V3,
    /// 4.0.2, with device-mqtt 4.0.1.
    V4,
}

/// What can be set of it.
#[derive(Debug, Clone)]
pub struct Options {
    /// `Writable.ResponseFetchInterval` of device-mqtt: it looks for the answer to a command at 0, 1, 2, 3 and 4 of these and gives
    /// up after 5. Default 500 ms, as there.
    pub interval: Duration,
    /// `Service.RequestTimeout` of the core services: afterwards they answer 503 with HTML. Default 5 s, as there.
    pub request_timeout: Duration,
    /// The token that requests must show; default: none.
    pub token: Option<Secret>,
    /// Name and password at the broker; default: none.
    pub credentials: Option<Credentials>,
}

impl Default for Options {
    fn default() -> Self {
        let (interval, request_timeout) = (Duration::from_millis(500), Duration::from_secs(5));
        Self { interval, request_timeout, token: None, credentials: None }
    }
}

/// A running stand-in; gone when dropped.
#[derive(Debug)]
pub struct Edgex {
    world: Arc<World>,
    thread: Thread,
}

impl Edgex {
    /// Starts it; returns when its ports are open and both of its connections to the broker are up. Works in a thread of its own, so
    /// it may be used from synchronous and asynchronous code alike.
    ///
    /// # Errors
    /// The broker does not answer, or there are no ports.
    pub fn start(version: Version, broker: &BrokerUrl, options: Options) -> Result<Self, Trouble> {
        let Options { interval, request_timeout, token, credentials } = options;
        let world = Arc::new(World::new(version, interval, request_timeout, token));
        let thread = Thread::start(&world, Broker { url: broker.clone(), credentials })?;
        Ok(Self { world, thread })
    }

    /// Base URL of core-metadata, without a slash at its end.
    #[must_use]
    pub fn metadata_url(&self) -> String {
        self.url(Service::Metadata)
    }

    /// Base URL of core-data.
    #[must_use]
    pub fn data_url(&self) -> String {
        self.url(Service::Data)
    }

    /// Base URL of core-command.
    #[must_use]
    pub fn command_url(&self) -> String {
        self.url(Service::Command)
    }

    /// Base URL of a service: `http://127.0.0.1:PORT`.
    #[must_use]
    pub fn url(&self, service: Service) -> String {
        format!("http://{}", self.address(service))
    }

    /// Address of a service.
    #[must_use]
    pub fn address(&self, service: Service) -> SocketAddr {
        self.thread.address(service)
    }

    /// Adds a profile, as core-metadata would; gives its id.
    ///
    /// # Errors
    /// core-metadata would refuse it.
    pub fn add_profile(&self, profile: Profile) -> Result<String, String> {
        metadata::add_profile(&self.world, profile).map_err(|refusal| refusal.message)
    }

    /// Adds a device, as core-metadata would, without asking device-mqtt; gives its id.
    ///
    /// # Errors
    /// core-metadata would refuse it.
    pub fn add_device(&self, device: Device) -> Result<String, String> {
        metadata::add_device(&self.world, device).map_err(|refusal| refusal.message)
    }

    /// Does as if a device had published on `incoming/data/{device}/{source}`.
    ///
    /// # Errors
    /// device-mqtt would drop it.
    pub fn inject(&self, device: &str, source: &str, payload: &str) -> Result<(), Dropped> {
        device_service::take(&self.world, &format!("incoming/data/{device}/{source}"), payload.as_bytes())
    }

    /// What can go wrong.
    #[must_use]
    pub fn faults(&self) -> Faults {
        self.thread.faults()
    }

    /// The token that requests must show from now on; `None`: none.
    pub fn set_token(&self, token: Option<Secret>) {
        self.world.state().token = token;
    }

    /// Every request so far, in the order of their coming.
    #[must_use]
    pub fn requests(&self) -> Vec<Request> {
        self.world.state().log.requests()
    }

    /// The most sets that were under way at one time, from request to answer, of all devices.
    #[must_use]
    pub fn peak_sets(&self) -> usize {
        self.world.state().log.peak_sets(None)
    }

    /// The same of one device.
    #[must_use]
    pub fn peak_sets_of(&self, device: &str) -> usize {
        self.world.state().log.peak_sets(Some(device))
    }

    /// Messages of devices that came to nothing.
    #[must_use]
    pub fn dropped(&self) -> Vec<Dropped> {
        self.world.state().log.dropped.clone()
    }

    /// The stored events of a device, the newest first.
    #[must_use]
    pub fn events(&self, device: &str) -> Vec<Event> {
        self.world.state().store.events(Some(device)).into_iter().cloned().collect()
    }

    /// Answers of devices that nobody waits for, or not yet: device-mqtt keeps them for ever.
    #[must_use]
    pub fn responses_waiting(&self) -> usize {
        self.world.state().responses.len()
    }
}
