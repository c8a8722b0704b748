//! `check-config`: the values in force and where each comes from.

use super::{Failure, print};
use crate::cli::CheckArgs;
use crate::config::{self, Config};

pub(super) fn run(args: &CheckArgs) -> Result<(), Failure> {
    let loaded = config::load(args.config.as_deref(), std::env::vars_os())?;
    Config::from_loaded(&loaded)?.check_files(&loaded)?;
    let values = loaded.effective();
    let width = values.iter().map(|value| value.path.len() + value.value.len() + 3).max().unwrap_or(0);
    let line = |value: &shared_host::config::Effective| {
        format!("{:width$}  # {}\n", format!("{} = {}", value.path, value.value), value.source)
    };
    print(&values.iter().map(line).collect::<String>())
}
