//! `forget`: a device that is gone for good.

use shared_host::control;

use super::{Failure, print};
use crate::cli::{ForgetArgs, Target};
use crate::protocol::{Gone, Request};

pub(super) fn run(args: &ForgetArgs) -> Result<(), Failure> {
    let target = Target { config: args.config.clone(), socket: args.socket.clone(), broker: None };
    let Gone { device } = control::ask(&target.socket()?, &Request::Forget { device: args.device.clone() })?;
    print(&format!("{device}: forgotten\n"))
}
