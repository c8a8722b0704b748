//! Which devices a command line means: those of an inventory, or a host with all defaults.

use std::fmt::Write;
use std::path::Path;

use shared_host::config::quote;

use super::Failure;
use crate::cli::Reach;
use crate::inventory::{Inventory, Listed};

/// The inventory that a command line stands for; a host that no inventory has is one of its own.
pub(super) fn inventory(hosts: &[String], reach: &Reach) -> Result<Inventory, Failure> {
    let Some(file) = &reach.inventory else {
        let name = "the command line";
        return Ok(Inventory::from_text(name, &as_inventory(hosts, reach))?);
    };
    let mut inventory = Inventory::load(file, std::env::vars_os())?;
    if !hosts.is_empty() {
        let find = |host: &String| {
            let found = inventory.find(host).cloned();
            found.ok_or_else(|| Failure::usage(format_args!("{}: no device {host}", file.display())))
        };
        inventory.devices = hosts.iter().map(find).collect::<Result<_, _>>()?;
    }
    Ok(inventory)
}

/// The one device of a command.
pub(super) fn device(host: &str, reach: &Reach) -> Result<(Listed, Inventory), Failure> {
    let inventory = inventory(&[host.to_owned()], reach)?;
    let listed = inventory.devices.first().cloned();
    Ok((listed.ok_or_else(|| Failure::usage("no device is given"))?, inventory))
}

/// Whether a word of the command line is an inventory rather than a host.
pub(super) fn is_file(word: &str) -> bool {
    word.ends_with(".toml") && Path::new(word).is_file()
}

fn as_inventory(hosts: &[String], reach: &Reach) -> String {
    let mut text = "[defaults]\n".to_owned();
    // Writing to a string cannot fail.
    if let Some(port) = reach.port {
        let _ = writeln!(text, "port = {port}");
    }
    let options: Vec<_> = reach.ssh_option.iter().map(|option| quote(option)).collect();
    let _ = writeln!(text, "ssh_options = [{}]", options.join(", "));
    if reach.sudo {
        text.push_str("rights = \"sudo\"\n");
    }
    if let Some(dir) = &reach.dir {
        let _ = writeln!(text, "dir = {}", quote(dir));
    }
    for host in hosts {
        let _ = writeln!(text, "[[device]]\nhost = {}", quote(host));
    }
    text
}
