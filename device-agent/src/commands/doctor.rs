//! `device-agent doctor`.

use std::io::{IsTerminal, stdout};
use std::path::Path;

use shared_host::indent::indented;

use super::{Failure, Style, print};
use crate::doctor::{Colours, Outcome, examine, table};

pub(super) fn doctor(file: Option<&Path>, style: Style) -> Result<(), Failure> {
    let report = examine(file);
    match style {
        Style::Json => print(&format!("{}\n", indented(&serde_json::to_string(&report).map_err(Failure::failed)?)))?,
        Style::Human => print(&table(&report, colours()))?,
    }
    if report.is_without_configuration() {
        Err(Failure::Configuration("the configuration is wrong; what needs it was not looked at".to_owned()))
    } else if report.outcome == Outcome::Failure {
        Err(Failure::failed("this device is not fit to run: see the failures"))
    } else {
        Ok(())
    }
}

/// As the log has them: on a terminal, unless NO_COLOR is set (<https://no-color.org>).
fn colours() -> Colours {
    let unwanted = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    if stdout().is_terminal() && !unwanted { Colours::Wanted } else { Colours::Unwanted }
}
