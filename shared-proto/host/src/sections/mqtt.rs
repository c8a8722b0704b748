//! The section `mqtt`: how to reach the broker, and what protects the connection.

use std::path::Path;
use std::time::Duration;

use serde::Deserialize;
use thiserror::Error;

use crate::config::{ConfigError, Loaded, Source};
use crate::mqtt::{Backoff, BrokerUrl, Credentials, Identity, Options, Password, Scheme, Tls, TlsFileError};
use crate::secret::{Exposure, Place, Secret};

/// Longest time between pings in seconds.
const MAX_KEEP_ALIVE_S: u16 = 600;
/// Longest bound of the waits between attempts to connect, in seconds.
const MAX_RECONNECT_S: u16 = 600;

/// The section `mqtt`, as it is written.
#[derive(Debug, Clone, Deserialize)]
pub struct MqttSection {
    url: BrokerUrl,
    client_id: Option<String>,
    username: Option<String>,
    password: Option<Secret>,
    password_file: Option<Place>,
    ca_file: Option<Place>,
    cert_file: Option<Place>,
    key_file: Option<Place>,
    insecure: bool,
    keep_alive_s: u16,
    reconnect_max_s: u16,
}

/// How to reach the broker, checked; but for the files, which [`Self::check_files`] looks at.
#[derive(Debug, Clone)]
pub struct BrokerConfig {
    /// The section that says it: `mqtt`, or where else there is one of its shape.
    pub section: &'static str,
    /// The broker.
    pub url: BrokerUrl,
    /// Whether an address that [is exposed](BrokerUrl::is_exposed) was allowed.
    pub insecure: Insecure,
    /// Name of this client, unique at the broker.
    pub client_id: String,
    /// User name and password, if the broker wants them.
    pub credentials: Option<Credentials>,
    /// Files for TLS.
    pub tls: Tls,
    /// Time between pings, 1 to 600 s.
    pub keep_alive: Duration,
    /// Waits between attempts to connect; their upper bound is 1 to 600 s.
    pub backoff: Backoff,
}

/// Whether messages may cross the network unencrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Insecure {
    /// They may not.
    Refused,
    /// They may.
    Allowed,
}

/// An address that would send everything unencrypted over the network.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "without TLS anybody on the network can read and forge messages, passwords included; either use mqtts:// \
     or set mqtt.insecure = true to accept that"
)]
pub struct Exposed;

impl MqttSection {
    /// Checks the values; a client identifier that is not set is `default_client_id`.
    ///
    /// # Errors
    /// [`ConfigError`] for the first value that is not allowed.
    pub fn check(self, loaded: &Loaded, default_client_id: &str) -> Result<BrokerConfig, ConfigError> {
        self.check_in("mqtt", loaded, default_client_id)
    }

    /// The same for a section of this shape with another name.
    ///
    /// # Errors
    /// As [`Self::check`].
    pub fn check_in(
        self,
        section: &'static str,
        loaded: &Loaded,
        default_client_id: &str,
    ) -> Result<BrokerConfig, ConfigError> {
        let refuse = |key: &str| Err(loaded.refuse(&format!("{section}.{key}"), "not allowed"));
        let client_id = self.client_id.clone().unwrap_or_else(|| default_client_id.to_owned());
        if !(1..=64).contains(&client_id.len()) || !client_id.bytes().all(|byte| byte.is_ascii_graphic()) {
            return refuse("client_id");
        }
        if !(1..=MAX_KEEP_ALIVE_S).contains(&self.keep_alive_s) {
            return refuse("keep_alive_s");
        }
        if !(1..=MAX_RECONNECT_S).contains(&self.reconnect_max_s) {
            return refuse("reconnect_max_s");
        }
        let backoff = Backoff { max: Duration::from_secs(self.reconnect_max_s.into()), ..Backoff::default() };
        Ok(BrokerConfig {
            section,
            insecure: self.insecure(section, loaded)?,
            tls: self.tls(section, loaded)?,
            credentials: self.credentials(section, loaded)?,
            client_id,
            keep_alive: Duration::from_secs(self.keep_alive_s.into()),
            backoff,
            url: self.url,
        })
    }

    fn insecure(&self, section: &str, loaded: &Loaded) -> Result<Insecure, ConfigError> {
        let insecure = if self.insecure { Insecure::Allowed } else { Insecure::Refused };
        if insecure == Insecure::Allowed && self.url.scheme() == Scheme::Tls {
            return Err(loaded
                .refuse(&format!("{section}.insecure"), "it has no meaning with mqtts://, which is always verified"));
        }
        insecure.permit(&self.url).map_err(|exposed| {
            let problem = exposed.to_string().replace("mqtt.", &format!("{section}."));
            loaded.refuse(&format!("{section}.url"), problem)
        })?;
        Ok(insecure)
    }

