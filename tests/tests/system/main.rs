//! The programs as an operator meets them: processes with configuration files, real brokers, faults and overload.
//!
//! One target with a module a story, so that there is one thing to link. The stories run one after another
//! ([`harness::Site`] sees to it): some of them load a CPU on purpose.

#![forbid(unsafe_code)]
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests fail the test"
)]

mod bad_commands;
mod booted;
mod broker_restart;
mod classroom;
mod command_line_agent;
mod command_line_controller;
mod deaf;
mod doctor;
mod edgex_agent;
mod edgex_gateway;
mod edgex_stand_in;
mod emulated;
mod experiment;
mod fleet_of_many;
mod gpio;
mod group;
mod harness;
mod hub;
mod killed;
mod kubeedge;
mod kubeedge_by_mqtt;
mod lease;
mod measure;
mod metrics;
mod overload;
mod oversize;
mod page;
mod repeated_command;
mod runaway;
mod secured_by_acl;
mod secured_by_tls;
mod signed;
mod spool_on_disk;
mod stopped;
mod system_calls;
mod two_devices;
mod unheard;
mod watchdog;
