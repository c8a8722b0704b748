//! What fits into the fields of an MQTT packet. The client library writes longer texts as broken packets.

use rumqttc::{LastWill, MqttOptions, SubscribeFilter};

use super::fresh::Fresh;
use super::{MAX_PACKET, Message, Options};

/// Texts and binary fields carry a 16 bit length.
const MAX_FIELD: usize = 65_535;

pub(super) fn topic(topic: &str) -> bool {
    (1..=MAX_FIELD).contains(&topic.len()) && !topic.contains(['+', '#', '\0'])
}

fn filter(filter: &str) -> bool {
    filter.len() <= MAX_FIELD && !filter.contains('\0') && rumqttc::valid_filter(filter)
}

/// Settings of the client library for one connection, or why none can be made.
pub(super) fn client_options(options: &Options, fresh: Fresh, will: Option<Message>) -> Result<MqttOptions, String> {
    let mut client =
        MqttOptions::new(field("client_id", &options.client_id)?, options.url.client_host(), options.url.port());
    client
        .set_transport(fresh.transport)
        .set_clean_session(true)
        .set_keep_alive(std::time::Duration::from_secs(options.keep_alive_secs().into()))
        // One more than are ever in flight: no packet identifier is used again before its acknowledgement, which the
        // library would answer by holding back all that follows.
        .set_inflight(options.in_flight() + 1)
        .set_max_packet_size(options.max_incoming.min(MAX_PACKET), options.max_outgoing.min(MAX_PACKET));
    if let Some(credentials) = &options.credentials {
        if credentials.username.is_empty() {
            return Err("credentials: the user name is empty, at least 1 byte is needed".to_owned());
        }
        let password = fresh.password.text().map_err(|_| "password: it is not UTF-8".to_owned())?;
        client.set_credentials(field("user name", &credentials.username)?, field("password", password)?);
    }
    if let Some(Message { topic: will_topic, payload, qos, retain }) = will {
        if !topic(&will_topic) {
            return Err(format!(
                "will: topic `{will_topic}` is not valid; allowed are 1 to {MAX_FIELD} bytes without `+`, `#` and NUL"
            ));
        }
        if payload.len() > MAX_FIELD {
            return Err(format!("will: the payload has {} bytes, at most {MAX_FIELD}", payload.len()));
        }
        client.set_last_will(LastWill::new(will_topic, payload, qos.into(), retain.flag()));
    }
    Ok(client)
}

/// The subscriptions, or why they cannot be made.
pub(super) fn subscriptions(options: &Options) -> Result<Vec<SubscribeFilter>, String> {
    let valid = |wanted: &super::Filter| {
        if filter(&wanted.topic) {
            return Ok(SubscribeFilter::new(wanted.topic.clone(), wanted.qos.into()));
        }
        Err(format!(
            "subscription: `{}` is no topic filter; allowed are 1 to {MAX_FIELD} bytes, `+` as a whole level, \
             `#` as the whole last level",
            wanted.topic
        ))
    };
    options.filters.iter().map(valid).collect()
}

fn field<'a>(name: &str, text: &'a str) -> Result<&'a str, String> {
    if text.len() > MAX_FIELD || text.contains('\0') {
        return Err(format!("{name}: {} bytes are given; allowed are {MAX_FIELD} without NUL", text.len()));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::super::{Credentials, Filter, Password, Qos, Retain};
    use super::*;
    use crate::secret::Secret;

    fn options() -> Options {
        Options::new("mqtt://[::1]:1884".parse().unwrap(), "one")
    }

    fn fresh() -> Fresh {
        Fresh { transport: rumqttc::Transport::Tcp, password: Secret::new("x") }
    }

    fn will(topic: &str, bytes: usize) -> Option<Message> {
        Some(Message { topic: topic.to_owned(), payload: vec![0; bytes], qos: Qos::AtLeastOnce, retain: Retain::Yes })
    }

    #[test]
    fn options_reach_the_client() {
        let client = client_options(&options(), fresh(), will("a/b", 65_535)).unwrap();
        assert_eq!(client.broker_address(), ("[::1]".to_owned(), 1884));
        assert_eq!(client.inflight(), 17);
        assert!(client.clean_session());
        let will = client.last_will().unwrap();
        assert_eq!((will.topic.as_str(), will.message.len(), will.retain), ("a/b", 65_535, true));
    }

    #[test]
    fn what_would_break_the_connect_packet_is_named() {
        for (broken, options, will) in [
            ("client_id", Options { client_id: "x".repeat(65_536), ..options() }, None),
            ("will: topic", options(), will("a/+", 0)),
            ("will: topic", options(), will("", 0)),
            ("65536 bytes, at most 65535", options(), will("a", 65_536)),
            (
                "user name",
                Options {
                    credentials: Some(Credentials { username: String::new(), password: Password::None }),
                    ..options()
                },
                None,
            ),
        ] {
            let error = client_options(&options, fresh(), will).err().unwrap();
            assert!(error.contains(broken), "{error}");
        }
    }

    #[test]
    fn the_wrong_filter_is_named() {
        let filters = |topics: &[&str]| Options {
            filters: topics.iter().map(|&topic| Filter { topic: topic.to_owned(), qos: Qos::AtLeastOnce }).collect(),
            ..options()
        };
        assert_eq!(subscriptions(&filters(&["a/+/b", "#"])).unwrap().len(), 2);
        for wrong in ["", "a#", "a/#/b", "a+/b", "a\0"] {
            let error = subscriptions(&filters(&["a", wrong])).unwrap_err();
            assert!(error.contains(&format!("`{wrong}`")), "{error}");
        }
    }

    #[test]
    fn topics_have_no_wildcards_and_fit_their_field() {
        assert!(topic("a/b") && topic(&"x".repeat(65_535)));
        for wrong in ["", "a/+", "#", "a\0", &"x".repeat(65_536)] {
            assert!(!topic(wrong));
        }
    }
}
