//! What the golden vectors mean, as values.

pub(crate) mod ack;
pub(crate) mod command;
pub(crate) mod edgex;
pub(crate) mod lab;
pub(crate) mod report;
pub(crate) mod site;
pub(crate) mod status;

use shared_proto::ids::{BootId, DeviceId};
use shared_proto::wire::{OverrunPolicy, Task};

pub(crate) const BOOT: BootId = BootId(0x1f0a_5c3d_2b4e_6978);

pub(crate) fn device() -> DeviceId {
    "pi-01".parse().expect("a device name")
}

pub(crate) fn task() -> Task {
    Task { name: "busy".into(), period_us: 10_000, deadline_us: 8_000, overrun: OverrunPolicy::SkipNext }
}
