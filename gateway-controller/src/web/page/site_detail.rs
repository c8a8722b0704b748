//! One site with all that is known of it.

use serde::Serialize;
use serde_json::value::RawValue;
use shared_proto::ids::{BootId, SiteId};
use shared_proto::wire::Departure;

use super::detail::{Histograms, SlotView, slots};
use super::tile::rounded;
use crate::watch::picture::{Live, NewestOfSite, ReceivedOfSite, Site, State};

/// How far a reader has read.
#[derive(Debug, Default)]
pub(super) struct SiteCursor {
    rev: Option<u64>,
    line: u64,
}

/// A site, or what is new of it.
#[derive(Debug, Serialize)]
pub(super) struct SiteDetail<'a> {
    id: &'a SiteId,
    /// Wall clock of the gateway in milliseconds since 1970.
    t_ms: u64,
    /// What the wall clock says when the page's own is at 0.
    epoch_ms: u64,
    state: State,
    departure: Option<Departure>,
    age_ms: u64,
    patience_ms: u64,
    boot: Option<BootId>,
    version: Option<&'a str>,
    every_ms: Option<u64>,
    newest: Option<&'a NewestOfSite>,
    received: ReceivedOfSite,
    /// Share of the devices' bytes that did not go on to here.
    saved: Option<f64>,
    fine: Vec<SlotView>,
    coarse: Vec<SlotView>,
    histogram: Histograms,
    log: Vec<Box<RawValue>>,
}

impl<'a> SiteDetail<'a> {
    pub(super) fn new(id: &'a SiteId, site: &'a Site, live: &Live, span_s: u64, cursor: &mut SiteCursor) -> Self {
        let (now, history) = (live.now(), &*site.history);
        let detail = Self {
            id,
            t_ms: now.wall_ms,
            epoch_ms: now.wall_ms.saturating_sub(now.ms),
            state: site.state(now.ms, live.picture.conn()),
            departure: site.departure(),
            age_ms: site.age_ms(now.ms),
            patience_ms: site.patience_ms(),
            boot: site.boot(),
            version: site.version.as_ref().map(|version| version.as_str()),
            every_ms: site.every_ms,
            newest: site.newest.as_deref(),
            received: site.received,
            saved: site.received.saved().map(|share| rounded(share, 4)),
            fine: slots(&history.fine, now.ms, cursor.rev),
            coarse: slots(&history.coarse, now.ms, cursor.rev),
            histogram: Histograms::of(history, now.ms, span_s),
            log: site.log.after(cursor.line),
        };
        (cursor.rev, cursor.line) = (Some(site.rev), site.log.last());
        detail
    }
}
