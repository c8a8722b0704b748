//! `device-agent init`.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};

use shared_host::config::quote;
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

    let mut open = OpenOptions::new();
    open.write(true);
    if options.force {
        open.create(true).truncate(true);
    } else {
        open.create_new(true);
    }
    let shown = path.display();
    let mut file = open.open(path).map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => Failure::Failed(format!("{shown} is there already; --force replaces it")),
        _ => Failure::Failed(format!("{shown}: {error}")),
    })?;
    file.write_all(text.as_bytes()).map_err(|error| Failure::Failed(format!("{shown}: {error}")))
}
