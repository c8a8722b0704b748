//! What the stories are told with: brokers, the programs as processes, a probe on the wire, and patience.

mod agent;
mod authority;
mod browser;
mod controller;
mod gate;
mod messages;
mod probe;
mod process;
mod recorder;
mod run;
mod secured;
mod site;
mod waiting;

pub(crate) use agent::{Agent, DEVICE};
pub(crate) use authority::{Authority, Purpose, Validity};
pub(crate) use browser::Browser;
pub(crate) use controller::{Controller, DECIDES};
pub(crate) use gate::Gate;
pub(crate) use messages::{degraded, normal, sum};
pub(crate) use probe::Probe;
pub(crate) use process::Process;
pub(crate) use recorder::Recorder;
pub(crate) use run::{Ran, agent, controller, mosquitto_client, run, tool};
pub(crate) use secured::{Secured, borrowed};
pub(crate) use site::{Site, with_each_broker};
pub(crate) use waiting::eventually;
