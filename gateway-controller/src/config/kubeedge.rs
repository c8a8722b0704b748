//! The section `kubeedge`.

use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;
use shared_host::config::{ConfigError, Loaded};

use super::raw::within;
use crate::edgex::Source;
use crate::kubeedge::property::Property;
use crate::kubeedge::settings::{AbstractName, MapperSettings, MqttSettings, Twins, Word};

/// Longest path of a unix socket in bytes.
const MAX_SOCKET_PATH: usize = 107;

#[derive(Deserialize)]
pub(super) struct Raw {
    twins: Way,
    dmi_socket: PathBuf,
    listen: AbstractName,
    protocol: Word,
    report_interval_s: u64,
    namespace: String,
    properties: Vec<Property>,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Way {
    Off,
    Mapper,
    Mqtt,
}

impl Raw {
    pub(super) fn check(self, source: Source, loaded: &Loaded) -> Result<Twins, ConfigError> {
        let path = &self.dmi_socket;
        within(loaded, "kubeedge.dmi_socket", path.is_absolute() && path.as_os_str().len() <= MAX_SOCKET_PATH)?;
        within(loaded, "kubeedge.report_interval_s", (10..=3_600).contains(&self.report_interval_s))?;
        within(loaded, "kubeedge.properties", !self.properties.is_empty())?;
        let namespace = match self.namespace.as_str() {
            "" => None,
            text => Some(text.parse().map_err(|error| loaded.refuse("kubeedge.namespace", error))?),
        };
        let interval = Duration::from_secs(self.report_interval_s);
        match self.twins {
            Way::Off => Ok(Twins::Off),
            Way::Mapper if cfg!(not(feature = "kubeedge")) => {
                Err(loaded.refuse("kubeedge.twins", "this program was built without the feature kubeedge"))
            }
            Way::Mapper => Ok(Twins::Mapper(MapperSettings {
                dmi_socket: self.dmi_socket,
                listen: self.listen,
                protocol: self.protocol,
                interval,
            })),
            Way::Mqtt if source == Source::EdgexRest => {
                Err(loaded.refuse("kubeedge.twins", "it needs a broker, and gateway.source = \"edgex-rest\" has none"))
            }
            Way::Mqtt => {
                let mut properties = self.properties;
                properties.sort_unstable();
                properties.dedup();
                Ok(Twins::Mqtt(MqttSettings { namespace, properties, interval }))
            }
        }
    }
}
