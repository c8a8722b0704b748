//! `set-mode`: an operator's wish.

use std::path::Path;
use std::time::{Duration, Instant};

use shared_host::mqtt::{Event, Filter, Options, Qos, Received, Retained};
use shared_host::{control, json};
use shared_proto::dialect::native::{self, Kind};
use shared_proto::ids::{CommandId, DeviceId};
use shared_proto::mode::{Mode, ModeSource};
use shared_proto::wire::{Ack, Fresh, Lease, Outcome, SetMode, Version};

use super::direct::{Direct, configuration};
use super::{Failure, print, runtime};
use crate::cli::{SetModeArgs, WishArg};
use crate::fleet::{Command, DeviceView, Payload, PresenceView};
use crate::keyring::Keyring;
use crate::link::{Topics, options};
use crate::protocol::{BrokerView, Request, Wished};

/// How long a report of the device may take to come.
const REPORT_WAIT: Duration = Duration::from_secs(10);
/// How often the controller is asked whether the device has followed.
const LOOK_EVERY: Duration = Duration::from_millis(50);

pub(super) fn run(args: &SetModeArgs) -> Result<(), Failure> {
    if args.target.broker.is_some() { runtime()?.block_on(send(args)) } else { wish(args) }
}

/// Tells the running controller.
fn wish(args: &SetModeArgs) -> Result<(), Failure> {
    let socket = args.target.socket()?;
    let request = Request::SetMode { device: args.device.clone(), wish: args.mode.into() };
    let wished: Wished = control::ask(&socket, &request)?;
    if let BrokerView { url, down: Some(why) } = wished.broker {
        return Err(Failure::failed(format_args!(
            "the controller has no connection to {url}: {why}; what you want of {} stands and is sent when it has",
            args.device
        )));
    }
    match args.mode.mode() {
        Some(mode) => follow(args, &socket, mode, wished.device),
        None if args.mode == WishArg::Release => print(&format!("{}: left to itself until `auto`\n", args.device)),
        None => print(&format!("{}: left to the policy\n", args.device)),
    }
}

/// Waits until the device has taken the mode.
fn follow(args: &SetModeArgs, socket: &Path, mode: Mode, mut view: DeviceView) -> Result<(), Failure> {
    let device = &args.device;
    let deadline = Instant::now() + args.wait;
    loop {
        if view.mode == Some(mode) && view.presence == PresenceView::Online {
            return print(&format!("{device}: {mode}\n"));
        }
        if args.wait.is_zero() {
            return print(&format!("{device}: {mode} is wanted\n"));
        }
        if let Some(why) = hopeless(&view) {
            return Err(Failure::failed(format_args!("{device}: {why}; the wish for {mode} stands until `auto`")));
        }
        if Instant::now() >= deadline {
            let shown = view.mode.map_or("no mode", Mode::as_str);
            let waited = args.wait.as_millis();
            return Err(Failure::failed(format_args!(
                "{device}: it still reports {shown} after {waited} ms; the wish for {mode} stands until `auto`"
            )));
        }
        std::thread::sleep(LOOK_EVERY);
        view = control::ask(socket, &Request::Device { device: device.clone() })?;
    }
}

/// Why waiting is of no use.
fn hopeless(view: &DeviceView) -> Option<&'static str> {
    match (view.presence, view.mode_source) {
        (PresenceView::Offline, _) => Some("the device is offline"),
        (_, Some(ModeSource::Operator)) => {
            Some("somebody holds another mode at the device (`device-agent hold release`)")
        }
        (_, Some(ModeSource::Safety)) => Some("the device protects itself and keeps another mode"),
        _ => None,
    }
}

