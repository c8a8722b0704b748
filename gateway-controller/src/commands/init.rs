//! `init`: a commented configuration to start from.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};

use super::{Failure, print};
use crate::cli::InitArgs;
use crate::config::SCHEMA;

pub(crate) fn run(args: &InitArgs) -> Result<(), Failure> {
    let Some(path) = &args.output else { return print(&SCHEMA.template()) };
    let mut options = OpenOptions::new();
    options.write(true);
    if args.force {
        options.create(true).truncate(true);
    } else {
        options.create_new(true);
    }
    let written = options.open(path).and_then(|mut file| file.write_all(SCHEMA.template().as_bytes()));
    written.map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => Failure::failed(format_args!("{}: it exists; --force replaces it", path.display())),
        _ => Failure::failed(format_args!("{}: cannot write: {error}", path.display())),
    })
}
