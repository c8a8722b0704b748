//! TLS: who the broker must be, who this client is, and what its failures mean. The broker's certificate is always verified.

mod certificates;
mod expiry;
mod faults;

use std::sync::Arc;

use rustls::client::Resumption;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};
use thiserror::Error;

use crate::secret::{FileError, Place, Secret};

pub use expiry::{Which, expiry};
pub(super) use faults::describe;

/// The system's own certificate authorities, where Debian and its kin keep them.
pub const SYSTEM_CA_FILE: &str = "/etc/ssl/certs/ca-certificates.crt";

/// Files for TLS, all in PEM. They are read anew for every connection, so a renewed certificate needs no restart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tls {
    /// Certificate authorities, one of which must have signed the broker's certificate; without it: [`SYSTEM_CA_FILE`].
    pub ca: Option<Place>,
    /// Who this client is, for a broker that wants to know by certificate.
    pub identity: Option<Identity>,
}

/// A client's certificate and its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The certificate, and those between it and the authority that the broker knows, in this order.
    pub cert: Place,
    /// Its private key; a secret.
    pub key: Place,
}

/// A file for TLS that cannot be used.
#[derive(Debug, Error)]
pub enum TlsFileError {
    /// The certificate authorities.
    #[error("certificate authorities: {0}")]
    Ca(Fault),
    /// There is no file of the system's certificate authorities, and no other one is given.
    #[error(
        "certificate authorities: {0}; the system has none of its own (on Debian: apt-get install ca-certificates)"
    )]
    SystemCa(FileError),
    /// The client's certificate.
    #[error("client certificate: {0}")]
    Cert(Fault),
    /// The client's key.
    #[error("client key: {0}")]
    Key(Fault),
    /// Both can be read, and do not belong together.
    #[error("client certificate and key: {why}")]
    Pair {
        /// What is wrong with them.
        why: String,
    },
}

/// What is wrong with one file.
#[derive(Debug, Error)]
pub enum Fault {
    /// It cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// It does not hold what it should.
    #[error("{place}: {why}")]
    Content {
        /// The file.
        place: Place,
        /// What is wrong with it; nothing of its content.
        why: String,
    },
}

impl Tls {
    /// Reads all files and checks that a connection can be made with them. What the broker thinks of them remains to be seen.
    ///
    /// # Errors
    /// [`TlsFileError`] for the first file that cannot be used.
    pub fn check(&self) -> Result<(), TlsFileError> {
        self.client_config().map(drop)
    }

    /// The settings of one connection.
    ///
    /// # Errors
    /// [`TlsFileError`] for the first file that cannot be used.
    pub fn client_config(&self) -> Result<ClientConfig, TlsFileError> {
        let roots = self.roots()?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        // The versions that rustls calls safe are 1.2 and 1.3; it knows no other.
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| TlsFileError::Pair { why: error.to_string() })?
            .with_root_certificates(roots);
        let mut config = match &self.identity {
            None => builder.with_no_client_auth(),
            Some(identity) => {
                let (chain, key) = identity.read()?;
                let pair = |error: rustls::Error| TlsFileError::Pair { why: identity.mismatch(&error) };
                builder.with_client_auth_cert(chain, key).map_err(pair)?
            }
        };
        // Each connection has settings of its own: there is nothing to resume, and the memory for it is spared.
        config.resumption = Resumption::disabled();
        Ok(config)
    }

    fn roots(&self) -> Result<RootCertStore, TlsFileError> {
        let mut roots = RootCertStore::empty();
        match &self.ca {
            Some(place) => {
                for certificate in certificates::read(place).map_err(TlsFileError::Ca)? {
                    let fault =
                        |error: rustls::Error| Fault::content(place, format!("no certificate authority: {error}"));
                    roots.add(certificate).map_err(fault).map_err(TlsFileError::Ca)?;
                }
            }
            None => {
                let place = Place::Path(SYSTEM_CA_FILE.into());
                let all = certificates::read(&place).map_err(|fault| match fault {
                    Fault::File(error) => TlsFileError::SystemCa(error),
                    content @ Fault::Content { .. } => TlsFileError::Ca(content),
                })?;
                // One of the many that cannot be used is no reason to do without the others.
                if roots.add_parsable_certificates(all).0 == 0 {
                    return Err(TlsFileError::Ca(Fault::content(
                        &place,
                        "no certificate in it can be used".to_owned(),
                    )));
                }
            }
        }
        Ok(roots)
    }
}

impl Identity {
    fn read(&self) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), TlsFileError> {
        let chain = certificates::read(&self.cert).map_err(TlsFileError::Cert)?;
        let text: Secret = self.key.read_secret().map_err(|error| TlsFileError::Key(error.into()))?;
        // The parser's own words may quote the file.
        let key = PrivateKeyDer::from_pem_slice(text.bytes()).map_err(|_| {
            let why = "no private key in it (PEM, without a passphrase, is needed)".to_owned();
            TlsFileError::Key(Fault::content(&self.key, why))
        })?;
        Ok((chain, key))
    }

    fn mismatch(&self, error: &rustls::Error) -> String {
        match error {
            rustls::Error::InconsistentKeys(_) => format!("the key {} is not that of {}", self.key, self.cert),
            other => format!("{} and {}: {other}", self.cert, self.key),
        }
    }
}

impl Fault {
    fn content(place: &Place, why: String) -> Self {
        Self::Content { place: place.clone(), why }
    }
}

#[cfg(test)]
mod tests;
