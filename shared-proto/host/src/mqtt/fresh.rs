//! What is read anew for every attempt to connect: files for TLS, and the password.

use std::sync::Arc;

use rumqttc::{TlsConfiguration, Transport};

use super::options::Password;
use super::{Options, Scheme};
use crate::secret::Secret;

/// Settings of one attempt that come from files.
pub(super) struct Fresh {
    pub(super) transport: Transport,
    pub(super) password: Secret,
}

impl Fresh {
    /// Reads the files without holding up the other tasks of this thread; or says why no connection can be made.
    pub(super) async fn read(options: &Options) -> Result<Self, String> {
        if !options.reads_files() {
            return Self::read_now(options);
        }
        let options = options.clone();
        let read = tokio::task::spawn_blocking(move || Self::read_now(&options)).await;
        read.unwrap_or_else(|error| Err(format!("cannot read files: {error}")))
    }

    fn read_now(options: &Options) -> Result<Self, String> {
        let transport = match options.url.scheme() {
            Scheme::Plain => Transport::Tcp,
            Scheme::Tls => {
                let config = options.tls.client_config().map_err(|error| error.to_string())?;
                Transport::Tls(TlsConfiguration::Rustls(Arc::new(config)))
            }
        };
        Ok(Self { transport, password: password(options)? })
    }
}

/// The password now; empty if there is none.
pub(super) fn password(options: &Options) -> Result<Secret, String> {
    match options.credentials.as_ref().map(|credentials| &credentials.password) {
        None | Some(Password::None) => Ok(Secret::new([])),
        Some(Password::Given(secret)) => Ok(secret.clone()),
        Some(Password::File(place)) => place.read_secret_line().map_err(|error| format!("password: {error}")),
    }
}
