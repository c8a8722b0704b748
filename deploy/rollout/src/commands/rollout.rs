//! `rollout`: all devices of an inventory.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;

use super::{Failure, artefact, print};
use crate::artefact::Artefact;
use crate::broker::Broker;
use crate::cli;
use crate::clock::MachineClock;
use crate::device::{Connections, Ssh};
use crate::health::Seen;
use crate::inventory::Inventory;
use crate::plan;
use crate::progress::Progress;
use crate::rollout::record::{Event, Record};
use crate::rollout::resume::{Standing, standing};
use crate::rollout::{Ending, Member, Rollout};
use crate::update::Task;

pub(super) fn run(options: &cli::Rollout) -> Result<(), Failure> {
    let artefact = artefact(&options.what)?;
    let inventory = load(options)?;
    let policy = inventory.policy;
    let waves = plan::waves(inventory.devices.len(), &policy);
    let labels: Vec<_> = inventory.devices.iter().map(|listed| listed.label().to_owned()).collect();
    let named: Vec<Vec<String>> =
        waves.iter().map(|wave| wave.iter().filter_map(|index| labels.get(*index).cloned()).collect()).collect();
    let (record, standing) =
        if options.dry_run { (Record::none(), BTreeMap::new()) } else { open(options, &artefact, &named)? };

    let broker = match &inventory.broker {
        Some(config) => Some(Broker::connect(config, &inventory.root).map_err(Failure::failed)?),
        None => None,
    };
    let seen = |device: &str, boot: &str| broker.as_ref().map_or(Seen::NotLooked, |broker| broker.seen(device, boot));
    let connections = Connections::open().map_err(Failure::failed)?;
    let devices: Vec<_> = inventory.devices.iter().map(|listed| Ssh::new(listed.place.clone(), &connections)).collect();
    let members: Vec<_> = inventory
        .devices
        .iter()
        .zip(&devices)
        .map(|(listed, device)| Member { label: listed.label(), name: listed.name.as_deref(), device })
        .collect();
    let task = Task { artefact: &artefact, terms: policy.terms, guard: policy.guard, poll: policy.poll };
    let clock = MachineClock::new();
    print(&plan_text(&artefact, &named))?;
    let progress = Progress::new(labels);
    let rollout = Rollout {
        members: &members,
        waves: &waves,
        task: &task,
        policy: &policy,
        clock: &clock,
        seen: &seen,
        record: &record,
        show: &|index, words| progress.show(index, words),
    };
    if !options.dry_run {
        rollout.clear_doubt(&standing);
    }
    let looks = rollout.look();
    if let Err(why) = rollout.may_begin(&looks) {
        // Nothing happened; that it cannot be written changes nothing.
        let _ = record.write(Event::Stop { why: why.clone() });
        return Err(Failure::failed(format_args!("nothing was changed:\n{why}")));
    }
    if options.dry_run {
        return print("nothing was changed: --dry-run\n");
    }
    match rollout.run(&standing) {
        Ending::AllDone { missed } if missed.is_empty() => print("all done\n"),
        Ending::AllDone { missed } => print(&format!("all done, but for those out of reach: {}\n", missed.join(", "))),
        Ending::Stopped(why) => {
            Err(Failure::failed(format_args!("stopped, and its last wave was rolled back:\n{why}")))
        }
        Ending::Unclear(who) => Err(Failure::Unclear(format!("stopped; these need a person: {}", who.join(", ")))),
    }
}

fn load(options: &cli::Rollout) -> Result<Inventory, Failure> {
    let broker = options.broker.as_ref().map(|url| (OsString::from("FLEET_MQTT__URL"), OsString::from(url)));
    let others = std::env::vars_os().filter(|(name, _)| broker.is_none() || name != "FLEET_MQTT__URL");
    let inventory = Inventory::load(&options.inventory, others.chain(broker.clone()))?;
    if inventory.devices.is_empty() {
        return Err(Failure::usage(format_args!("{}: no [[device]] is in it", options.inventory.display())));
    }
    Ok(inventory)
}

/// The record of this rollout, and how its devices stand by it.
fn open(
    options: &cli::Rollout,
    artefact: &Artefact,
    waves: &[Vec<String>],
) -> Result<(Record, BTreeMap<String, Standing>), Failure> {
    let Some(path) = &options.record else { return Ok((Record::none(), BTreeMap::new())) };
    let at = |error: &dyn std::fmt::Display| Failure::usage(format_args!("{}: {error}", path.display()));
    if options.resume {
        let content = fs::read_to_string(path).map_err(|error| at(&error))?;
        let standing = standing(&content, &artefact.sha256, waves).map_err(|error| at(&error))?;
        let record = Record::append(path, &content).map_err(|error| at(&error))?;
        record.write(Event::Resume).map_err(|error| at(&error))?;
        return Ok((record, standing));
    }
    let record = Record::create(path).map_err(|error| at(&format!("{error} (to go on with a record: --resume)")))?;
    let begin = Event::Begin { release: artefact.release(), sha256: artefact.sha256.clone(), waves: waves.to_vec() };
    record.write(begin).map_err(|error| at(&error))?;
    Ok((record, BTreeMap::new()))
}

fn plan_text(artefact: &Artefact, waves: &[Vec<String>]) -> String {
    let mut text = format!("release {} of {}\n", artefact.release(), artefact.file.display());
    for (number, wave) in waves.iter().enumerate() {
        let name = if number == 0 { "canary".to_owned() } else { format!("wave {number}") };
        text.push_str(&format!("{name}: {}\n", wave.join(", ")));
    }
    text
}
