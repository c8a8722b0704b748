//! Which windows of one boot have been received: duplicates are told from late arrivals, and what is missing is known
//! exactly.
//!
//! Each message covers the windows `seq − merged + 1 ..= seq` and carries the totals at its close. So the totals at both of its
//! ends are known, and any overlap (a report delivered twice, once alone and once merged) can be taken out.

use super::{Counts, Window};

/// Gaps remembered; the oldest beyond these is given up, and a report that would have filled it counts as a duplicate.
const MAX_GAPS: usize = 8;

/// A place between two windows.
#[derive(Debug, Clone, Copy)]
struct Edge<C> {
    /// Number of the window before it.
    window: u64,
    /// What the device had counted there since its start.
    total: C,
}

/// Windows between two edges that were not received.
#[derive(Debug, Clone, Copy)]
struct Gap<C> {
    from: Edge<C>,
    to: Edge<C>,
}

impl<C: Counts> Gap<C> {
    fn size(&self) -> C {
        self.to.total.since(&self.from.total)
    }
}

/// The windows received of one boot, from the first that was seen.
#[derive(Debug, Clone)]
pub(super) struct Coverage<C> {
    first: Edge<C>,
    last: Edge<C>,
    /// Oldest first, none overlapping.
    gaps: Vec<Gap<C>>,
    given_up: C,
}

/// What a report adds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Arrival {
    /// It is newer than all before.
    Newest,
    /// It is older than the newest and was not here yet.
    Late,
    /// All of it was here already.
    Duplicate,
}

impl<C: Counts> Coverage<C> {
    /// Starts with the first report seen of a boot.
    pub(super) fn begin(message: &impl Window<Counts = C>) -> Self {
        let (first, last) = edges(message);
        Self { first, last, gaps: Vec::new(), given_up: C::default() }
    }

    /// Takes a report in.
    pub(super) fn take(&mut self, message: &impl Window<Counts = C>) -> Arrival {
        let (start, end) = edges(message);
        let filled = self.fill(start, end);
        let earlier = start.window < self.first.window;
        if earlier {
            self.extend_back(start, end);
        }
        if end.window > self.last.window {
            if start.window > self.last.window {
                self.miss(Gap { from: self.last, to: start }, self.gaps.len());
            }
            self.last = end;
            return Arrival::Newest;
        }
        if filled || earlier { Arrival::Late } else { Arrival::Duplicate }
    }

    /// Whether any of the windows of a message is here already.
    pub(super) fn overlaps(&self, message: &impl Window<Counts = C>) -> bool {
        let (start, end) = edges(message);
        let (after, up_to) = (start.window.max(self.first.window), end.window.min(self.last.window));
        let missing = |gap: &Gap<C>| gap.from.window <= after && up_to <= gap.to.window;
        after < up_to && !self.gaps.iter().any(missing)
    }

    /// Whether all windows of a message are here already.
    pub(super) fn has_all(&self, message: &impl Window<Counts = C>) -> bool {
        let (start, end) = edges(message);
        let hit = |gap: &Gap<C>| start.window < gap.to.window && gap.from.window < end.window;
        self.first.window <= start.window && end.window <= self.last.window && !self.gaps.iter().any(hit)
    }

    /// What was received, each window counted once.
    pub(super) fn received(&self) -> C {
        let missing = self.missing();
        self.last.total.since(&self.first.total).since(&missing)
    }

    /// What the device counted since the first window seen and did not deliver.
    pub(super) fn missing(&self) -> C {
        self.gaps.iter().map(Gap::size).fold(self.given_up, |sum, gap| sum.plus(&gap))
    }

    /// The newest windows that are missing: those after the first number, up to the second.
    pub(super) fn newest_gap(&self) -> Option<(u64, u64)> {
        self.gaps.last().map(|gap| (gap.from.window, gap.to.window))
    }

    /// Number of the newest window that came.
    pub(super) fn last(&self) -> u64 {
        self.last.window
    }

    fn extend_back(&mut self, start: Edge<C>, end: Edge<C>) {
        if end.window < self.first.window {
            self.miss(Gap { from: end, to: self.first }, 0);
        }
        self.first = start;
    }

    fn miss(&mut self, gap: Gap<C>, position: usize) {
        self.gaps.insert(position.min(self.gaps.len()), gap);
        self.bound_gaps();
    }

    fn bound_gaps(&mut self) {
        while self.gaps.len() > MAX_GAPS {
            let oldest = self.gaps.remove(0);
            self.given_up = self.given_up.plus(&oldest.size());
        }
    }

    /// Takes the windows from `start` to `end` out of the gaps; tells whether there were any.
    fn fill(&mut self, start: Edge<C>, end: Edge<C>) -> bool {
        let hit = |gap: &Gap<C>| start.window < gap.to.window && gap.from.window < end.window;
        if !self.gaps.iter().any(hit) {
            return false;
        }
        let rest = |gap: &Gap<C>| {
            let before = (start.window > gap.from.window).then_some(Gap { from: gap.from, to: start });
            let after = (end.window < gap.to.window).then_some(Gap { from: end, to: gap.to });
            if hit(gap) { [before, after] } else { [Some(*gap), None] }
        };
        self.gaps = self.gaps.iter().flat_map(rest).flatten().collect();
        self.bound_gaps();
        true
    }
}

fn edges<W: Window>(message: &W) -> (Edge<W::Counts>, Edge<W::Counts>) {
    let (seq, total) = (message.seq(), message.total());
    let start = Edge { window: seq.saturating_sub(message.merged().into()), total: total.since(&message.counts()) };
    (start, Edge { window: seq, total })
}
