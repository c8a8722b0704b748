//! `init`: a commented configuration to start from.

use shared_host::config::{Existing, write};

use super::{Failure, print};
use crate::cli::InitArgs;
use crate::config::SCHEMA;

pub(super) fn run(args: &InitArgs) -> Result<(), Failure> {
    let text = SCHEMA.template();
    let Some(path) = &args.output else { return print(&text) };
    write(path, &text, if args.force { Existing::Replace } else { Existing::Keep }).map_err(Failure::failed)
}
