//! When the message bus last brought a reading of each device. A connection to it says nothing: it can be up and silent.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use shared_proto::ids::DeviceId;
use tokio::time::Instant;

/// Shared by who hears the bus and who asks core-data.
#[derive(Debug, Clone, Default)]
pub(crate) struct Arrivals(Arc<Mutex<HashMap<DeviceId, Option<Arrival>>>>);

/// The last reading that the bus brought.
#[derive(Debug, Clone, Copy)]
struct Arrival {
    at: Instant,
    origin_ns: i64,
}

impl Arrivals {
    /// The device is looked after from now on. Readings of others, whose names anybody can make up, are not remembered.
    pub(crate) fn watch(&self, device: &DeviceId) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(device.clone()).or_default();
    }

    /// A reading of this time has come now. The same once more is no sign of the device.
    pub(crate) fn note(&self, device: &DeviceId, origin_ns: i64) {
        if let Some(last) = self.0.lock().unwrap_or_else(PoisonError::into_inner).get_mut(device)
            && last.is_none_or(|last| last.origin_ns != origin_ns)
        {
            *last = Some(Arrival { at: Instant::now(), origin_ns });
        }
    }

    /// When the last one came.
    pub(crate) fn last(&self, device: &DeviceId) -> Option<Instant> {
        let last = *self.0.lock().unwrap_or_else(PoisonError::into_inner).get(device)?;
        last.map(|last| last.at)
    }

    /// The device is looked after no more.
    pub(crate) fn forget(&self, device: &DeviceId) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(device);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn only_new_readings_of_devices_that_are_looked_after_count() {
        let (arrivals, device) = (Arrivals::default(), "pi-1".parse().unwrap());
        (0..1_000).for_each(|n| arrivals.note(&format!("made-up-{n}").parse().unwrap(), n));
        assert!(arrivals.0.lock().unwrap().is_empty());
        arrivals.watch(&device);
        assert_eq!(arrivals.last(&device), None);
        arrivals.note(&device, 7);
        let first = arrivals.last(&device).unwrap();
        tokio::time::advance(Duration::from_secs(1)).await;
        arrivals.note(&device, 7);
        arrivals.watch(&device);
        assert_eq!(arrivals.last(&device), Some(first));
        arrivals.note(&device, 8);
        assert_eq!(arrivals.last(&device), Some(Instant::now()));
        arrivals.forget(&device);
        arrivals.note(&device, 9);
        assert_eq!(arrivals.last(&device), None);
    }
}
