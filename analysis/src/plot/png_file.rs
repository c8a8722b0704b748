//! Pixels as a PNG file (ISO/IEC 15948): true colour, 8 bits a channel, no filter, which suits flat areas.

use miniz_oxide::deflate::compress_to_vec_zlib;
use tiny_skia::Pixmap;

/// How hard to try: the usual one.
const LEVEL: u8 = 6;
/// 144 dots an inch, two pixels a unit; in pixels a metre.
const DENSITY: u32 = 5669;

/// The file.
pub(super) fn encoded(pixmap: &Pixmap) -> Vec<u8> {
    let (width, height) = (pixmap.width(), pixmap.height());
    let mut rows = Vec::new();
    for row in pixmap.pixels().chunks(usize::try_from(width).unwrap_or(usize::MAX)) {
        // The filter of the row: none.
        rows.push(0);
        // The ground is opaque, so nothing is left of transparency.
        rows.extend(row.iter().flat_map(|pixel| [pixel.red(), pixel.green(), pixel.blue()]));
    }
    let mut out = b"\x89PNG\r\n\x1a\n".to_vec();
    let mut header = [width.to_be_bytes(), height.to_be_bytes()].concat();
    header.extend([8, 2, 0, 0, 0]);
    chunk(&mut out, *b"IHDR", &header);
    let mut density = [DENSITY.to_be_bytes(), DENSITY.to_be_bytes()].concat();
    density.push(1);
    chunk(&mut out, *b"pHYs", &density);
    chunk(&mut out, *b"IDAT", &compress_to_vec_zlib(&rows, LEVEL));
    chunk(&mut out, *b"IEND", &[]);
    out
}

fn chunk(out: &mut Vec<u8>, kind: [u8; 4], content: &[u8]) {
    // A picture of 16,000 pixels a side is below 4 GiB.
    out.extend(u32::try_from(content.len()).unwrap_or(u32::MAX).to_be_bytes());
    out.extend(kind);
    out.extend(content);
    let sum = kind.iter().chain(content).fold(u32::MAX, |sum, byte| crc_step(sum, *byte));
    out.extend((!sum).to_be_bytes());
}

/// A byte more in the cyclic redundancy check of the standard's annex D.
fn crc_step(sum: u32, byte: u8) -> u32 {
    (0..8).fold(sum ^ u32::from(byte), |sum, _| if sum & 1 == 1 { 0xedb8_8320 ^ (sum >> 1) } else { sum >> 1 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pixels_come_back() {
        let mut pixmap = Pixmap::new(3, 2).unwrap();
        pixmap.fill(tiny_skia::Color::from_rgba8(200, 100, 50, 255));
        let file = encoded(&pixmap);
        assert!(file.starts_with(b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0\0\x03\0\0\0\x02\x08\x02\0\0\0"));
        // The end has the sum that is in every PNG file.
        assert!(file.ends_with(b"\0\0\0\0IEND\xae\x42\x60\x82"));
        let start = file.windows(4).position(|word| word == b"IDAT").unwrap();
        let length = u32::from_be_bytes(file[start - 4..start].try_into().unwrap()) as usize;
        let rows = miniz_oxide::inflate::decompress_to_vec_zlib(&file[start + 4..start + 4 + length]).unwrap();
        assert_eq!(rows, [0, 200, 100, 50, 200, 100, 50, 200, 100, 50].repeat(2));
    }
}
