//! What a run came to, in words.

use std::fmt::Write;
use std::path::Path;

use analysis::experiment::{Ending, Reaction, ReactionKind};

use super::tally::Tally;

/// What a run came to. Names of devices are the only words from outside, and checked.
pub(crate) fn text(file: &Path, reason: Ending, tally: &Tally) -> String {
    let mut out = String::new();
    let ended = match reason {
        Ending::Complete => "complete",
        Ending::Interrupted => "interrupted",
    };
    // Writing to a string cannot fail.
    let _ = writeln!(out, "{}: {ended}, {} lines, {} bytes", file.display(), tally.kept.lines, tally.kept.bytes);
    for (device, heard) in &tally.devices {
        let _ = writeln!(out, "  {device}: {} reports, {} windows missing", heard.reports, heard.missing());
    }
    for (kind, word) in [(ReactionKind::Injected, "injected"), (ReactionKind::Crossing, "crossings")] {
        let _ = write!(out, "{}", reactions(word, tally.reactions.list().iter().filter(|one| one.kind == kind)));
    }
    if tally.lost > 0 {
        let _ = writeln!(out, "  lost or left out: {} (lines `lost` of the file tell what)", tally.lost);
    }
    if tally.downs > 0 {
        let _ = writeln!(out, "  the connection to the broker broke {} times", tally.downs);
    }
    out
}

/// A line of how it goes.
pub(super) fn progress(name: &str, at_s: u64, of_s: u64, tally: &Tally) -> String {
    let reactions = tally.reactions.list().len();
    format!(
        "{name}: {at_s} of {of_s} s, {} devices, {} reports, {reactions} reactions ({} without answer), {} KiB kept",
        tally.devices.len(),
        tally.reports,
        tally.reactions.unanswered(),
        tally.kept.bytes / 1024,
    )
}

fn reactions<'a>(word: &str, all: impl Iterator<Item = &'a Reaction>) -> String {
    let (mut times, mut count, mut refused, mut unanswered) = (Vec::new(), 0_u64, 0_u64, 0_u64);
    for reaction in all {
        count += 1;
        match reaction.sent_to_ack_ms {
            Some(ms) if reaction.is_applied() => times.push(ms),
            Some(_) => refused += 1,
            None => unanswered += 1,
        }
    }
    if count == 0 {
        return String::new();
    }
    times.sort_by(f64::total_cmp);
    let quantile = |percent: usize| {
        let rank = (times.len() * percent).div_ceil(100).max(1);
        times.get(rank - 1).map_or("-".to_owned(), |ms| format!("{ms:.1} ms"))
    };
    format!(
        "  {word}: {count} commands, answered after {} (p50) and {} (p99); {refused} changed nothing, {unanswered} without answer\n",
        quantile(50),
        quantile(99),
    )
}

#[cfg(test)]
mod tests {
    use analysis::experiment::{Injected, Line};
    use shared_proto::mode::Mode;

    use super::*;

    #[test]
    fn what_was_not_answered_is_told() {
        let mut tally = Tally::new(0.05);
        let (device, id) = ("pi-1".parse().unwrap(), "c-1".parse().unwrap());
        tally.take(&Line::Injected(Injected { at_ms: 1.0, device, id, mode: Mode::Degraded }));
        let text = text(Path::new("x.jsonl.zst"), Ending::Interrupted, &tally);
        assert!(text.contains("x.jsonl.zst: interrupted"), "{text}");
        assert!(
            text.contains("injected: 1 commands, answered after - (p50)") && text.contains("1 without answer"),
            "{text}"
        );
        assert!(!text.contains("crossings") && !text.contains("lost"), "{text}");
    }
}
