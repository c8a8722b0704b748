//! When the message bus last brought a reading of each device. A connection to it says nothing: it can be up and silent.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use shared_proto::ids::DeviceId;
use tokio::time::Instant;

/// Shared by who hears the bus and who asks core-data.
#[derive(Debug, Clone, Default)]
pub(crate) struct Arrivals(Arc<Mutex<HashMap<DeviceId, Instant>>>);

impl Arrivals {
    /// A reading has come now.
    pub(crate) fn note(&self, device: &DeviceId) {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match last.get_mut(device) {
            Some(at) => *at = Instant::now(),
            None => drop(last.insert(device.clone(), Instant::now())),
        }
    }

    /// When the last one came.
    pub(crate) fn last(&self, device: &DeviceId) -> Option<Instant> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(device).copied()
    }

    /// The device is looked after no more.
    pub(crate) fn forget(&self, device: &DeviceId) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(device);
    }
}
