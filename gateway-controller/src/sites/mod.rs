//! The sites below this controller: gateways that forward what their devices told, summed up. This controller shows them, and commands
//! nothing there.
//!
//! No input or output and no clock: messages and the time come in, [`SiteAction`]s come out.

mod messages;
#[cfg(test)]
mod tests;
mod view;

use std::collections::BTreeMap;

use shared_proto::ids::{BootId, SiteId};
use shared_proto::text::Name;
use shared_proto::wire::{Departure, EarlierRuns, Missing, Site, SiteCounts, SiteMissing, SiteStatus, Version};

use crate::event::{Event, Freshness, SiteHeard, SiteOffline, SiteOnline, SiteTold};
use crate::fleet::Moment;
use crate::sparse::Sparse;
use crate::tally::{Arrival, Tally};
pub(crate) use messages::SiteTopics;
pub use view::{LatencyView, SiteView, SitesSum, SitesView};

/// Sites that are looked after. Messages of one more are refused.
pub const MAX_SITES: usize = 1_000;
/// A site of which nothing came for so many windows is not known to be there.
const PATIENCE: u64 = 3;
/// And not before that, in milliseconds.
const LEAST_PATIENCE_MS: u64 = 10_000;
/// Least time between two questions for what is missing, in milliseconds: the answer takes a while.
const ASK_AGAIN_MS: u64 = 10_000;
/// Questions for the same gap: what a site has no more, it will not send.
const MOST_QUESTIONS: u32 = 3;

/// What is to be done.
#[derive(Debug, Clone, PartialEq)]
pub enum SiteAction {
    /// Tell an event.
    Tell(Event),
    /// Ask a site for windows.
    Ask(SiteId, SiteMissing),
}

/// A message that is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SiteRefused {
    /// There are [`MAX_SITES`] already.
    #[error("no room for another site: {MAX_SITES} are known")]
    NoRoom,
    /// Some of its windows came before, others did not: its times cannot be told apart.
    #[error("it covers windows that came already beside others that did not")]
    Overlap,
}

/// A site that is there is not forgotten.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this site is there: it would come back with its next window")]
pub struct StillThere;

/// All sites.
#[derive(Debug, Default)]
pub struct Sites {
    sites: BTreeMap<SiteId, Entry>,
    /// Number of this controller's connection to its broker, while there is one.
    link: Option<u64>,
}

/// One site.
#[derive(Debug)]
struct Entry {
    boot: BootId,
    conn: Option<u64>,
    presence: Presence,
    version: Option<Name>,
    every_ms: Option<u64>,
    heard: Moment,
    /// The connection on which it was heard.
    heard_on: Option<u64>,
    newest: Option<Box<Site>>,
    tally: Tally<SiteCounts>,
    wakeup: Sparse,
    response: Sparse,
    received_bytes: u64,
    /// Earlier runs that left windows behind, as its controller told.
    earlier: EarlierRuns,
    asked: Option<Asked>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Presence {
    Online,
    Offline(Option<Departure>),
}

#[derive(Debug, Clone, Copy)]
struct Asked {
    missing: Missing,
    at: Moment,
    times: u32,
}

impl Sites {
    /// This controller has a connection to its broker: what is heard from now on is of now.
    pub fn link_up(&mut self, conn: u64) {
        self.link = Some(conn);
    }

    /// It has none.
    pub fn link_down(&mut self) {
        self.link = None;
    }

    /// Takes in a status.
    ///
    /// # Errors
    /// [`SiteRefused::NoRoom`].
    pub fn status(
        &mut self,
        now: Moment,
        status: &SiteStatus,
        freshness: Freshness,
        out: &mut Vec<SiteAction>,
    ) -> Result<(), SiteRefused> {
        let link = self.link;
        let entry = self.entry(&status.site, status.boot, now)?;
        if entry.is_stale(status, freshness) {
            return Ok(());
        }
        let before = (entry.boot, entry.conn, entry.presence);
        entry.start_boot(status.boot);
        entry.conn = Some(status.conn);
        entry.version = Some(status.version.clone());
        entry.every_ms = Some(status.every_ms);
        entry.earlier = status.earlier.clone();
        entry.presence = if status.online { Presence::Online } else { Presence::Offline(status.departure) };
        if freshness == Freshness::Live {
            (entry.heard, entry.heard_on) = (now, link);
        }
        if before != (entry.boot, entry.conn, entry.presence) {
            out.push(SiteAction::Tell(match entry.presence {
                Presence::Online => Event::SiteOnline(entry.online(&status.site, freshness)),
                Presence::Offline(departure) => {
                    Event::SiteOffline(SiteOffline { site: status.site.clone(), boot: status.boot, departure })
                }
            }));
        }
        entry.ask(&status.site, now, out);
        Ok(())
    }

