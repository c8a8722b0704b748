//! What a failure of TLS means, and what a person can do about it.

use rustls::pki_types::UnixTime;
use rustls::{AlertDescription, CertificateError, Error};

use super::SYSTEM_CA_FILE;
use crate::mqtt::Options;

/// Names of a certificate that are told.
const SHOWN_NAMES: usize = 6;
const DAY_S: u64 = 24 * 3600;

/// The failure in words for a log: the same ones as long as the trouble is the same.
pub(in crate::mqtt) fn describe(error: &Error, options: &Options) -> String {
    match error {
        Error::InvalidCertificate(error) => certificate(error, options),
        Error::AlertReceived(alert) => refusal(*alert, options),
        Error::InvalidMessage(_) => {
            "what answers there does not speak TLS; is it the broker's port for mqtt://?".to_owned()
        }
        other => format!("TLS: {other}"),
    }
}

/// Why the broker's certificate is not taken.
fn certificate(error: &CertificateError, options: &Options) -> String {
    match error {
        // A bad signature: another authority has the same name.
        CertificateError::UnknownIssuer | CertificateError::BadSignature => {
            let ca = options.tls.ca.as_ref().map_or_else(|| SYSTEM_CA_FILE.to_owned(), ToString::to_string);
            format!("the broker's certificate is signed by no authority in {ca}; is that the file of its CA?")
        }
        CertificateError::ExpiredContext { time, not_after } => {
            format!(
                "the broker's certificate has expired{}; renew it, unless this machine's clock is wrong",
                ago(*time, *not_after)
            )
        }
        CertificateError::Expired => {
            "the broker's certificate has expired; renew it, unless this machine's clock is wrong".to_owned()
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "the broker's certificate is not valid yet; is this machine's clock right?".to_owned()
        }
        CertificateError::NotValidForNameContext { presented, .. } => {
            let names: Vec<_> = presented.iter().take(SHOWN_NAMES).map(|name| plain(name)).collect();
            let names = if names.is_empty() { "no name at all".to_owned() } else { names.join(", ") };
            let host = options.url.host();
            format!(
                "the broker's certificate is not for {host} but for {names}; use one of these in the URL, or have it issued for this one"
            )
        }
        CertificateError::NotValidForName => {
            format!(
                "the broker's certificate is not for {}; use the name that it was issued for in the URL",
                options.url.host()
            )
        }
        other => format!("the broker's certificate is not taken: {other}"),
    }
}

/// A name without what the library puts around it (`DnsName("…")`), and on one line whatever the certificate says.
fn plain(name: &str) -> String {
    let inner = name.split_once('(').and_then(|(_, rest)| rest.strip_suffix(')')).unwrap_or(name);
    inner.trim_matches('"').chars().flat_map(char::escape_default).collect()
}

/// Whole days, so that the words stay the same from one attempt to the next.
fn ago(now: UnixTime, then: UnixTime) -> String {
    match now.as_secs().saturating_sub(then.as_secs()) / DAY_S {
        0 => " within the last day".to_owned(),
        1 => " a day ago".to_owned(),
        days => format!(" {days} days ago"),
    }
}

/// Why the broker does not take this client, as far as it tells.
fn refusal(alert: AlertDescription, options: &Options) -> String {
    let name = match &options.tls.identity {
        Some(identity) => format!("client certificate {}", identity.cert),
        None => "client certificate".to_owned(),
    };
    match (alert, &options.tls.identity) {
        (AlertDescription::CertificateRequired, _)
        | (
            AlertDescription::HandshakeFailure | AlertDescription::NoCertificate | AlertDescription::BadCertificate,
            None,
        ) => "the broker demands a client certificate: set its file and the file of its key".to_owned(),
        (AlertDescription::UnknownCA, _) => {
            format!("the broker refuses the {name}: it does not know the CA that signed it")
        }
        (AlertDescription::CertificateExpired, _) => {
            format!("the broker refuses the {name}: it has expired, or is not valid yet by the broker's clock")
        }
        (AlertDescription::CertificateRevoked, _) => format!("the broker refuses the {name}: it is revoked"),
        (
            AlertDescription::BadCertificate
            | AlertDescription::UnsupportedCertificate
            | AlertDescription::CertificateUnknown
            | AlertDescription::AccessDenied
            | AlertDescription::DecryptError,
            Some(_),
        ) => format!("the broker refuses the {name} ({alert:?})"),
        (AlertDescription::ProtocolVersion, _) => "the broker speaks no TLS of version 1.2 or later".to_owned(),
        (AlertDescription::HandshakeFailure, Some(_)) => {
            format!(
                "the broker refuses the handshake: it may not take the {name}, or there is no cipher that both know"
            )
        }
        (other, _) => format!("the broker broke off TLS ({other:?})"),
    }
}
