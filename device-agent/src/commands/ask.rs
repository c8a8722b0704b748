//! `device-agent status` and `device-agent hold`: questions to the running agent.

use std::path::PathBuf;

use serde::de::IgnoredAny;
use serde_json::value::RawValue;
use shared_host::control::{ask, default_path};
use shared_host::indent::indented;

use super::{Failure, Style, print};
use crate::cli::{HoldWhat, Running};
use crate::config::{self, SCHEMA};
use crate::supervisor::{Request, Shown};

/// What is printed comes from the running agent as it is: the code that would read all of its answer makes the program 50 kB larger.
pub(super) fn status(agent: &Running, style: Style) -> Result<(), Failure> {
    let socket = socket(agent)?;
    match style {
        Style::Human => {
            let Shown { table } = ask(&socket, &Request::Table).map_err(Failure::failed)?;
            print(&table)
        }
        Style::Json => {
            let answer: Box<RawValue> = ask(&socket, &Request::Status).map_err(Failure::failed)?;
            print(&format!("{}\n", indented(answer.get())))
        }
    }
}

pub(super) fn hold(agent: &Running, what: HoldWhat) -> Result<(), Failure> {
    let _: IgnoredAny = ask(&socket(agent)?, &Request::Hold { mode: what.mode() }).map_err(Failure::failed)?;
    print(&match what.mode() {
        Some(mode) => format!("{mode} is held until `device-agent hold release`\n"),
        None => "released\n".to_owned(),
    })
}

fn socket(agent: &Running) -> Result<PathBuf, Failure> {
    if let Some(socket) = &agent.socket {
        return Ok(socket.clone());
    }
    if agent.config.is_some() {
        let (config, _) = config::load(agent.config.as_deref())?;
        if let Some(socket) = config.control_socket {
            return Ok(socket);
        }
    }
    Ok(default_path(SCHEMA.program))
}
