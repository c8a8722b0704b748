//! BLAKE2b with 64 bytes and no key (RFC 7693), of public data. The rounds are a loop: small instead of fast.

const BLOCK: usize = 128;

/// RFC 7693, section 2.6; those of SHA-512.
const IV: [u64; 8] = [
    0x6a09_e667_f3bc_c908,
    0xbb67_ae85_84ca_a73b,
    0x3c6e_f372_fe94_f82b,
    0xa54f_f53a_5f1d_36f1,
    0x510e_527f_ade6_82d1,
    0x9b05_688c_2b3e_6c1f,
    0x1f83_d9ab_fb41_bd6b,
    0x5be0_cd19_137e_2179,
];

/// The order of the message's words in each round, a digit each (section 2.7); rounds 10 and 11 repeat 0 and 1.
const SIGMA: [u64; 10] = [
    0x0123_4567_89ab_cdef,
    0xea48_9fd6_1c02_b753,
    0xb8c0_52fd_ae36_7194,
    0x7931_dcbe_265a_40f8,
    0x9057_24af_e1bc_683d,
    0x2c6a_0b83_4d75_fe19,
    0xc51f_ed4a_0763_928b,
    0xdb7e_c139_50f4_862a,
    0x6fe9_b308_c2d7_14a5,
    0xa284_7615_fb9e_3cd0,
];

/// Takes data piece by piece.
pub(super) struct Blake2b {
    state: [u64; 8],
    /// Bytes taken before `block`.
    taken: u64,
    block: [u8; BLOCK],
    /// Bytes in `block`. A full one waits until it is known whether it is the last.
    filled: usize,
}

/// Whether data follows a block.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Follows {
    More,
    Nothing,
}

impl Blake2b {
    pub(super) fn new() -> Self {
        let mut state = IV;
        // The parameter block: digest length 64, no key, fan-out and depth 1.
        state[0] ^= 0x0101_0040;
        Self { state, taken: 0, block: [0; BLOCK], filled: 0 }
    }

    pub(super) fn update(&mut self, mut data: &[u8]) {
        while !data.is_empty() {
            if self.filled == BLOCK {
                self.compress(Follows::More);
            }
            let room = self.block.get_mut(self.filled..).unwrap_or_default();
            let (now, later) = data.split_at(room.len().min(data.len()));
            for (to, from) in room.iter_mut().zip(now) {
                *to = *from;
            }
            self.filled += now.len();
            data = later;
        }
    }

    pub(super) fn finish(mut self) -> [u8; 64] {
        self.block.iter_mut().skip(self.filled).for_each(|byte| *byte = 0);
        self.compress(Follows::Nothing);
        let mut digest = [0; 64];
        for (to, word) in digest.chunks_exact_mut(8).zip(self.state) {
            to.copy_from_slice(&word.to_le_bytes());
        }
        digest
    }

    /// Mixes the block into the state, and empties it.
    #[expect(clippy::indexing_slicing, reason = "constants and digits below 16, of arrays of 16")]
    fn compress(&mut self, follows: Follows) {
        self.taken += self.filled as u64;
        self.filled = 0;
        let mut words = [0; 16];
        for (word, bytes) in words.iter_mut().zip(self.block.as_chunks().0) {
            *word = u64::from_le_bytes(*bytes);
        }
        let mut v = [0; 16];
        v[..8].copy_from_slice(&self.state);
        v[8..].copy_from_slice(&IV);
        // The lower half of the counter; no file needs the other one.
        v[12] ^= self.taken;
        if follows == Follows::Nothing {
            v[14] = !v[14];
        }
        for order in SIGMA.iter().chain(&SIGMA[..2]) {
            let mut order = *order;
            let mut next = || {
                order = order.rotate_left(4);
                words[(order & 15) as usize]
            };
            // Columns, then diagonals.
            for turn in [0, 1] {
                for lane in 0..4 {
                    let at = |row: usize| 4 * row + (lane + turn * row) % 4;
                    mix(&mut v, [at(0), at(1), at(2), at(3)], next(), next());
                }
            }
        }
        for (index, word) in self.state.iter_mut().enumerate() {
            *word ^= v[index] ^ v[index + 8];
        }
    }
}

/// The function G (section 3.1).
#[expect(clippy::indexing_slicing, reason = "the caller's numbers are below 16")]
#[inline(never)]
fn mix(v: &mut [u64; 16], [a, b, c, d]: [usize; 4], x: u64, y: u64) {
    for (word, first, second) in [(x, 32, 24), (y, 16, 63)] {
        v[a] = v[a].wrapping_add(v[b]).wrapping_add(word);
        v[d] = (v[d] ^ v[a]).rotate_right(first);
        v[c] = v[c].wrapping_add(v[d]);
        v[b] = (v[b] ^ v[c]).rotate_right(second);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(data: &[u8], piece: usize) -> String {
        let mut blake2b = Blake2b::new();
        data.chunks(piece).for_each(|piece| blake2b.update(piece));
        blake2b.finish().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    #[test]
    fn known_answers() {
        // RFC 7693, appendix A; then of Python's hashlib, at the edges of a block.
        let cases: [(&[u8], &str); 6] = [
            (
                b"abc",
                "ba80a53f981c4d0d6a2797b69f12f6e94c212f14685ac4b74b12bb6fdbffa2d1\
                 7d87c5392aab792dc252d5de4533cc9518d38aa8dbf1925ab92386edd4009923",
            ),
            (
                b"",
                "786a02f742015903c6c6fd852552d272912f4740e15847618a86e217f71f5419\
                 d25e1031afee585313896444934eb04b903a685b1448b755d56f701afe9be2ce",
            ),
            (
                &[b'x'; 127],
                "acc1cd9ebcd76c8f0e9afcfe2e2479a1ab53ad0d02c8ebd767fd1e26c5cf9676\
                 7c81077e5edd55f3fd8709dea6849b9792c8c19813f5ae6de9ac4d3a5efad515",
            ),
            (
                &[b'x'; 128],
                "082b91ea2e15d1556d2ceefdd5af5d64d31b4e01aff1959724578876293825b2\
                 36ee8079173a0a38160d7d6685d6bca0bfb62c177b3599b8727d9173e2115b91",
            ),
            (
                &[b'x'; 129],
                "362a53bbe2ec08097b2f358a41d0e153aeed4c132af928400872413650e7bf22\
                 f9ae428ff73770170bbd95f935e5dd1953c17de8c7264c72d1f99303bf22dfaa",
            ),
            (
                &[b'x'; 256],
                "26066ae992ec734e85f05f962b49e72bcb2be54fcb53bce7e7b4d7f4dc88f568\
                 62235fd16b988877db71cc5e9bb50e489e884450fdb6f74968e6da7d1e493428",
            ),
        ];
        for (data, digest) in cases {
            assert_eq!(hash(data, 1000), digest, "{} bytes", data.len());
        }
    }

    #[test]
    fn the_pieces_do_not_matter() {
        let data: Vec<u8> = (0..=255).cycle().take(1000).collect();
        let whole = hash(&data, 1000);
        for piece in [1, 7, 127, 128, 129, 256] {
            assert_eq!(hash(&data, piece), whole, "{piece}");
        }
    }
}
