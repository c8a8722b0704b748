//! `edgex`: what has to be done and looked at in EdgeX before a controller can use it.

use shared_proto::dialect::edgex::can_be_named;
use shared_proto::ids::DeviceId;

use super::{Failure, print, runtime};
use crate::cli::{EdgexAction, EdgexCheckArgs, ProvisionArgs};
use crate::config::{self, Config};
use crate::edgex::EdgexConfig;
use crate::edgex::admin::provision::{Differing, provision, requests};
use crate::edgex::admin::{Finding, Profile, Verdict, check};

pub(super) fn run(action: &EdgexAction) -> Result<(), Failure> {
    match action {
        EdgexAction::Provision(args) => register(args),
        EdgexAction::Check(args) => look(args),
    }
}

fn register(args: &ProvisionArgs) -> Result<(), Failure> {
    let config = load(args.config.as_deref())?;
    let devices = devices(&args.devices, &config)?;
    let profile = match &args.profile {
        Some(file) => Profile::read(file).map_err(Failure::usage)?,
        None => Profile::of_the_agent(&config.profile, &config.command),
    };
    if args.dry_run {
        return requests(&config, &profile, &devices).iter().try_for_each(|request| print(request));
    }
    let differing = if args.update { Differing::Update } else { Differing::Tell };
    let mut told = Told::default();
    let done = runtime()?.block_on(provision(&config, &profile, &devices, differing, |finding| told.tell(&finding)));
    done.map_err(Failure::failed)?;
    told.end()
}

fn look(args: &EdgexCheckArgs) -> Result<(), Failure> {
    let config = load(args.config.as_deref())?;
    let devices = devices(&args.devices, &config)?;
    let mut told = Told::default();
    runtime()?.block_on(check::check(&config, &devices, |finding| told.tell(&finding)));
    told.end()
}

fn load(file: Option<&std::path::Path>) -> Result<EdgexConfig, Failure> {
    let loaded = config::load(file, std::env::vars_os())?;
    Ok(Config::from_loaded(&loaded)?.edgex)
}

fn devices(named: &[DeviceId], config: &EdgexConfig) -> Result<Vec<DeviceId>, Failure> {
    let devices = if named.is_empty() { &config.devices } else { named };
    if devices.is_empty() {
        return Err(Failure::usage("no device: name them with --device, or in edgex.devices"));
    }
    match devices.iter().find(|device| !can_be_named(device)) {
        Some(odd) => {
            Err(Failure::usage(format_args!("{odd}: not all versions of EdgeX take it; allowed are A-Z a-z 0-9 _ -")))
        }
        None => Ok(devices.to_vec()),
    }
}

/// What was told, and whether it was all good.
#[derive(Default)]
struct Told {
    bad: usize,
    unwritten: Option<Failure>,
}

impl Told {
    fn tell(&mut self, finding: &Finding) {
        if finding.verdict == Verdict::Bad {
            self.bad += 1;
        }
        if let Err(failure) = print(&format!("{finding}\n")) {
            self.unwritten = Some(failure);
        }
    }

    fn end(self) -> Result<(), Failure> {
        match (self.unwritten, self.bad) {
            (Some(failure), _) => Err(failure),
            (None, 0) => Ok(()),
            (None, bad) => Err(Failure::failed(format_args!("{bad} of the above"))),
        }
    }
}
