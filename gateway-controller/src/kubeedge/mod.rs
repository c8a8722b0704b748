//! KubeEdge: the cloud's wishes for a device's mode, and what the cloud is told of the devices (its "twins").
//!
//! Two ways: as a mapper of EdgeCore's device management interface (feature `kubeedge`), which brings wishes and takes twins; or by
//! plain MQTT, which takes twins only, as KubeEdge brings no wishes there since 1.15. Either way it hangs beside the controller's
//! loop: devices are led from here with or without a cloud.
//!
//! | module | content |
//! |---|---|
//! | [`resource`], [`desired`] | a device as the cloud declares it |
//! | [`property`], [`value`] | what can be reported, and the values that EdgeCore takes |
//! | [`plan`] | what to report, and when: no input, output or clock |
//! | `declarations`, `mapper` | which desired modes are news; the mapper's core |
//! | `dmi` | the mapper's calls, in both directions |
//! | `mqtt` | twins by plain MQTT |

mod bridge;
#[cfg(feature = "kubeedge")]
mod declarations;
pub mod desired;
#[cfg(feature = "kubeedge")]
pub mod dmi;
#[cfg(feature = "kubeedge")]
mod mapper;
mod mqtt;
mod pace;
pub mod plan;
pub mod property;
pub mod resource;
pub mod settings;
pub mod value;

pub(crate) use bridge::Bridge;
pub use settings::{MapperSettings, MqttSettings, Twins};