/// Sends one command straight to the device and waits for its acknowledgement.
async fn send(args: &SetModeArgs) -> Result<(), Failure> {
    let device = &args.device;
    let (mode, lease_ms) = match args.mode {
        WishArg::Auto => {
            return Err(Failure::usage("auto needs a running controller; `release` lets go of the device"));
        }
        // The mode does not matter when the device is let go.
        WishArg::Release => (Mode::default(), Lease::RELEASE),
        WishArg::Normal => (Mode::Normal, lease(args.lease)?),
        WishArg::Degraded => (Mode::Degraded, lease(args.lease)?),
    };
    let id: CommandId = format!("cli-{:016x}", fastrand::u64(..)).parse().map_err(Failure::failed)?;
    let config = configuration(&args.target)?;
    let keyring = Keyring::read(config.security.as_ref()).map_err(Failure::usage)?;
    let signs = keyring.signs_for(device);
    let topics = Topics::new(config.root.clone(), config.dialects).with(keyring);
    let filter =
        |kind| Filter { topic: native::topic(&config.root, device, kind).as_str().to_owned(), qos: Qos::AtLeastOnce };
    // Subscribed before the command goes out, so that its acknowledgement cannot be missed.
    let filters = if signs { vec![filter(Kind::Ack), filter(Kind::Report)] } else { vec![filter(Kind::Ack)] };
    let mut direct = Direct::connect(Options { filters, ..options(&config, &topics) }).await?;
    let fresh = if signs { Some(fresh(&mut direct, device, config.fleet.timing.ttl_ms()).await?) } else { None };
    let command = SetMode {
        v: Version,
        id: id.clone(),
        mode,
        lease_ms,
        reason: "set-mode".into(),
        cause: None,
        fresh,
        missing: None,
    };
    let command = Command { device: device.clone(), payload: Payload::Native(Box::new(command)) };
    let message = topics.message(&command).ok_or_else(|| Failure::failed("the command cannot be written"))?;
    direct.publisher.try_publish(message).map_err(Failure::failed)?;
    let ack = wait(&mut direct, args.wait, &id, device).await?;
    direct.close().await;
    match ack {
        Some(ack) => judge(args, &ack),
        None if args.wait.is_zero() => print(&format!("{device}: command sent\n")),
        None => {
            let waited = args.wait.as_millis();
            Err(Failure::failed(format_args!("{device}: no acknowledgement within {waited} ms: is the device online?")))
        }
    }
}

/// A signed command says until when it may be taken, on the device's clock: that is heard from its next report.
async fn fresh(direct: &mut Direct, device: &DeviceId, ttl_ms: u32) -> Result<Fresh, Failure> {
    let deadline = tokio::time::Instant::now() + REPORT_WAIT;
    while let Some(event) = direct.next(deadline).await? {
        let Event::Message(Received { payload, retained: Retained::Live, .. }) = event else { continue };
        match json::decode_report(&payload) {
            Ok(report) if report.device == *device => {
                return Ok(Fresh { boot: report.boot, up_ms: report.up_ms, ttl_ms });
            }
            _ => {}
        }
    }
    Err(Failure::failed(format_args!(
        "{device}: no report within {} s; a signed command needs to know the device's time: is the device online?",
        REPORT_WAIT.as_secs()
    )))
}

async fn wait(direct: &mut Direct, limit: Duration, id: &CommandId, device: &DeviceId) -> Result<Option<Ack>, Failure> {
    let deadline = tokio::time::Instant::now() + limit;
    while let Some(event) = direct.next(deadline).await? {
        let Event::Message(received) = event else { continue };
        if received.retained == Retained::Retained {
            continue;
        }
        match json::decode_ack(&received.payload) {
            Ok(ack) if ack.id == *id && ack.device == *device => return Ok(Some(ack)),
            _ => {}
        }
    }
    Ok(None)
}

fn judge(args: &SetModeArgs, ack: &Ack) -> Result<(), Failure> {
    let Ack { mode, mode_source, reason, .. } = ack;
    let device = &args.device;
    let refused = match ack.result {
        Outcome::Applied | Outcome::Unchanged => None,
        Outcome::Rejected => Some("rejected"),
        Outcome::Expired => Some("expired"),
        Outcome::Duplicate => Some("taken before"),
    };
    if let Some(refused) = refused {
        return Err(Failure::failed(format_args!("{device}: {refused}: {:?}", reason.as_str())));
    }
    match args.mode.mode() {
        Some(wanted) if wanted != *mode => Err(Failure::failed(format_args!(
            "{device}: it stays {mode}, which source {mode_source} decides: {:?}",
            reason.as_str()
        ))),
        Some(_) => print(&format!("{device}: {mode} for {} s\n", args.lease.as_secs())),
        None => print(&format!("{device}: released, now {mode}\n")),
    }
}

fn lease(time: Duration) -> Result<Lease, Failure> {
    let ms = u32::try_from(time.as_millis()).unwrap_or(u32::MAX);
    match Lease::try_from(ms) {
        Ok(lease) if lease != Lease::RELEASE => Ok(lease),
        _ => Err(Failure::usage("--lease: allowed are 100ms to 24h")),
    }
}

impl WishArg {
    fn mode(self) -> Option<Mode> {
        match self {
            Self::Normal => Some(Mode::Normal),
            Self::Degraded => Some(Mode::Degraded),
            Self::Auto | Self::Release => None,
        }
    }
}
