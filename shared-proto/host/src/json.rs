//! The JSON codec of the wire: `serde_json`, with a limit on every size and errors for people.
//!
//! Version first: a message of a version that is not known is refused with that reason, whatever else is in it.

use std::io;

use serde::Serialize;
use serde::de::DeserializeOwned;
use shared_proto::dialect::{edgex, lab};
use shared_proto::ids::CommandId;
use shared_proto::limits::{MAX_ACK, MAX_COMMAND, MAX_REPORT, MAX_SITE, MAX_SITE_MISSING, MAX_SITE_STATUS, MAX_STATUS};
use shared_proto::wire::{Ack, Envelope, Report, SetMode, Site, SiteMissing, SiteStatus, Status, Version};

/// A message that does not fit its limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the message does not fit {limit} bytes")]
pub struct TooLong {
    limit: usize,
}

/// A message that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// Longer than its kind may be.
    #[error("{length} bytes: allowed are {limit}")]
    Oversize {
        /// Bytes received.
        length: usize,
        /// Bytes allowed.
        limit: usize,
    },
    /// Another version of the wire.
    #[error("unknown version {0}: known is {known}", known = Version::CURRENT)]
    UnknownVersion(u32),
    /// Not the JSON that was expected.
    #[error("{0}")]
    Malformed(String),
}

/// A command that cannot be taken; with its id, if that much was readable, so that it can be answered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{error}")]
pub struct CommandError {
    /// Id of the command.
    pub id: Option<CommandId>,
    /// What is wrong.
    pub error: DecodeError,
}

/// Writes a message into `buffer` without allocating; tells its length.
///
/// # Errors
/// [`TooLong`] if it does not fit.
pub fn encode_into(message: &impl Serialize, buffer: &mut [u8]) -> Result<usize, TooLong> {
    let limit = buffer.len();
    let mut sheet = Sheet { buffer, length: 0 };
    // Writing fails only when the buffer is full: none of the wire's types has a map with odd keys.
    serde_json::to_writer(&mut sheet, message).map_err(|_| TooLong { limit })?;
    Ok(sheet.length)
}

/// A buffer that takes a piece whole or not at all. The standard library's writer for slices takes what fits, and so calls
/// `memcpy` for every comma, hundreds of times a report: with this one a report takes a fifth of the time less.
struct Sheet<'a> {
    buffer: &'a mut [u8],
    length: usize,
}