    fn tls(&self, section: &str, loaded: &Loaded) -> Result<Tls, ConfigError> {
        let files = [("ca_file", &self.ca_file), ("cert_file", &self.cert_file), ("key_file", &self.key_file)];
        if self.url.scheme() == Scheme::Plain
            && let Some((key, _)) = files.iter().find(|(_, place)| place.is_some())
        {
            let problem = format!("it is for mqtts:// only, and {section}.url is {}", self.url);
            return Err(loaded.refuse(&format!("{section}.{key}"), problem));
        }
        let needed =
            |key: &str, by: &str| loaded.refuse(&format!("{section}.{key}"), format!("{section}.{by} needs it"));
        let identity = match (&self.cert_file, &self.key_file) {
            (Some(cert), Some(key)) => Some(Identity { cert: cert.clone(), key: key.clone() }),
            (Some(_), None) => return Err(needed("key_file", "cert_file")),
            (None, Some(_)) => return Err(needed("cert_file", "key_file")),
            (None, None) => None,
        };
        Ok(Tls { ca: self.ca_file.clone(), identity })
    }

    fn credentials(&self, section: &str, loaded: &Loaded) -> Result<Option<Credentials>, ConfigError> {
        let password = match (&self.password, &self.password_file) {
            (Some(_), Some(_)) => {
                let problem = format!("{section}.password is set too; one of them is enough");
                return Err(loaded.refuse(&format!("{section}.password_file"), problem));
            }
            (Some(secret), None) => {
                check_inline(section, loaded)?;
                Password::Given(secret.clone())
            }
            (None, Some(place)) => Password::File(place.clone()),
            (None, None) => Password::None,
        };
        let unnamed = |key: &str| loaded.refuse(&format!("{section}.{key}"), format!("{section}.username is not set"));
        match (&self.username, &password) {
            (Some(username), _) if username.is_empty() => {
                Err(loaded.refuse(&format!("{section}.username"), "it is empty; leave it out if the broker wants none"))
            }
            (Some(username), _) => Ok(Some(Credentials { username: username.clone(), password })),
            (None, Password::Given(_)) => Err(unnamed("password")),
            (None, Password::File(_)) => Err(unnamed("password_file")),
            (None, Password::None) => Ok(None),
        }
    }
}

/// A password in a configuration file that everybody can read is no secret.
fn check_inline(section: &str, loaded: &Loaded) -> Result<(), ConfigError> {
    let Some(Source::File { path, .. }) = loaded.source(&format!("{section}.password")) else { return Ok(()) };
    match Exposure::to_everybody(Path::new(path)) {
        None => Ok(()),
        Some(exposure) => Err(loaded.refuse(
            &format!("{section}.password"),
            format!(
                "{exposure}; either chmod 600 {}, or put the password into a {section}.password_file",
                path.display()
            ),
        )),
    }
}

impl Insecure {
    /// Whether this address may be used.
    ///
    /// # Errors
    /// [`Exposed`] if it may not.
    pub fn permit(self, url: &BrokerUrl) -> Result<(), Exposed> {
        if self == Self::Refused && url.is_exposed() { Err(Exposed) } else { Ok(()) }
    }
}

impl BrokerConfig {
    /// Checks that the files can be read and used now, as each connection will want to. Not part of loading a configuration:
    /// only who connects can and has to read them.
    ///
    /// # Errors
    /// [`ConfigError`] for the first file that cannot be used.
    pub fn check_files(&self, loaded: &Loaded) -> Result<(), ConfigError> {
        if let Some(Credentials { password: Password::File(place), .. }) = &self.credentials {
            let key = format!("{}.password_file", self.section);
            let secret = place.read_secret_line().map_err(|error| loaded.refuse(&key, error))?;
            secret.text().map_err(|error| loaded.refuse(&key, error))?;
        }
        if self.url.scheme() == Scheme::Tls {
            self.tls.check().map_err(|error| {
                let key = match &error {
                    TlsFileError::Ca(_) | TlsFileError::SystemCa(_) => "ca_file",
                    TlsFileError::Cert(_) => "cert_file",
                    TlsFileError::Key(_) | TlsFileError::Pair { .. } => "key_file",
                };
                loaded.refuse(&format!("{}.{key}", self.section), error)
            })?;
        }
        Ok(())
    }

    /// The same at another address.
    ///
    /// # Errors
    /// [`Exposed`] if it would send everything unencrypted over the network, and that was not allowed.
    pub fn at(self, url: BrokerUrl) -> Result<Self, Exposed> {
        self.insecure.permit(&url)?;
        Ok(Self { url, ..self })
    }

    /// Settings of a connection with all that is configured here; subscriptions and limits are the caller's.
    #[must_use]
    pub fn options(&self) -> Options {
        Options {
            credentials: self.credentials.clone(),
            tls: self.tls.clone(),
            keep_alive: self.keep_alive,
            backoff: self.backoff,
            ..Options::new(self.url.clone(), self.client_id.clone())
        }
    }
}

#[cfg(test)]
mod tests;
