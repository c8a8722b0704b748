//! Where the broker listens: `mqtt://HOST[:PORT]`, or `mqtts://HOST[:PORT]` for TLS.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// The longest name that DNS can hold.
const MAX_HOST: usize = 253;

/// Address of an MQTT broker, and whether it is reached by plain TCP or by TLS.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct BrokerUrl {
    scheme: Scheme,
    host: Host,
    port: u16,
}

/// How the broker is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// `mqtt://`: whoever sees the network's traffic can read it and change it.
    Plain,
    /// `mqtts://`: TLS; the broker proves who it is.
    Tls,
}

impl Scheme {
    const fn name(self) -> &'static str {
        match self {
            Self::Plain => "mqtt",
            Self::Tls => "mqtts",
        }
    }

    const fn default_port(self) -> u16 {
        match self {
            Self::Plain => 1883,
            Self::Tls => 8883,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Host {
    /// A name or an IPv4 address: both are written alike.
    Name(String),
    V6(Ipv6Addr),
}

impl BrokerUrl {
    /// Host name or IP address; an IPv6 address without brackets.
    #[must_use]
    pub fn host(&self) -> String {
        match &self.host {
            Host::Name(name) => name.clone(),
            Host::V6(address) => address.to_string(),
        }
    }

    /// TCP port, 1 to 65535; unless the URL names another, 1883, with TLS 8883.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// How the broker is reached.
    #[must_use]
    pub const fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// Whether what is sent can be read and changed on its way: it is not encrypted and leaves this machine. Only
    /// `localhost`, 127.0.0.0/8 and `::1` count as this machine.
    #[must_use]
    pub fn is_exposed(&self) -> bool {
        self.scheme == Scheme::Plain && !self.host.is_loopback()
    }

    /// The host as the client library wants it: it puts `:PORT` behind it to connect, which needs an IPv6 address in
    /// brackets; with TLS it also asks the certificate for it, which needs one without. The system's resolver takes both.
    pub(super) fn client_host(&self) -> String {
        match self.scheme {
            Scheme::Plain => self.host.to_string(),
            Scheme::Tls => self.host(),
        }
    }
}

impl Host {
    fn is_loopback(&self) -> bool {
        match self {
            Self::Name(name) => {
                name.eq_ignore_ascii_case("localhost")
                    || name.parse().is_ok_and(|address: Ipv4Addr| address.is_loopback())
            }
            Self::V6(address) => address.is_loopback(),
        }
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::V6(address) => write!(f, "[{address}]"),
        }
    }
}

impl fmt::Display for BrokerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}:{}", self.scheme.name(), self.host, self.port)
    }
}

/// Why a text is no broker URL. No message repeats a user name or password that stood in the URL.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum UrlError {
    /// The URL starts with neither `mqtt://` nor `mqtts://`.
    #[error(
        "broker URL: it must start with `mqtt://` or `mqtts://`; allowed is mqtts://HOST[:PORT] or mqtt://HOST[:PORT]"
    )]
    Scheme,
    /// The URL holds a user name or password.
    #[error(
        "broker URL: a user name or password is not allowed in it, they have their own settings; \
         allowed is mqtts://HOST[:PORT] or mqtt://HOST[:PORT]"
    )]
    UserInfo,
    /// Something follows host and port.
    #[error(
        "broker URL: `{rest}` after host and port is not allowed; allowed is mqtts://HOST[:PORT] or mqtt://HOST[:PORT]"
    )]
    Path {
        /// What follows, with its first character.
        rest: String,
    },
    /// The host is neither a name nor an address.
    #[error(
        "broker URL: `{host}` is no host; allowed is a name of letters, digits, `.`, `-` and `_`, an IPv4 address, \
         or an IPv6 address in brackets"
    )]
    Host {
        /// The text in place of the host.
        host: String,
    },
    /// The port is not a number from 1 to 65535.
    #[error("broker URL: `{port}` is no port; allowed is 1 to 65535")]
    Port {
        /// The text in place of the port.
        port: String,
    },
}

impl FromStr for BrokerUrl {
    type Err = UrlError;

    fn from_str(text: &str) -> Result<Self, UrlError> {
        let (scheme, rest) = text.split_once("://").ok_or(UrlError::Scheme)?;
        let mut schemes = [Scheme::Plain, Scheme::Tls].into_iter();
        let scheme = schemes.find(|known| known.name().eq_ignore_ascii_case(scheme)).ok_or(UrlError::Scheme)?;
        // Before anything is quoted in an error: a password must not reach a log.
        if rest.contains('@') {
            return Err(UrlError::UserInfo);
        }
        let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
        if !matches!(path, "" | "/") {
            return Err(UrlError::Path { rest: path.to_owned() });
        }
        let (host, port) = split_port(authority)?;
        Ok(Self { scheme, host, port: port.map_or(Ok(scheme.default_port()), parse_port)? })
    }
}

