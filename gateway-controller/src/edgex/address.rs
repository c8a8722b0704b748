//! Where a service of EdgeX answers: `http://HOST[:PORT][/PREFIX]`, with or without `/api/vN` at the end.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use serde::Deserialize;
use thiserror::Error;

/// The version of EdgeX' REST paths, in 3.x and 4.x alike.
const API: &str = "/api/v3";
/// Longest host name.
const MAX_HOST: usize = 253;

/// The base address of a service. The API's version is not part of it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct ServiceUrl {
    scheme: Scheme,
    host: String,
    port: u16,
    /// Empty, or with a slash at its beginning and none at its end.
    prefix: String,
    /// The version that stood in it, if it was not the one in use.
    other_version: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scheme {
    Http,
    Https,
}

/// A text that is no address of a service. No message repeats a user name or password that stood in it.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum AddressError {
    /// Neither `http://` nor `https://`.
    #[error("it must start with http:// or https://")]
    Scheme,
    /// A user name or password.
    #[error("a user name or password is not allowed in it: EdgeX wants a token, see edgex.token_file")]
    UserInfo,
    /// No host.
    #[error("`{0}` is no host and port")]
    Host(String),
    /// A query, or characters that no path has.
    #[error("`{0}` is no path")]
    Path(String),
}

impl ServiceUrl {
    /// The whole path of a request; `rest` begins with a slash.
    pub(super) fn path(&self, rest: &str) -> String {
        format!("{}{API}{rest}", self.prefix)
    }

    pub(super) fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// Without the brackets of an IPv6 address.
    pub(super) fn host(&self) -> &str {
        &self.host
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    /// Host and port as the `Host` header wants them.
    pub(super) fn authority(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }

    /// A version of the API that was written and is not used.
    #[must_use]
    pub fn other_version(&self) -> Option<&str> {
        self.other_version.as_deref()
    }

    pub(crate) fn is_encrypted(&self) -> bool {
        self.scheme == Scheme::Https
    }

    /// Whether requests, and a token with them, would cross the network unencrypted.
    #[must_use]
    pub fn is_exposed(&self) -> bool {
        let loopback = self.host.eq_ignore_ascii_case("localhost")
            || self.host.parse().is_ok_and(|address: IpAddr| address.is_loopback());
        self.scheme == Scheme::Http && !loopback
    }
}

impl fmt::Display for ServiceUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match self.scheme {
            Scheme::Http => "http",
            Scheme::Https => "https",
        };
        write!(f, "{scheme}://{}{}", self.authority(), self.prefix)
    }
}

impl FromStr for ServiceUrl {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let (scheme, rest) = text.split_once("://").ok_or(AddressError::Scheme)?;
        let (scheme, default_port) = match scheme.to_ascii_lowercase().as_str() {
            "http" => (Scheme::Http, 80),
            "https" => (Scheme::Https, 443),
            _ => return Err(AddressError::Scheme),
        };
        // Before anything is quoted in an error: a password must not reach a log.
        if rest.contains('@') {
            return Err(AddressError::UserInfo);
        }
        let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
        let (host, port) = split(authority).ok_or_else(|| AddressError::Host(authority.to_owned()))?;
        let port = match port {
            None => default_port,
            Some(port) => number(port).ok_or_else(|| AddressError::Host(authority.to_owned()))?,
        };
        let (prefix, version) = without_version(path.trim_end_matches('/'));
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/%".contains(&byte);
        if !prefix.bytes().all(allowed) {
            return Err(AddressError::Path(path.to_owned()));
        }
        let other_version = version.filter(|version| *version != API).map(str::to_owned);
        Ok(Self { scheme, host: host.to_owned(), port, prefix: prefix.to_owned(), other_version })
    }
}

impl TryFrom<String> for ServiceUrl {
    type Error = AddressError;

    fn try_from(text: String) -> Result<Self, AddressError> {
        text.parse()
    }
}

/// Host, without brackets, and port.
fn split(authority: &str) -> Option<(&str, Option<&str>)> {
    if let Some(rest) = authority.strip_prefix('[') {
        let (address, after) = rest.split_once(']')?;
        address.parse::<std::net::Ipv6Addr>().ok()?;
        return if after.is_empty() { Some((address, None)) } else { Some((address, Some(after.strip_prefix(':')?))) };
    }
    let (host, port) = authority.split_once(':').map_or((authority, None), |(host, port)| (host, Some(port)));
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte);
    (!host.is_empty() && host.len() <= MAX_HOST && host.bytes().all(allowed)).then_some((host, port))
}

fn number(port: &str) -> Option<u16> {
    // `u16::from_str` takes a leading `+`, an address does not.
    port.parse().ok().filter(|number| *number > 0 && port.bytes().all(|byte| byte.is_ascii_digit()))
}

/// The path, and the `/api/vN` that stood at its end.
fn without_version(path: &str) -> (&str, Option<&str>) {
    let Some(at) = path.rfind("/api/v") else { return (path, None) };
    let (prefix, version) = path.split_at(at);
    let digits = version.trim_start_matches("/api/v");
    let is_version = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    if is_version { (prefix, Some(version)) } else { (path, None) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<ServiceUrl, AddressError> {
        text.parse()
    }

    #[test]
    fn the_version_may_stand_there_and_does_not_count() {
        for (text, shown, path, other) in [
            ("http://localhost:59880", "http://localhost:59880", "/api/v3/ping", None),
            ("http://localhost:59880/", "http://localhost:59880", "/api/v3/ping", None),
            ("http://localhost:59880/api/v2", "http://localhost:59880", "/api/v3/ping", Some("/api/v2")),
            ("http://10.0.0.1:59880/api/v3/", "http://10.0.0.1:59880", "/api/v3/ping", None),
            ("HTTPS://gw:8443/core-data", "https://gw:8443/core-data", "/core-data/api/v3/ping", None),
            ("https://gw/core-data/api/v3", "https://gw:443/core-data", "/core-data/api/v3/ping", None),
            ("http://[::1]:1", "http://[::1]:1", "/api/v3/ping", None),
            ("http://gw/api/value", "http://gw:80/api/value", "/api/value/api/v3/ping", None),
        ] {
            let url = parse(text).unwrap();
            assert_eq!((url.to_string().as_str(), url.path("/ping").as_str()), (shown, path), "{text}");
            assert_eq!(url.other_version(), other, "{text}");
        }
    }

    #[test]
    fn what_is_no_address_is_refused_and_a_password_not_repeated() {
        for text in
            ["", "localhost:59880", "mqtt://x", "http://", "http://:1", "http://x:0", "http://x:+1", "http://x:70000"]
        {
            assert!(parse(text).is_err(), "{text}");
        }
        for text in ["http://a b", "http://x/?q=1", "http://x/a b", "http://[::1", "http://::1"] {
            assert!(parse(text).is_err(), "{text}");
        }
        let error = parse("http://user:secret@host").unwrap_err();
        assert!(!format!("{error} {error:?}").contains("secret"));
    }

    #[test]
    fn only_plain_text_that_leaves_the_machine_is_exposed() {
        for text in ["http://localhost:1", "http://127.0.0.1", "http://[::1]", "https://gw"] {
            assert!(!parse(text).unwrap().is_exposed(), "{text}");
        }
        assert!(parse("http://gw").unwrap().is_exposed());
    }
}
