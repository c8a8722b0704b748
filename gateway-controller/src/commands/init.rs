//! `init`: a commented configuration to start from.

use std::io::{self, Write};
use std::path::Path;

use shared_host::config::{ConfigError, Existing, quote, write};

use super::{Failure, print};
use crate::cli::InitArgs;
use crate::config::{Config, SCHEMA};

pub(super) fn run(args: &InitArgs) -> Result<(), Failure> {
    let broker = args.broker.as_ref().map(|url| quote(&url.to_string()));
    let mut values: Vec<(&str, &str)> = broker.iter().map(|url| ("mqtt.url", url.as_str())).collect();
    if args.insecure {
        values.push(("mqtt.insecure", "true"));
    }
    let text = SCHEMA.template_with(&values)?;
    match &args.output {
        None => print(&text)?,
        Some(path) => {
            write(path, &text, if args.force { Existing::Replace } else { Existing::Keep }).map_err(Failure::failed)?;
        }
    }
    tell_what_is_missing(args.output.as_deref().unwrap_or(Path::new("standard output")), &text);
    Ok(())
}

/// A configuration may need more than this command is told, such as files of certificates.
fn tell_what_is_missing(name: &Path, text: &str) {
    let check = || {
        let loaded = SCHEMA.load_text(name, text)?;
        Config::from_loaded(&loaded)?.check_files(&loaded)
    };
    if let Err(error) = check() {
        let error: ConfigError = error;
        // A closed standard error is no reason to fail: check-config says the same.
        let _ = writeln!(io::stderr(), "written, but to be put right before `run` takes it:\n{error}");
    }
}