fn split_port(authority: &str) -> Result<(Host, Option<&str>), UrlError> {
    let no_host = || UrlError::Host { host: authority.to_owned() };
    if let Some(rest) = authority.strip_prefix('[') {
        let (address, after) = rest.split_once(']').ok_or_else(no_host)?;
        let host = Host::V6(address.parse().map_err(|_| no_host())?);
        return match after.strip_prefix(':') {
            Some(port) => Ok((host, Some(port))),
            None if after.is_empty() => Ok((host, None)),
            None => Err(no_host()),
        };
    }
    let (name, port) = authority.split_once(':').map_or((authority, None), |(name, port)| (name, Some(port)));
    if port.is_some_and(|port| port.contains(':')) {
        // More than one colon: an IPv6 address that lacks its brackets.
        return Err(no_host());
    }
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    if name.is_empty() || name.len() > MAX_HOST || !name.bytes().all(allowed) {
        return Err(UrlError::Host { host: name.to_owned() });
    }
    Ok((Host::Name(name.to_owned()), port))
}

fn parse_port(text: &str) -> Result<u16, UrlError> {
    // `u16::from_str` takes a leading `+`, a URL does not.
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    match text.parse() {
        Ok(port) if digits && port > 0 => Ok(port),
        _ => Err(UrlError::Port { port: text.to_owned() }),
    }
}

impl TryFrom<String> for BrokerUrl {
    type Error = UrlError;

    fn try_from(text: String) -> Result<Self, UrlError> {
        text.parse()
    }
}

impl From<BrokerUrl> for String {
    fn from(url: BrokerUrl) -> Self {
        url.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<BrokerUrl, UrlError> {
        text.parse()
    }

    #[test]
    fn host_and_port_are_taken_from_the_url() {
        for (text, host, port, shown) in [
            ("mqtt://broker.example", "broker.example", 1883, "mqtt://broker.example:1883"),
            ("MQTT://pi-4_b:8883", "pi-4_b", 8883, "mqtt://pi-4_b:8883"),
            ("mqtt://10.0.0.7:1/", "10.0.0.7", 1, "mqtt://10.0.0.7:1"),
            ("mqtt://[::1]", "::1", 1883, "mqtt://[::1]:1883"),
            ("mqtt://[fe80::2]:65535", "fe80::2", 65535, "mqtt://[fe80::2]:65535"),
            ("mqtts://broker.example", "broker.example", 8883, "mqtts://broker.example:8883"),
            ("MQTTS://[::1]:1", "::1", 1, "mqtts://[::1]:1"),
        ] {
            let url = parse(text).unwrap();
            assert_eq!((url.host().as_str(), url.port(), url.to_string().as_str()), (host, port, shown), "{text}");
            assert_eq!(parse(shown).unwrap(), url, "{text}");
        }
    }

    #[test]
    fn what_is_no_broker_url_is_refused_with_its_cause() {
        let host = |host: &str| UrlError::Host { host: host.to_owned() };
        let port = |port: &str| UrlError::Port { port: port.to_owned() };
        for (text, error) in [
            ("broker:1883", UrlError::Scheme),
            ("http://broker", UrlError::Scheme),
            ("wss://broker", UrlError::Scheme),
            ("mqtt://", host("")),
            ("mqtt://:1883", host("")),
            ("mqtt://two words", host("two words")),
            ("mqtt://::1", host("::1")),
            ("mqtt://[::1", host("[::1")),
            ("mqtt://[::1]1883", host("[::1]1883")),
            ("mqtt://[broker]", host("[broker]")),
            ("mqtt://broker:", port("")),
            ("mqtt://broker:0", port("0")),
            ("mqtt://broker:65536", port("65536")),
            ("mqtt://broker:+1", port("+1")),
            ("mqtt://broker/topic", UrlError::Path { rest: "/topic".to_owned() }),
            ("mqtt://broker?x=1", UrlError::Path { rest: "?x=1".to_owned() }),
        ] {
            assert_eq!(parse(text), Err(error), "{text}");
        }
    }

    #[test]
    fn only_plain_text_that_leaves_the_machine_is_exposed() {
        for text in
            ["mqtt://broker", "mqtt://10.0.0.7", "mqtt://128.0.0.1", "mqtt://[fe80::1]", "mqtt://localhost.example"]
        {
            assert!(parse(text).unwrap().is_exposed(), "{text}");
        }
        for text in ["mqtt://localhost", "mqtt://LocalHost:1", "mqtt://127.0.0.1", "mqtt://127.8.9.1", "mqtt://[::1]"] {
            assert!(!parse(text).unwrap().is_exposed(), "{text}");
        }
        assert!(!parse("mqtts://broker").unwrap().is_exposed());
    }

    #[test]
    fn the_client_library_gets_an_address_that_it_can_use() {
        for (text, host) in [("mqtt://[::1]", "[::1]"), ("mqtts://[::1]", "::1"), ("mqtts://broker", "broker")] {
            assert_eq!(parse(text).unwrap().client_host(), host);
        }
    }

    #[test]
    fn a_password_never_reaches_the_error() {
        for text in ["mqtt://user:secret@broker", "mqtts://user:secret@broker", "user:secret@broker"] {
            let error = parse(text).unwrap_err();
            assert!(!format!("{error} {error:?}").contains("secret"), "{text}: {error}");
        }
    }

    #[test]
    fn a_configuration_reads_and_writes_it_as_text() {
        let url: BrokerUrl = serde_json::from_str(r#""mqtt://broker""#).unwrap();
        assert_eq!(serde_json::to_string(&url).unwrap(), r#""mqtt://broker:1883""#);
        let error = serde_json::from_str::<BrokerUrl>(r#""wss://broker""#).unwrap_err().to_string();
        assert!(error.contains("mqtts://HOST[:PORT]"), "{error}");
    }
}