impl io::Write for Sheet<'_> {
    #[inline]
    fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
        self.write_all(piece)?;
        Ok(piece.len())
    }

    #[inline]
    fn write_all(&mut self, piece: &[u8]) -> io::Result<()> {
        let end = self.length.saturating_add(piece.len());
        let room = self.buffer.get_mut(self.length..end).ok_or(io::ErrorKind::WriteZero)?;
        room.copy_from_slice(piece);
        self.length = end;
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Writes a message of at most `limit` bytes.
///
/// # Errors
/// [`TooLong`] if it does not fit.
pub fn encode(message: &impl Serialize, limit: usize) -> Result<Vec<u8>, TooLong> {
    let mut buffer = vec![0; limit];
    let length = encode_into(message, &mut buffer)?;
    buffer.truncate(length);
    buffer.shrink_to_fit();
    Ok(buffer)
}

/// Reads a command.
///
/// # Errors
/// [`CommandError`] says what is wrong, with the id if it was readable.
pub fn decode_command(payload: &[u8]) -> Result<SetMode, CommandError> {
    let refuse = |id, error| CommandError { id, error };
    check_size(payload, MAX_COMMAND).map_err(|error| refuse(None, error))?;
    let envelope: Envelope = parse(payload).map_err(|error| refuse(None, error))?;
    if envelope.v != Version::CURRENT {
        return Err(refuse(envelope.id, DecodeError::UnknownVersion(envelope.v)));
    }
    parse(payload).map_err(|error| refuse(envelope.id, error))
}

/// Reads a report and checks that its numbers agree with each other.
///
/// # Errors
/// [`DecodeError`] says what is wrong.
pub fn decode_report(payload: &[u8]) -> Result<Report, DecodeError> {
    let report: Report = versioned(payload, MAX_REPORT)?;
    report.validate().map_err(|error| DecodeError::Malformed(error.to_string()))?;
    Ok(report)
}

/// Reads a status.
///
/// # Errors
/// [`DecodeError`] says what is wrong.
pub fn decode_status(payload: &[u8]) -> Result<Status, DecodeError> {
    versioned(payload, MAX_STATUS)
}

/// Reads an acknowledgement.
///
/// # Errors
/// [`DecodeError`] says what is wrong.
pub fn decode_ack(payload: &[u8]) -> Result<Ack, DecodeError> {
    versioned(payload, MAX_ACK)
}

/// Reads a window of a site and checks that its numbers agree with each other.
///
/// # Errors
/// [`DecodeError`] says what is wrong.
pub fn decode_site(payload: &[u8]) -> Result<Site, DecodeError> {
    let site: Site = versioned(payload, MAX_SITE)?;
    site.validate().map_err(|error| DecodeError::Malformed(error.to_string()))?;
    Ok(site)
}

/// Reads the status of a site.
///
/// # Errors
/// [`DecodeError`] says what is wrong.
pub fn decode_site_status(payload: &[u8]) -> Result<SiteStatus, DecodeError> {
    versioned(payload, MAX_SITE_STATUS)
}

/// Reads which windows of a site are missing.
///
/// # Errors
/// [`DecodeError`] says what is wrong.
pub fn decode_site_missing(payload: &[u8]) -> Result<SiteMissing, DecodeError> {
    versioned(payload, MAX_SITE_MISSING)
}

/// Reads a classroom client's metrics.
///
/// # Errors
/// [`DecodeError`] says what is wrong.
pub fn decode_lab_observed(payload: &[u8]) -> Result<lab::Observed, DecodeError> {
    check_size(payload, MAX_STATUS)?;
    parse(payload)
}

/// Reads a classroom command.
///
/// # Errors
/// [`DecodeError`] says what is wrong.
pub fn decode_lab_command(payload: &[u8]) -> Result<lab::Command, DecodeError> {
    check_size(payload, MAX_COMMAND)?;
    parse(payload)
}

/// Reads what a `set` of EdgeX carries.
///
/// # Errors
/// [`DecodeError`] says what is wrong.
pub fn decode_edgex_set(payload: &[u8]) -> Result<edgex::Written, DecodeError> {
    check_size(payload, MAX_COMMAND)?;
    parse(payload)
}

fn versioned<T: DeserializeOwned>(payload: &[u8], limit: usize) -> Result<T, DecodeError> {
    check_size(payload, limit)?;
    // Reports come by the ten thousand: the version is looked at alone only if the whole cannot be read.
    parse(payload).map_err(|error| match parse::<Envelope>(payload) {
        Ok(envelope) if envelope.v != Version::CURRENT => DecodeError::UnknownVersion(envelope.v),
        _ => error,
    })
}

fn parse<T: DeserializeOwned>(payload: &[u8]) -> Result<T, DecodeError> {
    serde_json::from_slice(payload).map_err(|error| DecodeError::Malformed(error.to_string()))
}

fn check_size(payload: &[u8], limit: usize) -> Result<(), DecodeError> {
    let length = payload.len();
    if length <= limit { Ok(()) } else { Err(DecodeError::Oversize { length, limit }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"{"v":1,"id":"c-1","mode":"DEGRADED","lease_ms":15000,"reason":"why","later":true}"#;

    #[test]
    fn a_command_is_read_whatever_else_it_carries() {
        assert_eq!(decode_command(GOOD.as_bytes()).unwrap().id.as_str(), "c-1");
    }

    #[test]
    fn another_version_is_named_with_the_id() {
        let error = decode_command(GOOD.replace("\"v\":1", "\"v\":7").as_bytes()).unwrap_err();
        assert_eq!(error.error, DecodeError::UnknownVersion(7));
        assert_eq!(error.id.unwrap().as_str(), "c-1");
    }

    #[test]
    fn every_way_to_be_wrong_is_an_error() {
        let oversize = format!("{GOOD}{}", " ".repeat(MAX_COMMAND));
        let deep = "[".repeat(1000);
        for bad in [
            "",
            "{}",
            "null",
            "[]",
            "{\"v\":1}",
            &GOOD[..40],
            &oversize,
            &deep,
            &GOOD.replace("DEGRADED", "degraded"),
            &GOOD.replace("15000", "99"),
            &GOOD.replace("15000", "-1"),
            &GOOD.replace("c-1", ""),
        ] {
            assert!(decode_command(bad.as_bytes()).is_err(), "{bad}");
        }
        assert!(decode_command(b"\xff\xfe{}").is_err());
        assert!(decode_command(&GOOD.replace("why", "\u{e9}").into_bytes()).is_ok());
        let mut not_utf8 = GOOD.as_bytes().to_vec();
        let at = GOOD.find("why").unwrap();
        not_utf8[at] = 0xff;
        assert!(decode_command(&not_utf8).is_err());
    }

    /// Without serde_json's feature `float_roundtrip` this one comes back as another number.
    #[test]
    fn the_gateway_reads_the_miss_rate_that_the_device_computed() {
        let computed = shared_proto::units::Ratio::of(10, 91);
        let lab::Observed { miss_rate, .. } =
            decode_lab_observed(format!(r#"{{"miss_rate":{computed}}}"#).as_bytes()).unwrap();
        assert_eq!(miss_rate, computed);
    }

    #[test]
    fn a_message_longer_than_its_limit_is_refused_not_cut() {
        assert_eq!(encode(&"12345", 7).unwrap(), b"\"12345\"");
        assert_eq!(encode(&"123456", 7), Err(TooLong { limit: 7 }));
    }
}
