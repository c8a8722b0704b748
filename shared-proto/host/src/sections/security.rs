//! The section `security`: which messages are signed, and with which keys. The two programs have different keys in it.

use std::path::PathBuf;

use serde::Deserialize;

use crate::config::{ConfigError, Key, Loaded, Section};
use crate::key_file::{self, DeviceKeys, Keys};
use crate::secret::Place;

/// The section, for the table of keys of either program.
pub const SECURITY_SECTION: Section =
    Section { path: "security", doc: "Signed messages: who wrote them, and that nobody changed them on the way." };

/// The agent's keys in it.
pub const AGENT_SECURITY: [Key; 3] = [
    Key {
        path: "security.key_file",
        default: "",
        allowed: "a path, or credential:NAME; in the file 64 to 128 hexadecimal digits, readable by nobody else",
        doc: "File with the key that this device shares with its gateway. A signed command with a wrong signature is refused.",
    },
    Key {
        path: "security.require_signed_commands",
        default: "false",
        allowed: "true or false; true needs security.key_file",
        doc: "true: commands without a signature are refused too, and those that do not say until when they may be taken.",
    },
    Key {
        path: "security.sign_reports",
        default: "false",
        allowed: "true or false; true needs security.key_file",
        doc: "Sign what this device sends.",
    },
];

/// The controller's keys in it.
pub const CONTROLLER_SECURITY: [Key; 3] = [
    Key {
        path: "security.keys_dir",
        default: "",
        allowed: "the path of a directory with a file DEVICE.key for each device",
        doc: "Directory with the keys of the devices. A signed message with a wrong signature is refused.",
    },
    Key {
        path: "security.sign_commands",
        default: "",
        allowed: "true or false; true needs security.keys_dir",
        doc: "Sign commands to devices that have a key. Not set: they are signed if security.keys_dir is set.",
    },
    Key {
        path: "security.require_signed_reports",
        default: "false",
        allowed: "true or false; true needs security.keys_dir",
        doc: "true: what devices send without a signature is refused too, and all that comes from a device without a key.",
    },
];

/// What becomes of messages that come without a signature. A wrong signature is refused in any case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unsigned {
    /// They are taken.
    Accepted,
    /// They are refused.
    Refused,
}

/// How messages leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outgoing {
    /// Without a signature.
    Plain,
    /// With one.
    Signed,
}

/// The section of the agent, as it is written.
#[derive(Debug, Clone, Deserialize)]
pub struct AgentSecuritySection {
    key_file: Option<Place>,
    require_signed_commands: bool,
    sign_reports: bool,
}

/// How an agent that has a key uses it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentSecurity {
    /// File with the key, for [`crate::key_file::read`].
    pub key_file: Place,
    /// Commands that come without a signature.
    pub unsigned_commands: Unsigned,
    /// What the agent sends.
    pub reports: Outgoing,
}

/// The section of the controller, as it is written.
#[derive(Debug, Clone, Deserialize)]
pub struct ControllerSecuritySection {
    keys_dir: Option<PathBuf>,
    sign_commands: Option<bool>,
    require_signed_reports: bool,
}

/// How a controller that has keys uses them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ControllerSecurity {
    /// Directory with the keys, for [`crate::key_file::read_directory`].
    pub keys_dir: PathBuf,
    /// Commands to devices that have a key.
    pub commands: Outgoing,
    /// What devices send without a signature.
    pub unsigned_reports: Unsigned,
}

impl AgentSecuritySection {
    /// Checks the values against each other; without a key file there is nothing to sign or to check.
    ///
    /// # Errors
    /// [`ConfigError`] if something needs a key file and there is none.
    pub fn check(self, loaded: &Loaded) -> Result<Option<AgentSecurity>, ConfigError> {
        let Some(key_file) = self.key_file else {
            let needing = [
                ("security.require_signed_commands", self.require_signed_commands),
                ("security.sign_reports", self.sign_reports),
            ];
            return none_wanted(&needing, loaded, "security.key_file");
        };
        let unsigned_commands = if self.require_signed_commands { Unsigned::Refused } else { Unsigned::Accepted };
        let reports = if self.sign_reports { Outgoing::Signed } else { Outgoing::Plain };
        Ok(Some(AgentSecurity { key_file, unsigned_commands, reports }))
    }
}

impl ControllerSecuritySection {
    /// Checks the values against each other; without keys there is nothing to sign or to check.
    ///
    /// # Errors
    /// [`ConfigError`] if something needs keys and there are none.
    pub fn check(self, loaded: &Loaded) -> Result<Option<ControllerSecurity>, ConfigError> {
        let Some(keys_dir) = path(self.keys_dir, loaded, "security.keys_dir")? else {
            let needing = [
                ("security.sign_commands", self.sign_commands == Some(true)),
                ("security.require_signed_reports", self.require_signed_reports),
            ];
            return none_wanted(&needing, loaded, "security.keys_dir");
        };
        let commands = if self.sign_commands == Some(false) { Outgoing::Plain } else { Outgoing::Signed };
        let unsigned_reports = if self.require_signed_reports { Unsigned::Refused } else { Unsigned::Accepted };
        Ok(Some(ControllerSecurity { keys_dir, commands, unsigned_reports }))
    }
}

