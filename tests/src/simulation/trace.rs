//! What happened, in order: always as a hash, so that two runs can be compared, and as text if somebody reads it.

use std::fmt;

use super::time::Time;

/// Who something happened to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Node {
    Device(usize),
    Gateway,
    Broker,
}

impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Device(index) => write!(f, "pi-{}", index + 1),
            Self::Gateway => f.write_str("gateway"),
            Self::Broker => f.write_str("broker"),
        }
    }
}

/// Whether the trace is kept as text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Keep {
    /// Only its hash is.
    #[default]
    Hash,
    /// Its lines are, too.
    Lines,
}

/// FNV-1a over all that happened.
#[derive(Debug)]
pub(super) struct Trace {
    hash: u64,
    lines: Option<Vec<String>>,
}

impl Trace {
    pub(super) fn new(keep: Keep) -> Self {
        Self { hash: 0xcbf2_9ce4_8422_2325, lines: (keep == Keep::Lines).then(Vec::new) }
    }

    /// Takes note; `content` goes into the hash, `words` are for people and made only if somebody reads them.
    pub(super) fn note(
        &mut self,
        at: Time,
        who: Node,
        what: &'static str,
        content: &[u8],
        words: impl FnOnce() -> String,
    ) {
        let who_byte = match who {
            Node::Device(index) => u8::try_from(index).unwrap_or(u8::MAX),
            Node::Gateway => 254,
            Node::Broker => 255,
        };
        self.absorb(&at.us().to_le_bytes());
        self.absorb(&[who_byte]);
        self.absorb(what.as_bytes());
        self.absorb(content);
        if let Some(lines) = &mut self.lines {
            lines.push(format!("{at}  {:<8} {what:<12} {}", who.to_string(), words()));
        }
    }

    pub(super) fn finish(self) -> (u64, Vec<String>) {
        (self.hash, self.lines.unwrap_or_default())
    }

    fn absorb(&mut self, bytes: &[u8]) {
        self.hash = digest_from(self.hash, bytes);
    }
}

/// FNV-1a of some bytes.
pub(super) fn digest(bytes: &[u8]) -> u64 {
    digest_from(0xcbf2_9ce4_8422_2325, bytes)
}

fn digest_from(start: u64, bytes: &[u8]) -> u64 {
    bytes.iter().fold(start, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}
