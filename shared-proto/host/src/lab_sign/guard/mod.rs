//! Whether a message is fresh: not too old, and not seen before.
//!
//! **Nonces.** The last 1,000 accepted messages are remembered. What may be older than a forgotten one is stale, so the bound costs no
//! safety: a sender would need more than 1,000 messages in 5 s to notice it.
//!
//! **With a synchronised clock of our own** a message is fresh if it was signed within 5 s of now. Nothing else counts, so whatever went
//! wrong before is over with the first message that fits.
//!
//! **Without one** no time is right or wrong by itself; a message must not be signed more than 5 s before the latest accepted one (the
//! *mark*). So an old recording cannot come after newer messages. What if the sender's clock jumps?
//!
//! - *Forward*: accepted, a gateway without a battery clock does so when it first hears of the time. A step that the time passed here
//!   does not explain is a jump: the sender never signed the times it skipped, and these are kept with the mark.
//! - *Back again*: a time within the skipped ones is no recording, because there is none; so it is accepted, and the mark goes back to it.
//!   From then on the times that were left are *ahead*: a jump into them would be a recording and is refused; the sender's
//!   steady clock may walk into them.
//! - *Back otherwise* (further than the jump, after more time than the jump was long, or with no jump seen since this guard began): refused
//!   until the sender's clock has made up for it, until our own clock is synchronised, or until an operator deletes the kept mark.
//!
//! What no guard without a clock can do: two changes of the sender's clock with nothing heard between them look like one, and whoever
//! holds back the first message after a start makes the time of holding it look like a jump. Then messages that were never heard before
//! may be accepted, each once, after newer ones. And what a sender said while its clock was ahead can be repeated when that time
//! comes, at the very second, if more than 1,000 messages came between.

mod history;
mod mark;

use history::History;
pub use mark::{Mark, Skipped, Span};

use super::Stamp;
use mark::Pace;

/// How far a message may be off, in milliseconds.
const WINDOW_MS: u64 = 5_000;

/// What the clocks of this machine say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Now {
    /// Time since some instant, in milliseconds, from a clock that never jumps.
    pub up_ms: u64,
    /// The time of day.
    pub wall: Wall,
}

/// The time of day, as far as it is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wall {
    /// Milliseconds since 1970, from a clock that is synchronised.
    Synchronised(u64),
    /// Nobody has told this machine the time.
    Unknown,
}

/// Why a message is not fresh.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotFresh {
    /// Its nonce was used before.
    #[error("replayed: the nonce was used before")]
    Replayed,
    /// It was signed too long ago.
    #[error("stale: signed at {ts_ms} ms, allowed from {least_ms} ms on")]
    Stale {
        /// When it was signed.
        ts_ms: u64,
        /// The earliest that is allowed.
        least_ms: u64,
    },
    /// It was signed in the future.
    #[error("from the future: signed at {ts_ms} ms, allowed up to {most_ms} ms")]
    Future {
        /// When it was signed.
        ts_ms: u64,
        /// The latest that is allowed.
        most_ms: u64,
    },
    /// It was signed at a time that the sender's clock was at by mistake, or jumped there once more.
    #[error("out of line: signed at {ts_ms} ms, a time that the sender's clock has left")]
    Left {
        /// When it was signed.
        ts_ms: u64,
    },
}

/// Tells fresh messages of one sender from old and repeated ones. Takes at most 16 KiB, and no clock: the caller says what time it is.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ReplayGuard {
    mark: Option<Mark>,
    /// What the sender's clock should say now; nothing before the first message since the start.
    pace: Option<Pace>,
    history: History,
}

/// How a message follows upon those before it.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Course {
    Onward,
    /// The sender's clock has jumped: without that it could not be later than this.
    Jump {
        latest_ms: u64,
    },
    /// The sender's clock was put back: without that it could be as late as this, if that is known.
    Back {
        latest_ms: Option<u64>,
    },
}

impl ReplayGuard {
    /// A guard that goes on from a mark of an earlier run: what was signed up to then is stale.
    #[must_use]
    pub fn restored(mark: Mark) -> Self {
        Self { mark: Some(mark), pace: None, history: History::ended_at(mark.high_ms) }
    }

    /// What to keep on disk, if anything was accepted. Messages accepted after it was kept can be repeated once after a restart.
    #[must_use]
    pub fn mark(&self) -> Option<Mark> {
        self.mark
    }

    /// Accepts a message of which signature and sender are known to be right, and remembers it.
    ///
    /// # Errors
    /// [`NotFresh`] says why not; the guard is as it was.
    pub fn admit(&mut self, stamp: Stamp, now: Now) -> Result<(), NotFresh> {
        if let Wall::Synchronised(wall_ms) = now.wall {
            within_window(stamp.ts_ms, wall_ms)?;
        }
        let course = self.course(stamp.ts_ms, now)?;
        self.history.check(stamp, course)?;
        self.accept(stamp, course, now.up_ms);
        Ok(())
    }

    fn course(&self, ts_ms: u64, now: Now) -> Result<Course, NotFresh> {
        let Some(mark) = &self.mark else { return Ok(Course::Onward) };
        let trusted = matches!(now.wall, Wall::Synchronised(_));

        // Before the first message since the start nobody knows how much time has passed.
        let latest_ms = self.pace.map(|pace| pace.latest_ms(now.up_ms));
        let least_ms = mark.high_ms.saturating_sub(WINDOW_MS);
        if ts_ms < least_ms {
            let back = trusted || mark.has_skipped(ts_ms);
            return if back { Ok(Course::Back { latest_ms }) } else { Err(NotFresh::Stale { ts_ms, least_ms }) };
        }
        if latest_ms.is_some_and(|latest_ms| ts_ms <= latest_ms) {
            return Ok(Course::Onward);
        }
        if mark.has_left(ts_ms) && !trusted {
            return Err(NotFresh::Left { ts_ms });
        }
        Ok(latest_ms.map_or(Course::Onward, |latest_ms| Course::Jump { latest_ms }))
    }

    fn accept(&mut self, stamp: Stamp, course: Course, up_ms: u64) {
        let ts_ms = stamp.ts_ms;
        let mark = self.mark.get_or_insert(Mark::at(ts_ms));
        self.pace = Some(match self.pace {
            None => Pace::prompt(ts_ms, up_ms),
            Some(pace) if course == Course::Onward => pace.go_on(ts_ms, up_ms),
            Some(pace) => pace.anew(ts_ms, up_ms, mark.high_ms),
        });
        match course {
            Course::Onward => mark.go_on(ts_ms),
            Course::Jump { latest_ms } => mark.jump(ts_ms, latest_ms),
            Course::Back { latest_ms } => mark.go_back(ts_ms, latest_ms),
        }
        self.history.remember(stamp, course, mark.high_ms);
    }
}

fn within_window(ts_ms: u64, wall_ms: u64) -> Result<(), NotFresh> {
    let (least_ms, most_ms) = (wall_ms.saturating_sub(WINDOW_MS), wall_ms.saturating_add(WINDOW_MS));
    if ts_ms < least_ms {
        return Err(NotFresh::Stale { ts_ms, least_ms });
    }
    if ts_ms > most_ms { Err(NotFresh::Future { ts_ms, most_ms }) } else { Ok(()) }
}

#[cfg(test)]
mod tests;
