//! Configuration of both programs, from a file and the environment. What is in effect can be written down, and is in effect
//! again when that is read; and no message shows the password.

use std::cell::RefCell;
use std::ffi::{OsStr, OsString};
use std::fmt::Write as _;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;

use shared_host::config::{ConfigError, Loaded, Schema};

use crate::samples::Samples;

/// No input has it by chance.
const PASSWORD: &str = "pw-6b1f0e5ac2d94837";

/// The agent's: the text of a file, then variables `NAME=VALUE`, with NUL between them.
pub fn agent(bytes: &[u8]) {
    load(&device_agent::config::SCHEMA, bytes, |loaded| device_agent::config::Config::from_loaded(loaded).map(drop));
}

/// The controller's, in the same way.
pub fn controller(bytes: &[u8]) {
    let check = |loaded: &Loaded| gateway_controller::config::Config::from_loaded(loaded).map(drop);
    load(&gateway_controller::config::SCHEMA, bytes, check);
}

/// The agent's commented file.
pub(crate) fn agent_samples() -> Samples {
    template(&device_agent::config::SCHEMA)
}

/// The controller's commented file.
pub(crate) fn controller_samples() -> Samples {
    template(&gateway_controller::config::SCHEMA)
}

/// The commented file as it is, and with nothing in comments but the comments.
fn template(schema: &Schema) -> Samples {
    let template = schema.template();
    let settings = template.lines().filter(|line| !line.starts_with("# ") && *line != "#");
    let all: String = settings.flat_map(|line| [line.trim_start_matches('#'), "\n"]).collect();
    [("template".to_owned(), template.into_bytes()), ("all".to_owned(), all.into_bytes())].into()
}

fn load(schema: &Schema, bytes: &[u8], check: fn(&Loaded) -> Result<(), ConfigError>) {
    let mut parts = bytes.split(|&byte| byte == 0);
    let text = parts.next().unwrap_or_default();
    let mut env = vec![
        (schema.variable("mqtt.username").into(), "somebody".into()),
        (schema.variable("mqtt.password").into(), PASSWORD.into()),
    ];
    env.extend(parts.filter_map(variable));
    let loaded = match in_file(text, |file| schema.load(Some(&file), env.clone())) {
        Ok(loaded) => loaded,
        Err(error) => return is_discreet(&error.to_string()),
    };
    is_discreet(&format!("{loaded:?}"));
    let checked = check(&loaded).map_err(|error| error.to_string());
    if let Err(error) = &checked {
        is_discreet(error);
    }

    let mut written = String::new();
    for value in loaded.effective() {
        if !value.path.ends_with("password") {
            writeln!(written, "{} = {}", value.path, value.value).expect("strings take any text");
        }
    }
    let secrets = env.into_iter().filter(|(name, _)| name.to_string_lossy().to_lowercase().ends_with("password"));
    let again = in_file(written.as_bytes(), |file| schema.load(Some(&file), secrets));
    let again = again.unwrap_or_else(|error| panic!("{error}\nin\n{written}"));
    let values =
        |loaded: &Loaded| loaded.effective().into_iter().map(|value| (value.path, value.value)).collect::<Vec<_>>();
    assert_eq!(values(&again), values(&loaded));
    assert_eq!(check(&again).is_ok(), checked.is_ok());
}

fn variable(part: &[u8]) -> Option<(OsString, OsString)> {
    let (name, value) = part.split_at(part.iter().position(|&byte| byte == b'=')?);
    let value = value.strip_prefix(b"=")?;
    Some((OsStr::from_bytes(name).to_owned(), OsStr::from_bytes(value).to_owned()))
}

fn is_discreet(message: &str) {
    assert!(!message.contains(PASSWORD), "the password is in: {message}");
    assert!(message.len() < 1 << 20, "a message of {} bytes", message.len());
}

/// Configuration is read from files only, so the text goes into one.
fn in_file<T>(text: &[u8], read: impl FnOnce(PathBuf) -> T) -> T {
    thread_local! {
        static FILE: RefCell<Option<tempfile::NamedTempFile>> = const { RefCell::new(None) };
    }
    FILE.with_borrow_mut(|file| {
        let file = file.get_or_insert_with(|| super::memory(|folder| tempfile::NamedTempFile::new_in(folder)));
        fs::write(file.path(), text).unwrap();
        read(file.path().to_owned())
    })
}
