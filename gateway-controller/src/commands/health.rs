//! `health`: whether the running controller still answers.

use shared_host::control;

use super::{Failure, print};
use crate::cli::{HealthArgs, Target};
use crate::protocol::{BrokerView, Health, Request};

pub(super) fn run(args: &HealthArgs) -> Result<(), Failure> {
    let target = Target { config: args.config.clone(), socket: args.socket.clone(), broker: None };
    let Health { broker: BrokerView { url, down } } = control::ask(&target.socket()?, &Request::Health)?;
    match down {
        None => print(&format!("well, connected to {url}\n")),
        Some(why) if args.connected => Err(Failure::failed(format_args!("no connection to {url}: {why}"))),
        Some(why) => print(&format!("well, without a connection to {url}: {why}\n")),
    }
}
