//! Why a connection ended, in words for a log.

use std::io::{self, ErrorKind};

use rumqttc::mqttbytes::Error as PacketError;
use rumqttc::{ConnectReturnCode, ConnectionError, StateError, SubscribeReasonCode, TlsError};

use super::{CONNECT_TIMEOUT, Filter, Options, Scheme, tls};

/// How far the connection was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// The broker has not answered CONNECT.
    Connecting,
    /// It has.
    Connected,
}

pub(super) fn of(error: &ConnectionError, options: &Options, stage: Stage) -> String {
    if let Some(error) = tls_error(error) {
        return format!("{}: {}", options.url, tls::describe(error, options));
    }
    if stage == Stage::Connecting
        && let Some(guess) = broken_off(error, options)
    {
        return format!("{}: {guess}", options.url);
    }
    match error {
        ConnectionError::NetworkTimeout => {
            format!("no connection to {} within {} s", options.url, CONNECT_TIMEOUT.as_secs())
        }
        ConnectionError::FlushTimeout => "the network took no data for too long".to_owned(),
        ConnectionError::Io(error) => format!("{}: {error}", options.url),
        ConnectionError::ConnectionRefused(code) => format!("the broker refused the connection: {}", refusal(*code)),
        ConnectionError::MqttState(error) => of_state(error, options),
        ConnectionError::Tls(error) => format!("{}: {error}", options.url),
        other => other.to_string(),
    }
}

/// The failure of TLS behind an error, if it is one.
fn tls_error(error: &ConnectionError) -> Option<&rustls::Error> {
    if let ConnectionError::Tls(TlsError::TLS(error)) = error {
        return Some(error);
    }
    io_error(error)?.get_ref()?.downcast_ref()
}

fn io_error(error: &ConnectionError) -> Option<&io::Error> {
    match error {
        ConnectionError::Io(error)
        | ConnectionError::Tls(TlsError::Io(error))
        | ConnectionError::MqttState(StateError::Io(error) | StateError::Deserialization(PacketError::Io(error))) => {
            Some(error)
        }
        _ => None,
    }
}

/// What it may mean that a broker took the TCP connection and broke it off without a word.
fn broken_off(error: &ConnectionError, options: &Options) -> Option<&'static str> {
    let is_end = matches!(error, ConnectionError::MqttState(StateError::ConnectionAborted));
    if !is_end && !io_error(error).is_some_and(|error| self::is_end(error.kind())) {
        return None;
    }
    let step = if matches!(error, ConnectionError::Tls(_)) { Broken::InHandshake } else { Broken::AfterIt };
    Some(unanswered(options, step))
}

/// Whether it means that the other side has gone.
pub(super) fn is_end(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted | ErrorKind::BrokenPipe
    )
}

/// When a broker broke off, where there is a TLS handshake at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Broken {
    /// During it.
    InHandshake,
    /// After it, without an answer to CONNECT.
    AfterIt,
}

/// What it may mean that nobody answered CONNECT.
pub(super) fn unanswered(options: &Options, broken: Broken) -> &'static str {
    match (options.url.scheme(), broken, &options.tls.identity) {
        (Scheme::Plain, _, _) => "the broker closed the connection without an answer; is it its port for mqtts://?",
        (Scheme::Tls, Broken::InHandshake, _) => {
            "the broker broke off the TLS handshake without an answer; is it its port for mqtt://?"
        }
        (Scheme::Tls, Broken::AfterIt, None) => {
            "the broker closed the connection after the TLS handshake; it may demand a client certificate"
        }
        (Scheme::Tls, Broken::AfterIt, Some(_)) => {
            "the broker closed the connection after the TLS handshake; it may not take the client certificate"
        }
    }
}

fn of_state(error: &StateError, options: &Options) -> String {
    match error {
        StateError::AwaitPingResp => {
            format!("the broker did not answer a ping within {} s", options.keep_alive_secs())
        }
        StateError::ConnectionAborted => "the broker closed the connection".to_owned(),
        StateError::Io(error) | StateError::Deserialization(PacketError::Io(error)) => error.to_string(),
        StateError::Deserialization(PacketError::PayloadSizeLimitExceeded(bytes)) => {
            format!("the broker sent a packet of {bytes} bytes, at most {} are allowed", options.max_incoming)
        }
        other => format!("protocol error: {other}"),
    }
}

/// Why the broker refused CONNECT.
pub(super) fn refusal(code: ConnectReturnCode) -> &'static str {
    match code {
        ConnectReturnCode::RefusedProtocolVersion => "it does not speak MQTT 3.1.1",
        ConnectReturnCode::BadClientId => "it does not take the client identifier",
        ConnectReturnCode::ServiceUnavailable => "its service is not available",
        ConnectReturnCode::BadUserNamePassword => "wrong user name or password",
        ConnectReturnCode::NotAuthorized => "not authorized",
        ConnectReturnCode::Success => "no cause given",
    }
}

/// What is wrong with the answer to SUBSCRIBE, if anything.
pub(super) fn of_subscriptions(filters: &[Filter], codes: &[SubscribeReasonCode]) -> Result<(), String> {
    if filters.len() != codes.len() {
        return Err(format!("protocol error: {} subscriptions, {} answers", filters.len(), codes.len()));
    }
    match filters.iter().zip(codes).find(|(_, code)| **code == SubscribeReasonCode::Failure) {
        Some((filter, _)) => Err(format!("the broker refused the subscription to `{}`", filter.topic)),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Qos;
    use super::*;

    #[test]
    fn a_refused_subscription_is_named() {
        let filters: Vec<_> = ["a", "b"].map(|topic| Filter { topic: topic.to_owned(), qos: Qos::AtLeastOnce }).into();
        let granted = SubscribeReasonCode::Success(rumqttc::QoS::AtMostOnce);
        let refused = SubscribeReasonCode::Failure;
        assert_eq!(of_subscriptions(&filters, &[granted, granted]), Ok(()));
        assert!(of_subscriptions(&filters, &[granted, refused]).unwrap_err().contains("`b`"));
        assert!(of_subscriptions(&filters, &[granted]).unwrap_err().contains("2 subscriptions, 1 answers"));
    }

    #[test]
    fn reasons_say_what_is_allowed() {
        let options = Options { max_incoming: 100, ..Options::new("mqtt://broker".parse().unwrap(), "one") };
        let error = ConnectionError::MqttState(StateError::Deserialization(PacketError::PayloadSizeLimitExceeded(200)));
        let reason = of(&error, &options, Stage::Connected);
        assert!(reason.contains("200 bytes, at most 100"), "{reason}");
        let reason = of(&ConnectionError::NetworkTimeout, &options, Stage::Connecting);
        assert!(reason.contains("mqtt://broker:1883"), "{reason}");
    }
}
