//! Watches the miss rates of a fleet and commands NORMAL or DEGRADED.
//!
//! | module | content |
//! |---|---|
//! | [`fleet`] | what is known of every device, what is wanted of it, which commands that takes: no input, output or clock |
//! | [`group`] | several controllers that share the reports of one fleet: their name, and what they tell each other |
//! | [`link`] | what a topic and a payload mean, and how a command becomes a message |
//! | [`edgex`] | EdgeX: readings from core-data and the message bus, commands through core-command |
//! | [`sites`] | what is known of the sites below this controller: no input, output or clock |
//! | [`upstream`] | what is forwarded of this site to a controller above it |
//! | [`run`] | the loop around it: broker, control socket, clock |
//! | [`keyring`] | whose messages are believed, and signatures of commands |
//! | [`event`], [`sink`] | what it tells, and to whom |
//! | [`watch`], [`web`] | what those see who watch, and the web server that shows it |
//! | [`metrics`] | figures for Prometheus |
//! | [`kubeedge`] | wishes of the cloud, and what it is told of the devices |
//! | `experiment` | records what is heard of a fleet, in experiment files |
//! | [`config`], [`protocol`], [`cli`] | what people say to it |
//! | [`commands`] | what the command line does about it |

#![forbid(unsafe_code)]

pub mod cli;
pub mod commands;
pub mod config;
pub mod edgex;
pub mod event;
mod experiment;
pub mod fleet;
pub mod group;
pub mod keyring;
pub mod kubeedge;
pub mod link;
pub mod metrics;
pub mod protocol;
mod refusals;
pub mod run;
pub mod sink;
pub mod sites;
mod sparse;
mod tally;
pub mod upstream;
mod wall_clock;
pub mod watch;
pub mod web;
