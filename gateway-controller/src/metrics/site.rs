//! What the book holds of one site.

use shared_proto::ids::{BootId, SiteId};
use shared_proto::wire::{Census, SiteCounts};

use super::device::{Presence, Wakeup};
use crate::event::{SiteHeard, SiteOffline, SiteOnline};

/// One site since the controller first heard of it. Counts go on over runs of the site's controller.
#[derive(Debug, Clone)]
pub(super) struct Site {
    pub(super) id: SiteId,
    pub(super) presence: Presence,
    run: Option<BootId>,
    /// Number of the newest window of the present run.
    newest: Option<u64>,
    /// As the newest window of the present run tells.
    pub(super) devices: Option<Census>,
    /// Time between two windows, in milliseconds.
    pub(super) every_ms: Option<u64>,
    /// When a window came last, in milliseconds since 1970 by the clock here.
    pub(super) heard_ms: Option<u64>,
    /// Received, each window once.
    pub(super) counts: SiteCounts,
    pub(super) windows: u64,
    pub(super) merged_windows: u64,
    pub(super) received_bytes: u64,
    pub(super) wakeup: Wakeup,
}

impl Site {
    pub(super) fn new(id: SiteId) -> Self {
        Self {
            id,
            presence: Presence::Down,
            run: None,
            newest: None,
            devices: None,
            every_ms: None,
            heard_ms: None,
            counts: SiteCounts::default(),
            windows: 0,
            merged_windows: 0,
            received_bytes: 0,
            wakeup: Wakeup::default(),
        }
    }

    pub(super) fn online(&mut self, online: &SiteOnline) {
        self.presence = Presence::Up;
        self.every_ms = online.every_ms.or(self.every_ms);
        self.begin(online.boot);
    }

    pub(super) fn offline(&mut self, offline: &SiteOffline) {
        self.presence = Presence::Down;
        self.begin(offline.boot);
    }

    pub(super) fn take(&mut self, SiteHeard { window, bytes }: &SiteHeard, t_ms: u64) {
        self.heard_ms = Some(self.heard_ms.unwrap_or_default().max(t_ms));
        self.counts = self.counts.plus(&window.counts);
        self.windows = self.windows.saturating_add(window.merged.into());
        self.merged_windows = self.merged_windows.saturating_add(window.merged.saturating_sub(1).into());
        self.received_bytes = self.received_bytes.saturating_add(*bytes);
        self.wakeup.merge(&window.wakeup_us);
        // What is left over of an earlier run, or comes late, is not how the site is.
        let present = *self.run.get_or_insert(window.boot) == window.boot;
        if present && self.newest.is_none_or(|newest| newest < window.seq) {
            (self.newest, self.devices) = (Some(window.seq), Some(window.devices));
        }
    }

    fn begin(&mut self, boot: BootId) {
        if self.run != Some(boot) {
            self.run = Some(boot);
            (self.newest, self.devices) = (None, None);
        }
    }
}
