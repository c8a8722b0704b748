//! An archive with arithmetic of its own: which windows of which run have come, each counted once. It shares no code with the
//! controller's.

use std::collections::BTreeMap;

use shared_proto::ids::BootId;
use shared_proto::wire::{Report, Totals};

/// The windows `after + 1 ..= last` of one report, and the counts in them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) after: u64,
    pub(super) last: u64,
    pub(super) own: Totals,
    /// Since the start of the run, at the close of the last window.
    pub(super) total: Totals,
}

impl Piece {
    pub(super) fn of(report: &Report) -> Self {
        let own = Totals { jobs: report.jobs, misses: report.misses, skipped: report.skipped };
        let after = report.seq.saturating_sub(report.merged.into());
        Self { after, last: report.seq, own, total: report.total }
    }
}

/// What a report was to the archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Taken {
    Newest,
    Late,
    Duplicate,
}

/// The windows of one run.
#[derive(Debug, Clone, Default)]
pub(super) struct Windows {
    /// By their last window; with a digest of the message that brought them.
    pieces: BTreeMap<u64, (Piece, u64)>,
    sum: Totals,
}

/// The windows of all runs.
#[derive(Debug, Clone, Default)]
pub(super) struct Recorder(BTreeMap<BootId, Windows>);

impl Recorder {
    pub(super) fn take(&mut self, report: &Report, digest: u64) -> Result<Taken, String> {
        self.0.entry(report.boot).or_default().take(Piece::of(report), digest)
    }

    pub(super) fn of(&self, boot: BootId) -> Windows {
        self.0.get(&boot).cloned().unwrap_or_default()
    }

    pub(super) fn sum(&self, boot: BootId) -> Totals {
        self.0.get(&boot).map(|windows| windows.sum).unwrap_or_default()
    }
}

impl Windows {
    pub(super) fn take(&mut self, piece: Piece, digest: u64) -> Result<Taken, String> {
        if let Some((known, known_digest)) = self.pieces.get(&piece.last) {
            return if (*known, *known_digest) == (piece, digest) {
                Ok(Taken::Duplicate)
            } else {
                Err(format!("report {} came twice with different content: {known:?}, then {piece:?}", piece.last))
            };
        }
        let before = self.pieces.range(..piece.last).next_back().map(|(_, (before, _))| *before);
        let after = self.pieces.range(piece.last..).next().map(|(_, (after, _))| *after);
        if let Some(before) = before {
            if before.last > piece.after {
                return Err(format!("windows came twice: {before:?} and {piece:?}"));
            }
            join(&before, &piece)?;
        }
        if let Some(after) = after {
            if after.after < piece.last {
                return Err(format!("windows came twice: {piece:?} and {after:?}"));
            }
            join(&piece, &after)?;
        }
        self.pieces.insert(piece.last, (piece, digest));
        self.sum = plus(self.sum, piece.own);
        Ok(if after.is_some() { Taken::Late } else { Taken::Newest })
    }

    pub(super) fn holds(&self, piece: &Piece) -> bool {
        self.pieces.get(&piece.last).is_some_and(|(known, _)| known == piece)
    }

    pub(super) fn sum(&self) -> Totals {
        self.sum
    }

    pub(super) fn windows(&self) -> u64 {
        self.pieces.values().map(|(piece, _)| piece.last - piece.after).sum()
    }

    pub(super) fn newest(&self) -> Option<Piece> {
        self.pieces.values().next_back().map(|(piece, _)| *piece)
    }

    pub(super) fn oldest(&self) -> Option<Piece> {
        self.pieces.values().next().map(|(piece, _)| *piece)
    }

    /// Places at which windows are missing between others.
    pub(super) fn gaps(&self) -> usize {
        let pieces = self.pieces.values().map(|(piece, _)| piece);
        pieces.clone().zip(pieces.skip(1)).filter(|(a, b)| a.last < b.after).count()
    }
}

/// The totals of two pieces agree with what lies between them.
fn join(a: &Piece, b: &Piece) -> Result<(), String> {
    let between = since(b.total, plus(a.total, b.own));
    let agree = match between {
        Some(between) => a.last < b.after || between == Totals::default(),
        None => false,
    };
    if agree { Ok(()) } else { Err(format!("totals do not add up: {a:?}, then {b:?}")) }
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
