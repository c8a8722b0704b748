//! The keys of the devices: what they send is verified, what they are sent is signed.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use shared_host::key_file::{self, DeviceKeys, KeyFileError};
use shared_host::lab_sign::{self, CommandMessage, Nonce, Now, ReplayGuard, Wall};
use shared_host::sections::{ControllerSecurity, Outgoing, Unsigned};
use shared_proto::dialect::lab::{self, Observed};
use shared_proto::ids::DeviceId;
use shared_proto::sign::{self, OVERHEAD, Refusal};

/// Is there when systemd-timesyncd has set the clock.
const CLOCK_IS_SET: &str = "/run/systemd/timesync/synchronized";

/// The keys, and what is done with them. Without keys everybody is believed whom the broker lets publish.
#[derive(Debug)]
pub struct Keyring {
    devices: BTreeMap<DeviceId, Entry>,
    commands: Outgoing,
    unsigned: Unsigned,
    start: Instant,
}

#[derive(Debug)]
struct Entry {
    keys: DeviceKeys,
    /// What the classroom's device said last.
    guard: ReplayGuard,
}

impl Default for Keyring {
    fn default() -> Self {
        Self {
            devices: BTreeMap::new(),
            commands: Outgoing::Plain,
            unsigned: Unsigned::Accepted,
            start: Instant::now(),
        }
    }
}

impl Keyring {
    /// Reads the keys.
    ///
    /// # Errors
    /// [`KeyFileError`] for the first file that cannot be used.
    pub fn read(security: Option<&ControllerSecurity>) -> Result<Self, KeyFileError> {
        let Some(ControllerSecurity { keys_dir, commands, unsigned_reports }) = security else {
            return Ok(Self::default());
        };
        let entry = |keys| Entry { keys, guard: ReplayGuard::default() };
        let devices = key_file::read_directory(keys_dir)?.into_iter().map(|(device, keys)| (device, entry(keys)));
        let devices = devices.collect();
        Ok(Self { devices, commands: *commands, unsigned: *unsigned_reports, ..Self::default() })
    }

    /// Devices that have a key.
    #[must_use]
    pub fn len(&self) -> usize {
        self.devices.len()
    }

    /// Whether no device has a key.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.devices.is_empty()
    }

    /// Whether commands to this device are signed.
    #[must_use]
    pub fn signs_for(&self, device: &DeviceId) -> bool {
        self.commands == Outgoing::Signed && self.devices.contains_key(device)
    }

    /// Whether a message of the native wire is believed.
    pub(crate) fn believe(&self, device: &DeviceId, topic: &str, payload: &[u8]) -> Result<(), String> {
        let Some(entry) = self.devices.get(device) else { return self.without_key() };
        match sign::verify(&entry.keys.native, topic, payload) {
            Ok(_) => Ok(()),
            Err(Refusal::Unsigned) if self.unsigned == Unsigned::Accepted => Ok(()),
            Err(refusal) => Err(refusal.to_string()),
        }
    }

    /// Whether a message to this device, or about it between controllers, is from one that has the keys. Where commands are not signed,
    /// whoever the broker lets publish is believed.
    pub(crate) fn believe_peer(&self, device: &DeviceId, topic: &str, payload: &[u8]) -> Result<(), String> {
        let Some(entry) = self.devices.get(device).filter(|_| self.commands == Outgoing::Signed) else { return Ok(()) };
        sign::verify(&entry.keys.native, topic, payload).map(drop).map_err(|refusal| refusal.to_string())
    }

    /// What a signed message of the classroom's wire says; `None` if it is not signed and need not be.
    pub(crate) fn believe_lab(&mut self, device: &DeviceId, payload: &[u8]) -> Result<Option<Observed>, String> {
        let Some(entry) = self.devices.get_mut(device) else { return self.without_key().map(|()| None) };
        let message = match lab_sign::verify(&entry.keys.lab, device, payload) {
            Ok(message) => message,
            Err(lab_sign::Refusal::Unsigned) if self.unsigned == Unsigned::Accepted => return Ok(None),
            Err(refusal) => return Err(refusal.to_string()),
        };
        let up_ms = u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX);
        entry.guard.admit(message.stamp(), Now { up_ms, wall: wall() }).map_err(|error| error.to_string())?;
        message.observed().map(Some).map_err(|error| error.to_string())
    }

    fn without_key(&self) -> Result<(), String> {
        match self.unsigned {
            Unsigned::Accepted => Ok(()),
            Unsigned::Refused => Err("there is no key for this device in security.keys_dir".to_owned()),
        }
    }

    /// The payload for a topic of the native wire, signed if commands to this device are. `None` cannot happen: commands are
    /// JSON objects, and topics of devices have no zero byte.
    pub(crate) fn sign(&self, device: &DeviceId, topic: &str, mut payload: Vec<u8>) -> Option<Vec<u8>> {
        let Some(entry) = self.devices.get(device).filter(|_| self.commands == Outgoing::Signed) else {
            return Some(payload);
        };
        let length = payload.len();
        payload.resize(length + OVERHEAD, 0);
        let signed = sign::sign_in_place(&entry.keys.native, topic, &mut payload, length).ok()?;
        payload.truncate(signed);
        Some(payload)
    }

    /// A command of the classroom's wire as a signed message, if commands to this device are.
    pub(crate) fn sign_lab(&self, device: &DeviceId, command: &lab::Command) -> Option<Vec<u8>> {
        let entry = self.devices.get(device).filter(|_| self.commands == Outgoing::Signed)?;
        let message = CommandMessage {
            device_id: device.clone(),
            ts_ms: wall_ms(),
            nonce: Nonce(fastrand::u32(..)),
            mode: command.mode,
        };
        lab_sign::sign(&entry.keys.lab, &message).ok()
    }
}

/// The time of day, as far as this machine is sure of it.
fn wall() -> Wall {
    if Path::new(CLOCK_IS_SET).exists() { Wall::Synchronised(wall_ms()) } else { Wall::Unknown }
}

fn wall_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
