//! Until when certificates are valid. webpki judges that, but does not tell.

use super::{Fault, certificates};
use crate::secret::Place;

/// Tags of DER (X.690) that stand before the end of a certificate's validity (RFC 5280, section 4.1).
const SEQUENCE: u8 = 0x30;
const VERSION: u8 = 0xA0;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;

/// Which certificate of a file counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// The one that ends first.
    First,
    /// The one that ends last.
    Last,
}

/// Until when the certificates of a file are valid, in seconds since 1970.
///
/// # Errors
/// [`Fault`] if the file cannot be read, or one of them is none.
pub fn expiry(place: &Place, which: Which) -> Result<u64, Fault> {
    let mut chosen = None;
    for certificate in certificates::read(place)? {
        let end = not_after(&certificate)
            .ok_or_else(|| Fault::content(place, "what is in it is no certificate".to_owned()))?;
        chosen = Some(chosen.map_or(end, |chosen: u64| match which {
            Which::First => chosen.min(end),
            Which::Last => chosen.max(end),
        }));
    }
    // A file without any is a fault already.
    Ok(chosen.unwrap_or(0))
}

fn not_after(certificate: &[u8]) -> Option<u64> {
    let (_, certificate, _) = element(certificate).filter(|(tag, ..)| *tag == SEQUENCE)?;
    let (_, mut fields, _) = element(certificate).filter(|(tag, ..)| *tag == SEQUENCE)?;
    let mut field = || {
        let (tag, content, rest) = element(fields)?;
        fields = rest;
        Some((tag, content))
    };
    // The version may be left out; then serial number, algorithm, issuer.
    let (first, _) = field()?;
    for _ in 0..if first == VERSION { 3 } else { 2 } {
        field()?;
    }
    let (_, validity) = field()?;
    let (_, _, rest) = element(validity)?;
    let (tag, time, _) = element(rest)?;
    seconds(tag, time)
}

/// The first element: its tag, its content, and what follows it.
fn element(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&[tag, first], rest) = der.split_first_chunk()?;
    let (length, rest) = match usize::from(first) {
        short @ 0..0x80 => (short, rest),
        long => {
            let (bytes, rest) = rest.split_at_checked(long & 0x7F).filter(|(bytes, _)| bytes.len() <= 4)?;
            (bytes.iter().fold(0, |length, byte| length << 8 | usize::from(*byte)), rest)
        }
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((tag, content, rest))
}

/// `YYMMDDHHMMSSZ`, or `YYYYMMDDHHMMSSZ` (RFC 5280, section 4.1.2.5), as seconds since 1970.
fn seconds(tag: u8, time: &[u8]) -> Option<u64> {
    let digits = time.strip_suffix(b"Z").filter(|digits| digits.iter().all(u8::is_ascii_digit))?;
    let two = |at: usize| {
        digits.get(at..at + 2).map(|two| two.iter().fold(0, |sum, digit| sum * 10 + u64::from(digit - b'0')))
    };
    let (year, at) = match (tag, digits.len()) {
        (UTC_TIME, 12) => (two(0).map(|year| if year < 50 { 2000 + year } else { 1900 + year })?, 2),
        (GENERALIZED_TIME, 14) => (two(0)? * 100 + two(2)?, 4),
        _ => return None,
    };
    let (month, day) = (two(at)?, two(at + 2)?);
    if year < 1970 || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    // Years that begin in March, so that the leap day is the last one.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = year * 365 + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 1;
    /// From 1 March of the year 0 to 1970.
    const BEFORE_1970: u64 = 719_468;
    Some((days - BEFORE_1970) * 86_400 + two(at + 4)? * 3_600 + two(at + 6)? * 60 + two(at + 8)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_both_kinds_are_read() {
        for (tag, time, wanted) in [
            (UTC_TIME, "700101000000Z", Some(0)),
            (UTC_TIME, "491231235959Z", Some(2_524_607_999)),
            (UTC_TIME, "240229120000Z", Some(1_709_208_000)),
            (UTC_TIME, "000301000000Z", Some(951_868_800)),
            (GENERALIZED_TIME, "20500101000000Z", Some(2_524_608_000)),
            (GENERALIZED_TIME, "99991231235959Z", Some(253_402_300_799)),
            (UTC_TIME, "20500101000000Z", None),
            (UTC_TIME, "491331235959Z", None),
            (UTC_TIME, "490031235959Z", None),
            (UTC_TIME, "49123123595Z", None),
            (UTC_TIME, "4912312359-9Z", None),
            (GENERALIZED_TIME, "19000101000000Z", None),
            (GENERALIZED_TIME, "", None),
        ] {
            assert_eq!(seconds(tag, time.as_bytes()), wanted, "{time}");
        }
    }

    #[test]
    fn the_end_of_a_certificate_is_found_with_and_without_its_version() {
        let element = |tag: u8, content: &[u8]| [&[tag, u8::try_from(content.len()).unwrap()], content].concat();
        let validity = [element(UTC_TIME, b"200101000000Z"), element(UTC_TIME, b"491231235959Z")].concat();
        let rest =
            [element(2, &[1]), element(SEQUENCE, &[]), element(SEQUENCE, &[]), element(SEQUENCE, &validity)].concat();
        for version in [element(VERSION, &[2, 1, 2]), Vec::new()] {
            let certificate = element(SEQUENCE, &element(SEQUENCE, &[version, rest.clone()].concat()));
            assert_eq!(not_after(&certificate), Some(2_524_607_999));
            for length in 0..certificate.len() {
                assert_eq!(not_after(&certificate[..length]), None);
            }
        }
        assert_eq!(super::element(&[0x30, 0x85, 0, 0, 0, 0, 0]), None);
        assert_eq!(super::element(&[0x30, 0x81, 1, 7, 8]), Some((0x30, &[7][..], &[8][..])));
    }
}
