//! The flood: a process that publishes commands to one device as fast as the broker takes them.

use std::io::{self, Read};

use clap::Args;
use shared_host::json;
use shared_host::mqtt::{self, BrokerUrl, Message, PublishError, Qos, Retain};
use shared_proto::limits::MAX_COMMAND;
use shared_proto::mode::Mode;
use shared_proto::wire::{Lease, SetMode, Version};

/// Commands without acknowledgement at one time: the broker is never idle, and its own limits are kept.
const IN_FLIGHT: u16 = 64;
const LEASE_MS: u32 = 5_000;
/// What is no command, by turns; the last one can be answered, as its id is readable.
const MALFORMED: [&[u8]; 4] =
    [b"", b"\xff\xfe{}", br#"{"v":1,"id":"cut","mode":"NOR"#, br#"{"v":1,"id":"x","mode":"NORMAL","lease_ms":1}"#];

/// Whom to flood.
#[derive(Debug, Clone, Args)]
pub struct FloodOptions {
    /// The broker
    #[arg(long, value_name = "mqtt://HOST:PORT")]
    pub broker: BrokerUrl,
    /// Client identifier
    #[arg(long, value_name = "ID")]
    pub client_id: String,
    /// The device's command topic
    #[arg(long, value_name = "TOPIC")]
    pub topic: String,
}

/// Publishes until standard input ends, which ends the process.
///
/// # Errors
/// The topic cannot be published on.
pub async fn flood(options: &FloodOptions) -> Result<(), PublishError> {
    std::thread::spawn(|| {
        // Whoever started this process holds the other end of the pipe.
        let _ = io::stdin().read_to_end(&mut Vec::new());
        std::process::exit(0);
    });
    let mut mqtt_options = mqtt::Options::new(options.broker.clone(), options.client_id.clone());
    mqtt_options.max_in_flight = IN_FLIGHT;
    let (publisher, mut events) = mqtt::start(mqtt_options, |_| None);
    let mut number = 0;
    // Each acknowledgement makes room for the next command.
    while events.next().await.is_some() {
        loop {
            let message = Message {
                topic: options.topic.clone(),
                payload: payload(number),
                qos: Qos::AtLeastOnce,
                retain: Retain::No,
            };
            match publisher.try_publish(message) {
                Ok(_) => number += 1,
                Err(PublishError::Full { .. } | PublishError::Down) => break,
                Err(error) => return Err(error),
            }
        }
    }
    Ok(())
}

/// A valid command with an id of its own, or something malformed, by turns.
fn payload(number: u64) -> Vec<u8> {
    let valid = number.is_multiple_of(2).then(|| valid(number)).flatten();
    valid.unwrap_or_else(|| {
        let turn = usize::try_from(number / 2).unwrap_or_default() % MALFORMED.len();
        MALFORMED.get(turn).map(|payload| payload.to_vec()).unwrap_or_default()
    })
}

/// `None` cannot happen: the id fits and the lease is in range.
fn valid(number: u64) -> Option<Vec<u8>> {
    let command = SetMode {
        v: Version,
        id: format!("flood-{}-{number}", std::process::id()).parse().ok()?,
        mode: Mode::Normal,
        lease_ms: Lease::try_from(LEASE_MS).ok()?,
        reason: "flood".into(),
        cause: None,
        fresh: None,
        missing: None,
    };
    json::encode(&command, MAX_COMMAND).ok()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_second_payload_is_a_command_with_an_id_of_its_own() {
        let (mut ids, mut refused) = (HashSet::new(), HashSet::new());
        for number in 0..200 {
            let payload = payload(number);
            match json::decode_command(&payload) {
                Ok(command) => {
                    assert_eq!((number % 2, command.mode), (0, Mode::Normal));
                    ids.insert(command.id.to_string());
                }
                Err(_) => {
                    refused.insert(payload);
                }
            }
        }
        assert_eq!((ids.len(), refused.len()), (100, MALFORMED.len()));
        assert!(json::decode_command(&payload(u64::MAX - 1)).is_ok(), "the longest id fits");
    }
}
