//! Which devices there are: those of the profile, in core-metadata.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde::Deserialize;
use shared_proto::dialect::edgex::can_be_named;
use shared_proto::ids::DeviceId;

use super::health::Health;
use super::http::Client;

/// How often it is asked, and how soon again when it did not answer.
const EVERY: Duration = Duration::from_secs(60);
const AGAIN: Duration = Duration::from_secs(5);
/// Devices in one answer: EdgeX gives at most `Service.MaxResultCount`, 1024 by default, and refuses to be asked for more.
const PAGE: usize = 500;
/// Devices that are looked at: whoever answers more does not heed the offset.
const MOST: usize = 100_000;

/// Asks core-metadata.
#[derive(Debug)]
pub(crate) struct Discovery {
    client: Client,
    profile: String,
    timeout: Duration,
    health: Health,
    asked: AtomicBool,
}

#[derive(Deserialize)]
struct Devices {
    devices: Option<Vec<Named>>,
}

#[derive(Deserialize)]
struct Named {
    name: String,
    #[serde(rename = "profileName")]
    profile: String,
}

impl Discovery {
    pub(crate) fn new(client: Client, profile: String, timeout: Duration) -> Self {
        let health = Health::new(client.service());
        Self { client, profile, timeout, health, asked: AtomicBool::new(false) }
    }

    /// The devices of now. The first answer comes at once, later ones when it is time.
    pub(crate) async fn next(&self) -> HashSet<DeviceId> {
        if self.asked.swap(true, Ordering::Relaxed) {
            tokio::time::sleep(EVERY).await;
        }
        loop {
            match self.all().await {
                Ok(devices) => {
                    self.health.good();
                    return devices;
                }
                Err(reason) => self.health.bad(&reason),
            };
            tokio::time::sleep(AGAIN).await;
        }
    }

    async fn all(&self) -> Result<HashSet<DeviceId>, String> {
        let mut names = Vec::new();
        let mut asked = 0;
        loop {
            // Of a profile that is not there EdgeX tells no devices, and no error.
            let path = format!("/device/profile/name/{}?offset={asked}&limit={PAGE}", self.profile);
            let answer = self.client.get(&path, self.timeout).await.map_err(|error| error.to_string())?;
            // Beyond the end there is nothing (416): some were removed meanwhile.
            let page =
                if answer.status == 416 { Vec::new() } else { answer.ok::<Devices>()?.devices.unwrap_or_default() };
            let last = page.len() < PAGE;
            asked += page.len();
            // Whoever answers other devices than were asked for is not EdgeX.
            names.extend(page.into_iter().filter(|device| device.profile == self.profile).map(|device| device.name));
            if last || asked >= MOST {
                break;
            }
        }
        let parsed = names.iter().filter_map(|name| {
            let device = name.parse::<DeviceId>().ok().filter(can_be_named);
            if device.is_none() {
                tracing::debug!(name, "a device of another name than this project's is left alone");
            }
            device
        });
        Ok(parsed.collect())
    }
}
