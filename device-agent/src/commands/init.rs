//! `device-agent init`.

use shared_host::config::{Existing, quote, write};
use shared_host::mqtt::BrokerUrl;
use shared_proto::ids::DeviceId;

use super::{Failure, print};
use crate::cli::Init;
use crate::config::{SCHEMA, host_name};

pub(super) fn init(options: &Init) -> Result<(), Failure> {
    let mut values = Vec::new();
    let name = options.device.clone().unwrap_or_else(host_name);
    match name.parse::<DeviceId>() {
        Ok(_) => values.push(("device.name", quote(&name))),
        Err(error) if options.device.is_some() => {
            return Err(Failure::Configuration(format!("--device {name:?}: {error}")));
        }
        // A host name that cannot serve: the key stays commented out, and `run` will say so.
        Err(_) => {}
    }
    if let Some(broker) = &options.broker {
        broker.parse::<BrokerUrl>().map_err(|error| Failure::Configuration(format!("--broker {broker:?}: {error}")))?;
        values.push(("mqtt.url", quote(broker)));
    }
    let values: Vec<(&str, &str)> = values.iter().map(|(path, value)| (*path, value.as_str())).collect();
    let text = SCHEMA.template_with(&values)?;
    let Some(path) = &options.output else { return print(&text) };
    write(path, &text, if options.force { Existing::Replace } else { Existing::Keep }).map_err(Failure::failed)
}
