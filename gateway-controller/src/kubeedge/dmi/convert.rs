//! Between KubeEdge's messages and our words.

use std::collections::HashMap;

use super::any;
use super::wire::{
    Device, DeviceStatus, MapperInfo, MapperRegisterRequest, ReportDeviceStatesRequest, ReportDeviceStatusRequest,
    Twin, TwinProperty,
};
use crate::kubeedge::desired::Desired;
use crate::kubeedge::plan::State;
use crate::kubeedge::property::Property;
use crate::kubeedge::resource::{Declaration, Declared, Misdeclared, ResourceId};
use crate::kubeedge::settings::MapperSettings;
use crate::kubeedge::value::{self, TwinValue};

/// Where a device's data says which of our devices it is; without it, its name does.
const DEVICE_ID: &str = "deviceId";

/// What is declared here.
pub(super) fn declaration(device: Device) -> Declaration {
    let Device { name, namespace, spec } = device;
    let spec = spec.unwrap_or_default();
    let data = spec.protocol.and_then(|protocol| protocol.config_data).unwrap_or_default().data;
    // A value that cannot be read is no name.
    let ours = data.get(DEVICE_ID).map(|value| any::text(value).unwrap_or_default());
    let ours = ours.unwrap_or_else(|| name.clone());
    let id = ResourceId { namespace, name };
    let device = match ours.parse() {
        Ok(device) => device,
        Err(reason) => return Err(Misdeclared { id, reason }),
    };
    let desired = spec.properties.iter().find(|property| property.name == Property::Mode.name());
    let desired = desired.and_then(|property| property.desired.as_ref()).map_or("", |desired| desired.value.as_str());
    let reported = spec.properties.iter().filter(|property| property.report_to_cloud);
    Ok(Declared {
        id,
        device,
        desired: Desired::of(desired),
        desired_text: TwinValue::of(desired),
        properties: reported.filter_map(|property| Property::named(&property.name)).collect(),
    })
}

/// Who we are. The name goes with the address: EdgeCore keeps the first address of a name for good.
pub(super) fn registration(settings: &MapperSettings) -> MapperRegisterRequest {
    let mapper = MapperInfo {
        name: format!("gateway-controller-{}", settings.listen.name()),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        api_version: "v1beta1".to_owned(),
        protocol: settings.protocol.as_str().to_owned(),
        address: settings.listen.to_string().into_bytes(),
        state: "ok".to_owned(),
    };
    MapperRegisterRequest { with_data: true, mapper: Some(mapper) }
}

/// A report of twins, each with both of its values.
pub(super) fn twins(id: &ResourceId, twins: &[(Property, value::Twin)], wall_ms: u64) -> ReportDeviceStatusRequest {
    let twins = twins.iter().map(|(property, twin)| Twin {
        property_name: property.name().to_owned(),
        observed_desired: Some(noted(&twin.observed_desired, *property, wall_ms)),
        reported: Some(noted(&twin.reported, *property, wall_ms)),
    });
    ReportDeviceStatusRequest {
        device_name: id.name.clone(),
        reported_device: Some(DeviceStatus { twins: twins.collect() }),
        device_namespace: id.namespace.clone(),
    }
}

/// A report of a state.
pub(super) fn state(id: &ResourceId, state: State) -> ReportDeviceStatesRequest {
    ReportDeviceStatesRequest {
        device_name: id.name.clone(),
        device_namespace: id.namespace.clone(),
        state: state.as_str().to_owned(),
    }
}

fn noted(value: &TwinValue, property: Property, wall_ms: u64) -> TwinProperty {
    let note = |name: &str, value: String| (name.to_owned(), value);
    let metadata = HashMap::from([note("timestamp", wall_ms.to_string()), note("type", property.kind().to_owned())]);
    TwinProperty { value: value.as_str().to_owned(), metadata }
}

#[cfg(test)]
mod tests;
