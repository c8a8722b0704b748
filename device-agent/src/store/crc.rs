//! CRC-32C (Castagnoli), the checksum of iSCSI and ext4. A table is fast enough: a report takes about 3 µs.

/// The polynomial 0x1EDC6F41, bits reversed.
const POLYNOMIAL: u32 = 0x82F6_3B78;

static TABLE: [u32; 256] = table();

#[expect(clippy::indexing_slicing, reason = "the index runs over the array, at compile time")]
#[expect(clippy::cast_possible_truncation, reason = "below 256")]
const fn table() -> [u32; 256] {
    let mut table = [0; 256];
    let mut index = 0;
    while index < table.len() {
        let mut rest = index as u32;
        let mut bit = 0;
        while bit < 8 {
            rest = if rest & 1 == 1 { (rest >> 1) ^ POLYNOMIAL } else { rest >> 1 };
            bit += 1;
        }
        table[index] = rest;
        index += 1;
    }
    table
}

/// A checksum on its way over several pieces.
#[derive(Debug, Clone, Copy)]
pub(super) struct Crc(u32);

impl Crc {
    pub(super) const fn new() -> Self {
        Self(u32::MAX)
    }

    pub(super) fn with(self, bytes: &[u8]) -> Self {
        let step = |crc: u32, byte: &u8| {
            let [low, ..] = crc.to_le_bytes();
            // A byte is always inside a table of 256.
            TABLE.get(usize::from(low ^ byte)).copied().unwrap_or(0) ^ (crc >> 8)
        };
        Self(bytes.iter().fold(self.0, step))
    }

    pub(super) const fn value(self) -> u32 {
        !self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 3720, B.4, and the check value that every catalogue of checksums has.
    #[test]
    fn it_is_the_castagnoli_checksum() {
        let of = |bytes: &[u8]| Crc::new().with(bytes).value();
        assert_eq!(of(b"123456789"), 0xE306_9283);
        assert_eq!(of(&[0; 32]), 0x8A91_36AA);
        assert_eq!(of(&[0xFF; 32]), 0x62A8_AB43);
        assert_eq!(Crc::new().with(b"1234").with(b"56789").value(), of(b"123456789"));
    }
}
