//! An archive with arithmetic of its own: which windows of which run have come, each counted once. It shares no code with the
//! controller's.

use std::collections::BTreeMap;

use shared_proto::ids::BootId;
use shared_proto::wire::{Report, Totals};

/// The windows `after + 1 ..= last` of one report, and the counts since the start of the run at both ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) after: u64,
    pub(super) last: u64,
    pub(super) from: Totals,
    pub(super) to: Totals,
}

impl Piece {
    /// `None` if the report has more than there was in all.
    pub(super) fn of(report: &Report) -> Option<Self> {
        let own = Totals { jobs: report.jobs, misses: report.misses, skipped: report.skipped };
        let after = report.seq.checked_sub(report.merged.into())?;
        Some(Self { after, last: report.seq, from: since(report.total, own)?, to: report.total })
    }

    fn counts(&self) -> Totals {
        self.to.since(&self.from)
    }

    fn touches(&self, other: &Self) -> bool {
        self.after <= other.last && other.after <= self.last
    }

    fn joined(&self, other: &Self) -> Self {
        let (after, from) = if self.after <= other.after { (self.after, self.from) } else { (other.after, other.from) };
        let (last, to) = if self.last >= other.last { (self.last, self.to) } else { (other.last, other.to) };
        Self { after, last, from, to }
    }
}

/// What a report was to the archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Taken {
    Newest,
    Late,
    Duplicate,
}

/// What the number of a report stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Names {
    /// One content, for ever.
    OneContent,
    /// After a power cut parts of a report that was sent merged may come alone. Their totals tell what is new.
    PerhapsParts,
}

/// The windows of one run.
#[derive(Debug, Clone, Default)]
pub(super) struct Windows {
    /// Received without a gap between; by their first window.
    spans: BTreeMap<u64, Piece>,
    /// What the device had counted at each edge of a report.
    edges: BTreeMap<u64, Totals>,
    /// Digest of the message that brought a report of this number.
    digests: BTreeMap<u64, u64>,
}

/// The windows of all runs.
#[derive(Debug, Clone, Default)]
pub(super) struct Recorder(BTreeMap<BootId, Windows>);

impl Recorder {
    pub(super) fn take(&mut self, report: &Report, digest: u64, names: Names) -> Result<Taken, String> {
        let windows = self.0.entry(report.boot).or_default();
        let piece = Piece::of(report).ok_or_else(|| format!("report {} has more than there was", report.seq))?;
        let known = *windows.digests.entry(report.seq).or_insert(digest);
        if known != digest && names == Names::OneContent {
            return Err(format!("report {} came twice with different content, now {piece:?}", report.seq));
        }
        windows.take(piece)
    }

    pub(super) fn of(&self, boot: BootId) -> Windows {
        self.0.get(&boot).cloned().unwrap_or_default()
    }

    pub(super) fn sum(&self, boot: BootId) -> Totals {
        self.0.get(&boot).map(Windows::sum).unwrap_or_default()
    }
}

impl Windows {
    pub(super) fn take(&mut self, piece: Piece) -> Result<Taken, String> {
        for (window, total) in [(piece.after, piece.from), (piece.last, piece.to)] {
            let known = *self.edges.entry(window).or_insert(total);
            let before = self.edges.range(..window).next_back().map(|(_, before)| *before).unwrap_or_default();
            let after = self.edges.range(window + 1..).next().map(|(_, after)| *after);
            let grows = since(total, before).is_some() && after.is_none_or(|after| since(after, total).is_some());
            if known != total || !grows {
                return Err(format!("totals do not add up at window {window}: {total:?}, known are {known:?}"));
            }
        }
        let newest = self.newest().is_none_or(|last| piece.last > last.last);
        let touched: Vec<u64> = self.spans.iter().filter(|(_, span)| span.touches(&piece)).map(|(at, _)| *at).collect();
        let mut joined = piece;
        let mut known = false;
        for span in touched.into_iter().filter_map(|at| self.spans.remove(&at)) {
            known |= span.after <= piece.after && piece.last <= span.last;
            joined = joined.joined(&span);
        }
        self.spans.insert(joined.after, joined);
        Ok(match (known, newest) {
            (true, _) => Taken::Duplicate,
            (false, true) => Taken::Newest,
            (false, false) => Taken::Late,
        })
    }

    /// Counts of all windows that came.
    pub(super) fn sum(&self) -> Totals {
        self.spans.values().map(Piece::counts).fold(Totals::default(), plus)
    }

    pub(super) fn windows(&self) -> u64 {
        self.spans.values().map(|span| span.last - span.after).sum()
    }

    /// The last windows without a gap.
    pub(super) fn newest(&self) -> Option<Piece> {
        self.spans.values().next_back().copied()
    }

    pub(super) fn oldest(&self) -> Option<Piece> {
        self.spans.values().next().copied()
    }

    /// Places at which windows are missing between others.
    pub(super) fn gaps(&self) -> usize {
        self.spans.len().saturating_sub(1)
    }
}

pub(super) fn plus(a: Totals, b: Totals) -> Totals {
    Totals { jobs: a.jobs + b.jobs, misses: a.misses + b.misses, skipped: a.skipped + b.skipped }
}

/// `None` if any count went back.
pub(super) fn since(later: Totals, earlier: Totals) -> Option<Totals> {
    Some(Totals {
        jobs: later.jobs.checked_sub(earlier.jobs)?,
        misses: later.misses.checked_sub(earlier.misses)?,
        skipped: later.skipped.checked_sub(earlier.skipped)?,
    })
}
