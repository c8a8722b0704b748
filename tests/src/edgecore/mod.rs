//! A stand-in for KubeEdge's EdgeCore: the part that speaks with a mapper, with the ways of the real one (1.23.1), as far as they
//! matter to a mapper.
//!
//! - It takes a call a second after a first allowance of 100, of all kinds together.
//! - A twin that lacks one of its values kills it; here that fails the test.
//! - It keeps the first address that came with a mapper's name for good, over restarts.
//! - It dials the mapper anew for every event, as grpc-go does ([`caller`]); what fails is not tried again.
//! - The cloud behind it stores empty values for the first report of each property.

pub mod caller;
mod service;
mod state;
#[cfg(test)]
mod tests;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use gateway_controller::kubeedge::dmi::wire::{
    Device, DeviceProperty, DeviceSpec, ProtocolConfig, RegisterDeviceRequest, RemoveDeviceRequest, TwinProperty,
    UpdateDeviceRequest,
};
use tokio::sync::oneshot;

use caller::Answer;
use state::State;
pub use state::{Call, CloudTwin};

/// The namespace of all devices here.
pub const NAMESPACE: &str = "default";

/// A running EdgeCore; its end is checked when it is dropped.
#[derive(Debug)]
pub struct EdgeCore {
    socket: PathBuf,
    state: Arc<Mutex<State>>,
    running: Option<Running>,
}

#[derive(Debug)]
struct Running {
    stop: oneshot::Sender<()>,
    thread: JoinHandle<()>,
}

/// A device with its mode desired as told, which wants all its properties reported.
#[must_use]
pub fn device(name: &str, protocol: &str, desired: &str) -> Device {
    let property = |name: &str, desired: Option<&str>| DeviceProperty {
        name: name.to_owned(),
        desired: desired.map(|value| TwinProperty { value: value.to_owned(), ..Default::default() }),
        report_to_cloud: true,
    };
    let properties = vec![
        property("mode", Some(desired)),
        property("mode_source", None),
        property("miss_rate", None),
        property("colour", None),
    ];
    let protocol = ProtocolConfig { protocol_name: protocol.to_owned(), config_data: None };
    let spec = DeviceSpec { protocol: Some(protocol), properties, ..Default::default() };
    Device { name: name.to_owned(), namespace: NAMESPACE.to_owned(), spec: Some(spec) }
}

impl EdgeCore {
    /// Starts one, with these devices declared.
    ///
    /// # Errors
    /// The socket cannot be opened.
    pub fn start(socket: &Path, devices: Vec<Device>) -> io::Result<Self> {
        let state = Arc::new(Mutex::new(State::new(devices)));
        let mut edgecore = Self { socket: socket.to_owned(), state, running: None };
        edgecore.restart()?;
        Ok(edgecore)
    }

    /// Ends it as `kill -9` does: the socket's file stays.
    pub fn kill(&mut self) {
        if let Some(Running { stop, thread }) = self.running.take() {
            // It has ended already if it cannot be told to.
            let _ = stop.send(());
            let _ = thread.join();
        }
    }

    /// Starts it again, with a new socket.
    ///
    /// # Errors
    /// The socket cannot be opened.
    pub fn restart(&mut self) -> io::Result<()> {
        self.kill();
        if self.socket.exists() {
            fs::remove_file(&self.socket)?;
        }
        let listener = std::os::unix::net::UnixListener::bind(&self.socket)?;
        listener.set_nonblocking(true)?;
        let (stop, stopped) = oneshot::channel();
        let state = Arc::clone(&self.state);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let thread = std::thread::spawn(move || runtime.block_on(service::serve(listener, state, stopped)));
        self.running = Some(Running { stop, thread });
        Ok(())
    }

    /// Declares a device, or edits what is declared of it, and tells the mapper.
    pub fn declare(&self, device: Device) -> Answer {
        let protocol = protocol_of(&device).to_owned();
        match self.declare_unheard(device.clone()) {
            true => self.call(&protocol, "UpdateDevice", &UpdateDeviceRequest { device: Some(device) }),
            false => self.call(&protocol, "RegisterDevice", &RegisterDeviceRequest { device: Some(device) }),
        }
    }

    /// The same while nobody hears it, as when the link to the cloud was down. Tells whether it was declared before.
    pub fn declare_unheard(&self, device: Device) -> bool {
        self.state().devices.insert(device.name.clone(), device).is_some()
    }

    /// Takes a declaration back.
    pub fn remove(&self, name: &str) -> Answer {
        let Some(device) = self.state().devices.remove(name) else { return Answer::Nobody };
        let request = RemoveDeviceRequest { device_name: name.to_owned(), device_namespace: NAMESPACE.to_owned() };
        self.call(protocol_of(&device), "RemoveDevice", &request)
    }

    /// What the cloud shows of a property.
    #[must_use]
    pub fn cloud(&self, device: &str, property: &str) -> Option<CloudTwin> {
        self.state().cloud.get(&(device.to_owned(), property.to_owned())).cloned()
    }

    /// What the cloud shows of a device's state.
    #[must_use]
    pub fn cloud_state(&self, device: &str) -> Option<String> {
        self.state().states.get(device).cloned()
    }

    /// How often a mapper registered.
    #[must_use]
    pub fn registrations(&self) -> usize {
        self.state().registrations
    }

    /// All calls so far, with their times.
    #[must_use]
    pub fn calls(&self) -> Vec<Call> {
        self.state().calls.clone()
    }

    /// From now on every call but registrations is refused, or none any more.
    pub fn refuse(&self, refuses: Refuses) {
        self.state().refuses = refuses;
    }

    fn call(&self, protocol: &str, method: &str, request: &impl prost::Message) -> Answer {
        let address = self.state().addresses.get(protocol).cloned();
        address.map_or(Answer::Nobody, |address| caller::call(&address, method, request))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether calls are refused as too many.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Refuses {
    /// When there are too many.
    #[default]
    TooMany,
    /// All of them.
    All,
}

fn protocol_of(device: &Device) -> &str {
    let protocol = device.spec.as_ref().and_then(|spec| spec.protocol.as_ref());
    protocol.map_or("", |protocol| protocol.protocol_name.as_str())
}

impl Drop for EdgeCore {
    fn drop(&mut self) {
        self.kill();
        if !std::thread::panicking() {
            assert_eq!(self.state().crash, None, "EdgeCore would have crashed");
        }
    }
}