    /// Takes in a window whose message had `bytes`. One that came before changes nothing.
    ///
    /// # Errors
    /// [`SiteRefused`].
    pub fn window(
        &mut self,
        now: Moment,
        window: Site,
        bytes: u64,
        out: &mut Vec<SiteAction>,
    ) -> Result<(), SiteRefused> {
        let (link, id) = (self.link, window.site.clone());
        let is_first = !self.sites.contains_key(&id);
        let entry = self.entry(&id, window.boot, now)?;
        entry.received_bytes = entry.received_bytes.saturating_add(bytes);
        (entry.heard, entry.heard_on) = (now, link);
        let overlaps = entry.tally.overlaps(&window);
        let is_present = window.boot == entry.boot;
        if overlaps && !entry.tally.has_all(&window) {
            return Err(SiteRefused::Overlap);
        }
        let arrival = if is_present { entry.tally.take(&window) } else { entry.tally.take_foreign(&window) };
        if overlaps || arrival == Arrival::Duplicate {
            return Ok(());
        }
        // A site of which the good-bye came first sends what it has kept; and a window of now proves that it is there.
        if is_first || (is_present && entry.conn.is_none() && entry.presence != Presence::Online) {
            entry.presence = Presence::Online;
            out.push(SiteAction::Tell(Event::SiteOnline(entry.online(&id, Freshness::Live))));
        }
        entry.wakeup.add(&window.wakeup_us);
        entry.response.add(&window.response_us);
        for told in &window.occurrences {
            out.push(SiteAction::Tell(Event::SiteTold(SiteTold { site: id.clone(), told: told.clone() })));
        }
        out.push(SiteAction::Tell(Event::Site(Box::new(SiteHeard { window: window.clone(), bytes }))));
        if is_present && arrival == Arrival::Newest {
            entry.newest = Some(Box::new(window));
        }
        entry.ask(&id, now, out);
        Ok(())
    }

    /// Whether it is known.
    #[must_use]
    pub fn knows(&self, id: &SiteId) -> bool {
        self.sites.contains_key(id)
    }

    /// Forgets a site that is not there; its counts are gone. `None` if it is not known.
    pub fn forget(&mut self, id: &SiteId) -> Option<Result<(), StillThere>> {
        match self.sites.get(id)?.presence {
            Presence::Online => Some(Err(StillThere)),
            Presence::Offline(_) => {
                self.sites.remove(id);
                Some(Ok(()))
            }
        }
    }

    fn entry(&mut self, id: &SiteId, boot: BootId, now: Moment) -> Result<&mut Entry, SiteRefused> {
        if !self.sites.contains_key(id) && self.sites.len() >= MAX_SITES {
            return Err(SiteRefused::NoRoom);
        }
        Ok(self.sites.entry(id.clone()).or_insert_with(|| Entry::new(boot, now)))
    }
}

impl Entry {
    fn new(boot: BootId, now: Moment) -> Self {
        let mut tally = Tally::default();
        tally.start_boot(boot);
        Self {
            boot,
            conn: None,
            presence: Presence::Offline(None),
            version: None,
            every_ms: None,
            heard: now,
            heard_on: None,
            newest: None,
            tally,
            wakeup: Sparse::default(),
            response: Sparse::default(),
            received_bytes: 0,
            earlier: EarlierRuns::new(),
            asked: None,
        }
    }

    fn start_boot(&mut self, boot: BootId) {
        if self.boot != boot {
            self.boot = boot;
            self.tally.start_boot(boot);
            self.newest = None;
        }
    }

    /// A will of an older connection, or of another run than the one that is known to be there, is stale news.
    fn is_stale(&self, status: &SiteStatus, freshness: Freshness) -> bool {
        let Some(conn) = self.conn else { return false };
        if status.boot == self.boot {
            return status.conn < conn;
        }
        !status.online && freshness == Freshness::Live
    }

    fn online(&self, site: &SiteId, news: Freshness) -> SiteOnline {
        let Self { boot, conn, version, every_ms, .. } = self;
        let (site, version) = (site.clone(), version.clone());
        SiteOnline { site, boot: *boot, conn: *conn, version, every_ms: *every_ms, news }
    }

    /// Asks for what is missing, if it is time.
    fn ask(&mut self, site: &SiteId, now: Moment, out: &mut Vec<SiteAction>) {
        let of_earlier = || self.earlier.iter().find_map(|run| self.tally.missing_of(run.boot, run.up_to));
        let Some(missing) = self.tally.missing().or_else(of_earlier) else {
            self.asked = None;
            return;
        };
        // While the answer comes in, window by window, it is not asked for again.
        let end = |missing: &Missing| (missing.boot, missing.up_to);
        let same = self.asked.filter(|asked| end(&asked.missing) == end(&missing));
        let times = same.filter(|asked| asked.missing == missing).map_or(0, |asked| asked.times);
        if times >= MOST_QUESTIONS || same.is_some_and(|asked| now.millis_since(asked.at) < ASK_AGAIN_MS) {
            return;
        }
        self.asked = Some(Asked { missing, at: now, times: times + 1 });
        let Missing { boot, after, up_to } = missing;
        out.push(SiteAction::Ask(site.clone(), SiteMissing { v: Version, boot, after, up_to }));
    }

    fn patience_ms(&self) -> u64 {
        self.every_ms.unwrap_or_default().saturating_mul(PATIENCE).max(LEAST_PATIENCE_MS)
    }
}
