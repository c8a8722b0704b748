//! One place, as the supervisor sees it: what is under way in its thread, and how it is.

use std::collections::VecDeque;
use std::fmt;
use std::sync::mpsc::{SyncSender, TrySendError};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tracing::{info, warn};

use super::worker::{Answer, Job};
use crate::store::Recovered;
use crate::store::{Batch, Cost, Others};
use crate::time::MonoTime;

/// A place in trouble is tried again after this, then after twice as long, and so on.
const FIRST_RETRY: Duration = Duration::from_secs(1);
const LAST_RETRY: Duration = Duration::from_secs(60);
/// Trouble is told this often at most.
const TELL_EVERY: Duration = Duration::from_secs(60);
/// After so long without an answer a place counts as failing.
const SLOW: Duration = Duration::from_secs(10);

/// Which place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Told everything at once; lost with the power (`spool.runtime_dir`).
    Volatile,
    /// Told seldom; survives a power cut (`spool.dir`).
    Durable,
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Volatile => "spool.runtime_dir",
            Self::Durable => "spool.dir",
        })
    }
}

/// How a place is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlaceStatus {
    /// Its directory.
    pub directory: String,
    /// Whether it works.
    pub health: Health,
    /// Writes since the start.
    pub writes: u64,
    /// Bytes written since the start.
    pub bytes: u64,
    /// Calls of fsync since the start.
    pub syncs: u64,
    /// Failures since the start.
    pub failures: u64,
    /// Files in which something could not be read.
    pub damaged: u64,
}

/// Whether a place works.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "lowercase")]
pub enum Health {
    /// It is being opened for the first time.
    Opening,
    /// It works.
    Ok,
    /// It does not; it is tried again and again.
    Failing {
        /// Why.
        why: String,
    },
}

#[derive(Debug)]
pub(super) struct Place {
    pub(super) role: Role,
    jobs: SyncSender<Job>,
    /// Since when, and which changes are in the journal once it is done.
    under_way: VecDeque<(MonoTime, u64)>,
    state: State,
    /// Whether the journal has to be told all anew.
    is_stale: bool,
    journalled: u64,
    /// Whether it was opened before.
    was_read: bool,
    retry_after: Duration,
    told: Option<MonoTime>,
    status: PlaceStatus,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Opening,
    Open,
    Failing { retry_at: MonoTime },
}

/// What came of an answer.
#[derive(Debug)]
pub(super) enum Heard {
    Opened(Recovered),
    Written,
    Failed,
}

impl Place {
    /// A place that is being opened.
    pub(super) fn open(role: Role, directory: String, jobs: SyncSender<Job>, now: MonoTime) -> Self {
        let status =
            PlaceStatus { directory, health: Health::Opening, writes: 0, bytes: 0, syncs: 0, failures: 0, damaged: 0 };
        let mut place = Self {
            role,
            jobs,
            under_way: VecDeque::new(),
            state: State::Opening,
            is_stale: true,
            journalled: 0,
            was_read: false,
            retry_after: FIRST_RETRY,
            told: None,
            status,
        };
        place.hand_over(Job::Open, 0, now);
        place
    }

    /// The thread has answered.
    pub(super) fn heard(&mut self, answer: Answer, now: MonoTime) -> Heard {
        let through = self.under_way.pop_front().map_or(0, |(_, through)| through);
        match answer {
            Answer::Opened(recovered) => {
                self.state = State::Open;
                self.is_stale = true;
                // Later it is the end of a write of our own that failed, which was told.
                if !std::mem::replace(&mut self.was_read, true) {
                    self.status.damaged = recovered.damage.len() as u64;
                    for damage in &recovered.damage {
                        warn!(place = %self.role, directory = self.status.directory, "{damage}");
                    }
                }
                if self.status.health == Health::Opening {
                    self.status.health = Health::Ok;
                }
                Heard::Opened(recovered)
            }
            Answer::Written(Cost { bytes, syncs }) => {
                self.journalled = self.journalled.max(through);
                self.status.writes += 1;
                self.status.bytes += bytes;
                self.status.syncs += syncs;
                self.retry_after = FIRST_RETRY;
                if self.status.health != Health::Ok {
                    info!(place = %self.role, directory = self.status.directory, "the store works again");
                    (self.status.health, self.told) = (Health::Ok, None);
                }
                Heard::Written
            }
            Answer::Failed(why) => {
                self.failed(why, now);
                Heard::Failed
            }
        }
    }

    fn failed(&mut self, why: String, now: MonoTime) {
        self.is_stale = true;
        // What waited behind it fails too, for the same reason.
        if matches!(self.state, State::Failing { .. }) {
            return;
        }
        self.status.failures += 1;
        self.state = State::Failing { retry_at: now.plus(self.retry_after) };
        self.retry_after = self.retry_after.saturating_mul(2).min(LAST_RETRY);
        self.tell(&why, now);
        self.status.health = Health::Failing { why };
    }

    fn tell(&mut self, why: &str, now: MonoTime) {
        if self.told.is_none_or(|told| now >= told.plus(TELL_EVERY)) {
            self.told = Some(now);
            let failures = self.status.failures;
            warn!(
                place = %self.role,
                directory = self.status.directory,
                why,
                failures,
                "the store fails; reports wait in memory alone; told once a minute at most"
            );
        }
    }

    /// Notices a thread that does not answer, and opens a place again whose time has come.
    pub(super) fn tick(&mut self, now: MonoTime) {
        if self.waits_longer_than(SLOW, now) {
            let why = format!("no answer for more than {} s", SLOW.as_secs());
            self.tell(&why, now);
            if self.status.health == Health::Ok {
                self.status.failures += 1;
            }
            self.status.health = Health::Failing { why };
        }
        if let State::Failing { retry_at } = self.state
            && now >= retry_at
            && self.under_way.is_empty()
        {
            self.state = State::Opening;
            self.hand_over(Job::Open, 0, now);
        }
    }

    /// Hands changes over; `through` is the serial number of the latest change that the journal has then. If there is no room,
    /// the journal will have to be told all anew.
    pub(super) fn write(&mut self, batch: Batch, through: u64, now: MonoTime) {
        if batch.others == Others::Go {
            self.is_stale = false;
        }
        self.hand_over(Job::Write(batch), through, now);
    }

    fn hand_over(&mut self, job: Job, through: u64, now: MonoTime) {
        match self.jobs.try_send(job) {
            Ok(()) => self.under_way.push_back((now, through)),
            Err(TrySendError::Full(_)) => self.is_stale = true,
            Err(TrySendError::Disconnected(_)) => self.failed("its thread has ended".to_owned(), now),
        }
    }

    pub(super) fn is_open(&self) -> bool {
        self.state == State::Open
    }

    pub(super) fn is_opening(&self) -> bool {
        self.state == State::Opening
    }

    pub(super) fn is_stale(&self) -> bool {
        self.is_stale
    }

    pub(super) fn is_idle(&self) -> bool {
        self.under_way.is_empty()
    }

    /// Serial number up to which the journal has all changes.
    pub(super) fn journalled(&self) -> u64 {
        self.journalled
    }

    /// Whether the oldest job has been under way for longer.
    pub(super) fn waits_longer_than(&self, limit: Duration, now: MonoTime) -> bool {
        self.under_way.front().is_some_and(|(since, _)| now > since.plus(limit))
    }

    pub(super) fn status(&self) -> &PlaceStatus {
        &self.status
    }
}
