//! Counts by a kind.

/// Counts by a kind, of which there are few.
#[derive(Debug, Clone)]
pub(super) struct Counts<K> {
    counts: Vec<(K, u64)>,
}

impl<K: PartialEq + Copy> Counts<K> {
    /// These kinds are told from the start, with 0.
    pub(super) fn of(kinds: impl IntoIterator<Item = K>) -> Self {
        Self { counts: kinds.into_iter().map(|kind| (kind, 0)).collect() }
    }

    /// One more of this kind.
    pub(super) fn add(&mut self, kind: K) {
        match self.counts.iter_mut().find(|(known, _)| *known == kind) {
            Some((_, count)) => *count = count.saturating_add(1),
            None => self.counts.push((kind, 1)),
        }
    }

    /// The kinds and their counts.
    pub(super) fn iter(&self) -> impl Iterator<Item = (K, u64)> + '_ {
        self.counts.iter().copied()
    }
}