impl AgentSecurity {
    /// Reads the key.
    ///
    /// # Errors
    /// [`ConfigError`] if the file cannot be used.
    pub fn read(&self, loaded: &Loaded) -> Result<DeviceKeys, ConfigError> {
        key_file::read(&self.key_file).map_err(|error| loaded.refuse("security.key_file", error))
    }
}

impl ControllerSecurity {
    /// Reads the keys.
    ///
    /// # Errors
    /// [`ConfigError`] if a file cannot be used.
    pub fn read(&self, loaded: &Loaded) -> Result<Keys, ConfigError> {
        key_file::read_directory(&self.keys_dir).map_err(|error| loaded.refuse("security.keys_dir", error))
    }
}

fn path(path: Option<PathBuf>, loaded: &Loaded, key: &str) -> Result<Option<PathBuf>, ConfigError> {
    match path {
        Some(path) if path.as_os_str().is_empty() => {
            Err(loaded.refuse(key, "it is empty; leave it out if there is none"))
        }
        path => Ok(path),
    }
}

fn none_wanted<T>(needing: &[(&str, bool)], loaded: &Loaded, key: &str) -> Result<Option<T>, ConfigError> {
    match needing.iter().find(|(_, wanted)| *wanted) {
        Some((wanting, _)) => Err(loaded.refuse(wanting, format!("{key} is not set"))),
        None => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use serde::de::DeserializeOwned;

    use super::*;
    use crate::config::Schema;

    const AGENT: Schema =
        Schema { program: "device-agent", env_prefix: "AGENT", sections: &[SECURITY_SECTION], keys: &AGENT_SECURITY };
    const CONTROLLER: Schema = Schema {
        program: "gateway-controller",
        env_prefix: "GATEWAY",
        sections: &[SECURITY_SECTION],
        keys: &CONTROLLER_SECURITY,
    };

    #[derive(Deserialize)]
    struct Raw<T> {
        security: T,
    }

    fn section<T: DeserializeOwned>(schema: Schema, values: &[(&str, &str)]) -> (Raw<T>, Loaded) {
        let variable = |key: &str| OsString::from(schema.variable(&format!("security.{key}")));
        let env = values.iter().map(|(key, value)| (variable(key), OsString::from(value)));
        let loaded = schema.load(None, env.collect::<Vec<_>>()).unwrap();
        (loaded.parse().unwrap(), loaded)
    }

    fn agent(values: &[(&str, &str)]) -> Result<Option<AgentSecurity>, String> {
        let (raw, loaded) = section::<AgentSecuritySection>(AGENT, values);
        raw.security.check(&loaded).map_err(|error| error.to_string())
    }

    fn controller(values: &[(&str, &str)]) -> Result<Option<ControllerSecurity>, String> {
        let (raw, loaded) = section::<ControllerSecuritySection>(CONTROLLER, values);
        raw.security.check(&loaded).map_err(|error| error.to_string())
    }

    #[test]
    fn nothing_is_signed_unless_there_is_a_key() {
        assert_eq!(agent(&[]), Ok(None));
        assert_eq!(controller(&[]), Ok(None));
        assert_eq!(controller(&[("sign_commands", "false")]), Ok(None));
    }

    #[test]
    fn an_agent_with_a_key_checks_signatures_and_does_more_if_told_so() {
        let key_file = ("key_file", "/etc/device-agent/device.key");
        let plain = AgentSecurity {
            key_file: key_file.1.parse().unwrap(),
            unsigned_commands: Unsigned::Accepted,
            reports: Outgoing::Plain,
        };
        assert_eq!(agent(&[key_file]), Ok(Some(plain.clone())));
        let all = AgentSecurity { unsigned_commands: Unsigned::Refused, reports: Outgoing::Signed, ..plain };
        let values = [key_file, ("require_signed_commands", "true"), ("sign_reports", "true")];
        assert_eq!(agent(&values), Ok(Some(all)));
    }

    #[test]
    fn a_controller_with_keys_signs_unless_told_otherwise() {
        let keys_dir = ("keys_dir", "/etc/gateway-controller/keys");
        let signing = ControllerSecurity {
            keys_dir: keys_dir.1.into(),
            commands: Outgoing::Signed,
            unsigned_reports: Unsigned::Accepted,
        };
        assert_eq!(controller(&[keys_dir]), Ok(Some(signing.clone())));
        let other = ControllerSecurity { commands: Outgoing::Plain, unsigned_reports: Unsigned::Refused, ..signing };
        let values = [keys_dir, ("sign_commands", "false"), ("require_signed_reports", "true")];
        assert_eq!(controller(&values), Ok(Some(other)));
    }

    #[test]
    fn what_needs_a_key_is_refused_without_one() {
        for (refused, why) in [
            (agent(&[("require_signed_commands", "true")]).map(drop), "security.key_file is not set"),
            (agent(&[("sign_reports", "true")]).map(drop), "security.key_file is not set"),
            (controller(&[("sign_commands", "true")]).map(drop), "security.keys_dir is not set"),
            (controller(&[("require_signed_reports", "true")]).map(drop), "security.keys_dir is not set"),
            (controller(&[("keys_dir", "")]).map(drop), "it is empty"),
        ] {
            let error = refused.unwrap_err();
            assert!(error.contains(why) && error.contains("allowed: "), "{error}");
        }
    }
}
