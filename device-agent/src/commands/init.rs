//! `device-agent init`.

use std::io::{self, Write};
use std::path::Path;

use shared_host::config::{ConfigError, Existing, quote, write};
use shared_host::mqtt::BrokerUrl;
use shared_proto::ids::DeviceId;

use super::{Failure, print};
use crate::cli::Init;
use crate::config::{Config, SCHEMA, host_name};
use crate::host::Platform;

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
    if options.insecure {
        values.push(("mqtt.insecure", "true".to_owned()));
    }
    values.extend(backend(&Platform::read()).map(|backend| ("gpio.backend", quote(backend))));
    let values: Vec<(&str, &str)> = values.iter().map(|(path, value)| (*path, value.as_str())).collect();
    let text = SCHEMA.template_with(&values)?;
    match &options.output {
        None => print(&text)?,
        Some(path) => {
            write(path, &text, if options.force { Existing::Replace } else { Existing::Keep })
                .map_err(Failure::failed)?;
        }
    }
    tell_what_is_missing(options.output.as_deref().unwrap_or(Path::new("standard output")), &text);
    Ok(())
}

/// On a Raspberry Pi the lines are wired to something; elsewhere they stay simulated until somebody says otherwise.
fn backend(machine: &Platform) -> Option<&'static str> {
    machine.is_raspberry_pi().then_some("auto")
}

/// A configuration may need more than this command is told, such as files of certificates.
fn tell_what_is_missing(name: &Path, text: &str) {
    let check = || {
        let loaded = SCHEMA.load_text(name, text)?;
        Config::from_loaded(&loaded)?.check_files(&loaded)
    };
    if let Err(error) = check() {
        let error: ConfigError = error;
        // A closed standard error is no reason to fail: check-config says the same.
        let _ = writeln!(io::stderr(), "device-agent: written, but to be put right before `run` takes it:\n{error}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_raspberry_pi_gets_its_lines_and_a_desk_simulated_ones() {
        let machine = |model: &str| Platform { model: Some(model.to_owned()), ..Platform::default() };
        assert_eq!(backend(&machine("Raspberry Pi 5 Model B Rev 1.0")), Some("auto"));
        assert_eq!(backend(&machine("Some CPU @ 2 GHz")), None);
        assert_eq!(backend(&Platform::default()), None);
    }
}
