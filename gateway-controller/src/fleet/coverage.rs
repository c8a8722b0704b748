//! Which windows of one boot have been received: duplicates are told from late arrivals, and what is missing is known
//! exactly.
//!
//! Each report covers the windows `seq − merged + 1 ..= seq` and carries the totals at its close. So the totals at both of its
//! ends are known, and any overlap (a report delivered twice, once alone and once merged) can be taken out.

use shared_proto::wire::{Report, Totals};

/// Gaps remembered; the oldest beyond these is given up, and a report that would have filled it counts as a duplicate.
const MAX_GAPS: usize = 8;

/// A place between two windows.
#[derive(Debug, Clone, Copy)]
struct Edge {
    /// Number of the window before it.
    window: u64,
    /// What the device had counted there since its start.
    total: Totals,
}

/// Windows between two edges that were not received.
#[derive(Debug, Clone, Copy)]
struct Gap {
    from: Edge,
    to: Edge,
}

impl Gap {
    fn size(&self) -> Totals {
        self.to.total.since(&self.from.total)
    }
}

/// The windows received of one boot, from the first that was seen.
#[derive(Debug, Clone)]
pub(super) struct Coverage {
    first: Edge,
    last: Edge,
    /// Oldest first, none overlapping.
    gaps: Vec<Gap>,
    given_up: Totals,
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

impl Coverage {
    /// Starts with the first report seen of a boot.
    pub(super) fn begin(report: &Report) -> Self {
        let (first, last) = edges(report);
        Self { first, last, gaps: Vec::new(), given_up: Totals::default() }
    }

    /// Takes a report in.
    pub(super) fn take(&mut self, report: &Report) -> Arrival {
        let (start, end) = edges(report);
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

    /// What was received, each window counted once.
    pub(super) fn received(&self) -> Totals {
        let missing = self.missing();
        self.last.total.since(&self.first.total).since(&missing)
    }

    /// What the device counted since the first window seen and did not deliver.
    pub(super) fn missing(&self) -> Totals {
        self.gaps.iter().map(Gap::size).fold(self.given_up, |sum, gap| plus(&sum, &gap))
    }

    /// The newest windows that are missing: those after the first number, up to the second.
    pub(super) fn newest_gap(&self) -> Option<(u64, u64)> {
        self.gaps.last().map(|gap| (gap.from.window, gap.to.window))
    }

    fn extend_back(&mut self, start: Edge, end: Edge) {
        if end.window < self.first.window {
            self.miss(Gap { from: end, to: self.first }, 0);
        }
        self.first = start;
    }

    fn miss(&mut self, gap: Gap, position: usize) {
        self.gaps.insert(position.min(self.gaps.len()), gap);
        self.bound_gaps();
    }

    fn bound_gaps(&mut self) {
        while self.gaps.len() > MAX_GAPS {
            let oldest = self.gaps.remove(0);
            self.given_up = plus(&self.given_up, &oldest.size());
        }
    }

    /// Takes the windows from `start` to `end` out of the gaps; tells whether there were any.
    fn fill(&mut self, start: Edge, end: Edge) -> bool {
        let hit = |gap: &Gap| start.window < gap.to.window && gap.from.window < end.window;
        if !self.gaps.iter().any(hit) {
            return false;
        }
        let rest = |gap: &Gap| {
            let before = (start.window > gap.from.window).then_some(Gap { from: gap.from, to: start });
            let after = (end.window < gap.to.window).then_some(Gap { from: end, to: gap.to });
            if hit(gap) { [before, after] } else { [Some(*gap), None] }
        };
        self.gaps = self.gaps.iter().flat_map(rest).flatten().collect();
        self.bound_gaps();
        true
    }
}

fn edges(report: &Report) -> (Edge, Edge) {
    let own = Totals { jobs: report.jobs, misses: report.misses, skipped: report.skipped };
    let start = Edge { window: report.seq.saturating_sub(report.merged.into()), total: report.total.since(&own) };
    (start, Edge { window: report.seq, total: report.total })
}

/// Sum of two counts.
pub(super) fn plus(a: &Totals, b: &Totals) -> Totals {
    Totals {
        jobs: a.jobs.saturating_add(b.jobs),
        misses: a.misses.saturating_add(b.misses),
        skipped: a.skipped.saturating_add(b.skipped),
    }
}
