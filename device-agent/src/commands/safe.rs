//! `device-agent safe`: the lines after an agent that died without putting them to their safe levels.

use std::env;
use std::path::Path;

use super::{Failure, print};
use crate::config::{self, SCHEMA};
use crate::doctor::{Running, look};
use crate::gpio::open_lines;

pub(super) fn safe(file: Option<&Path>) -> Result<(), Failure> {
    // systemd runs this after every end (`ExecStopPost=`), and sets the one without the other if no agent was ever started
    // (systemd.exec(5)): then the lines are not ours.
    if env::var_os("SERVICE_RESULT").is_some() && env::var_os("EXIT_CODE").is_none() {
        return print("no agent has run, the lines are left alone\n");
    }
    let (config, _) = config::load(file)?;
    let socket = config.control_socket.unwrap_or_else(|| shared_host::control::default_path(SCHEMA.program));
    match look(Path::new("/"), &socket) {
        Running::No => {}
        Running::Answers { .. } => {
            return Err(Failure::Failed("a running agent has the lines; stop it, and they get safe".to_owned()));
        }
        Running::Mute(why) => return Err(Failure::Failed(why)),
    }
    let mut open = open_lines(&config.gpio).map_err(Failure::failed)?;
    open.lines.make_safe();
    print(&format!("the lines are at their safe levels: {}\n", open.in_use))
}
