//! Signatures of minisign (<https://jedisct1.github.io/minisign/>), verified: Ed25519 of a BLAKE2b hash. Signing is for who holds
//! the key, never for a device.

use base64ct::{Base64, Encoding};
use blake2::{Blake2b512, Digest};
use ring::signature::{ED25519, UnparsedPublicKey};

/// Why a file is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Problem {
    /// A file that minisign did not write.
    #[error("not written by minisign")]
    Format,
    /// A signature of the file itself, as minisign made them before version 0.10.
    #[error("an old signature, not of a hash; sign it anew with minisign 0.10 or later")]
    Legacy,
    /// A signature by another key.
    #[error("signed with another key")]
    OtherKey,
    /// The signature does not fit.
    #[error("the signature is wrong")]
    Wrong,
}

/// Who is trusted.
pub(crate) struct PublicKey {
    id: [u8; 8],
    key: [u8; 32],
}

/// What is to be verified.
pub(crate) struct Signature {
    id: [u8; 8],
    signature: [u8; 64],
    comment: String,
    /// Of the signature and the comment.
    global: [u8; 64],
}

/// Takes in the file piece by piece.
pub(crate) struct Verifier<'a> {
    key: UnparsedPublicKey<&'a [u8]>,
    signature: &'a Signature,
    hash: Blake2b512,
}

impl PublicKey {
    /// Reads what `minisign -G` writes.
    pub(crate) fn decode(text: &str) -> Result<Self, Problem> {
        let (algorithm, rest) = line(text.lines().nth(1))?;
        let (id, key) = rest.split_at_checked(8).ok_or(Problem::Format)?;
        match algorithm {
            [b'E', b'd' | b'D'] => Ok(Self { id: exactly(id)?, key: exactly(key)? }),
            _ => Err(Problem::Format),
        }
    }

    /// Starts to verify.
    pub(crate) fn verifier<'a>(&'a self, signature: &'a Signature) -> Result<Verifier<'a>, Problem> {
        if self.id != signature.id {
            return Err(Problem::OtherKey);
        }
        Ok(Verifier { key: UnparsedPublicKey::new(&ED25519, &self.key), signature, hash: Blake2b512::new() })
    }
}

impl Signature {
    /// Reads what `minisign -S` writes.
    pub(crate) fn decode(text: &str) -> Result<Self, Problem> {
        let mut lines = text.lines().skip(1);
        let (algorithm, rest) = line(lines.next())?;
        let (id, signature) = rest.split_at_checked(8).ok_or(Problem::Format)?;
        let comment = lines.next().and_then(|line| line.strip_prefix("trusted comment: ")).ok_or(Problem::Format)?;
        let global = lines.next().and_then(base64).ok_or(Problem::Format)?;
        match algorithm {
            [b'E', b'D'] => {}
            [b'E', b'd'] => return Err(Problem::Legacy),
            _ => return Err(Problem::Format),
        }
        Ok(Self {
            id: exactly(id)?,
            signature: exactly(signature)?,
            comment: comment.to_owned(),
            global: exactly(&global)?,
        })
    }

    /// What the signer says of the file; to be believed once it is verified.
    pub(crate) fn comment(&self) -> &str {
        &self.comment
    }
}

impl Verifier<'_> {
    /// Takes in the next piece.
    pub(crate) fn update(&mut self, piece: &[u8]) {
        self.hash.update(piece);
    }

    /// Whether the file, and the comment, are what was signed.
    pub(crate) fn finish(self) -> Result<(), Problem> {
        let Signature { signature, comment, global, .. } = self.signature;
        let whole = [signature, comment.as_bytes()].concat();
        self.key
            .verify(&self.hash.finalize(), signature)
            .and_then(|()| self.key.verify(&whole, global))
            .map_err(|_| Problem::Wrong)
    }
}

/// The algorithm that a line of base64 begins with, and the rest.
fn line(text: Option<&str>) -> Result<([u8; 2], Vec<u8>), Problem> {
    let mut bytes = text.and_then(base64).ok_or(Problem::Format)?;
    let rest = bytes.split_off(bytes.len().min(2));
    Ok((exactly(&bytes)?, rest))
}

fn base64(text: &str) -> Option<Vec<u8>> {
    Base64::decode_vec(text).ok()
}

fn exactly<const N: usize>(bytes: &[u8]) -> Result<[u8; N], Problem> {
    bytes.try_into().map_err(|_| Problem::Format)
}
