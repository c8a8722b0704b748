//! What a reader of the page sees: of each device the newest of everything, and a bounded history. No input, output or clock.
//!
//! Memory: a device has some 15 kB (its status, its last lines) and up to 175 kB of history and windows' maxima; histories are
//! kept of the first 1,000 devices, of all others the newest alone. So 1,000 devices take at most 190 MB, mostly less. A site takes what
//! a device takes, less the windows' maxima, and there are at most 1,000.

mod device;
mod history;
mod live;
mod log;
mod newest;
mod place;
mod site;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use shared_proto::ids::{DeviceId, SiteId};

use crate::event::{Event, LinkState, Record};
use crate::sites::MAX_SITES;
use device::{Ear, Room};

pub(crate) use device::{Device, History, Maximum, State};
pub(crate) use history::{FINE, Slot, Track};
pub(crate) use live::Live;
pub(crate) use log::Log;
pub(crate) use newest::{ModeNow, Newest, Quantiles, Received};
pub(crate) use site::{NewestOfSite, ReceivedOfSite, Site};

/// Devices that have a history.
pub(crate) const HISTORIES: usize = 1_000;
/// Devices of which anything is kept: as many as a controller may be told to look after.
const DEVICES: usize = 1_000_000;
/// Lines that are kept of the whole fleet.
const LINES: usize = 60;

/// The connection to the broker.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) enum Link {
    /// Nothing was told.
    #[default]
    Unknown,
    /// It is there.
    Up(u64),
    /// It is not, and why.
    Down(Option<String>),
}

/// The whole fleet.
#[derive(Debug)]
pub(crate) struct Picture {
    /// The controller's connection.
    pub(crate) link: Link,
    /// By name.
    pub(crate) devices: BTreeMap<DeviceId, Device>,
    /// The sites below, by name.
    pub(crate) sites: BTreeMap<SiteId, Site>,
    /// Decisions and the like of all devices and sites.
    pub(crate) log: Log,
    /// Counts changes; stored with what changed.
    rev: u64,
    histories: usize,
}

impl Default for Picture {
    fn default() -> Self {
        let (devices, sites) = (BTreeMap::new(), BTreeMap::new());
        Self { link: Link::Unknown, devices, sites, log: Log::new(LINES), rev: 0, histories: 0 }
    }
}

impl Picture {
    /// Number of the connection to the broker, if there is one.
    pub(crate) fn conn(&self) -> Option<u64> {
        match self.link {
            Link::Up(conn) => Some(conn),
            Link::Unknown | Link::Down(_) => None,
        }
    }

    /// Takes in an event that came at `now_ms`, in milliseconds of a clock that never goes back.
    pub(crate) fn take(&mut self, record: &Record, now_ms: u64) {
        self.rev = self.rev.wrapping_add(1);
        let ear = Ear { now_ms, link: self.conn() };
        match &record.event {
            Event::Link(link) => {
                self.link = match link.state {
                    LinkState::Up => Link::Up(link.conn),
                    LinkState::Down => Link::Down(link.reason.clone()),
                };
                self.log.add(record);
            }
            Event::Forgotten(forgotten) => {
                let gone = self.devices.remove(&forgotten.device);
                if gone.is_some_and(|device| device.history.is_some()) {
                    self.histories = self.histories.saturating_sub(1);
                }
                self.log.add(record);
            }
            Event::Report(report) => self.change(&report.device, now_ms, |device| device.report(report, ear)),
            Event::Status(status) => self.change(&status.device, now_ms, |device| device.status(status)),
            Event::Ack(ack) => self.change(&ack.device, now_ms, |device| device.ack(record.t_ms, ack, ear)),
            Event::Observed(observed) => self.change(&observed.device, now_ms, |device| device.observed(observed, ear)),
            Event::Site(heard) => self.change_site(&heard.window.site, now_ms, |site| site.window(heard, ear)),
            Event::SiteOnline(online) => {
                self.log.add(record);
                self.change_site(&online.site, now_ms, |site| site.online(online, record, ear));
            }
            Event::SiteOffline(offline) => {
                self.log.add(record);
                self.change_site(&offline.site, now_ms, |site| site.offline(offline, record));
            }
            Event::SiteTold(told) => {
                self.log.add(record);
                self.change_site(&told.site, now_ms, |site| site.tell(record));
            }
            // Counts here are of what devices say, window by window.
            Event::CountedBefore(_) => {}
            told => {
                self.log.add(record);
                let Some(id) = subject(told) else { return };
                self.change(id, now_ms, |device| {
                    match told {
                        Event::Online(online) => device.online(online, ear),
                        Event::Offline(offline) => device.offline(offline.departure),
                        _ => {}
                    }
                    let answers = match told {
                        Event::Applied(applied) => Some(&applied.command_id),
                        Event::Rejected(rejected) => Some(&rejected.command_id),
                        _ => None,
                    };
                    device.tell(record, answers);
                });
            }
        }
    }

    fn change(&mut self, id: &DeviceId, now_ms: u64, change: impl FnOnce(&mut Device)) {
        if !self.devices.contains_key(id) {
            if self.devices.len() >= DEVICES {
                return;
            }
            let room = if self.histories < HISTORIES { Room::ForHistory } else { Room::ForTheNewestAlone };
            self.histories = self.histories.saturating_add(usize::from(room == Room::ForHistory));
            self.devices.insert(id.clone(), Device::new(room, now_ms));
        }
        if let Some(device) = self.devices.get_mut(id) {
            device.rev = self.rev;
            change(device);
        }
    }

    fn change_site(&mut self, id: &SiteId, now_ms: u64, change: impl FnOnce(&mut Site)) {
        if !self.sites.contains_key(id) {
            if self.sites.len() >= MAX_SITES {
                return;
            }
            self.sites.insert(id.clone(), Site::new(now_ms));
        }
        if let Some(site) = self.sites.get_mut(id) {
            site.rev = self.rev;
            change(site);
        }
    }
}

/// Which device a line of the decision log is about.
fn subject(event: &Event) -> Option<&DeviceId> {
    match event {
        Event::Decision(it) => Some(&it.device),
        Event::Applied(it) => Some(&it.device),
        Event::Rejected(it) => Some(&it.device),
        Event::Commanded(it) => Some(&it.device),
        Event::DeviceMode(it) => Some(&it.device),
        Event::Held(it) => Some(&it.device),
        Event::Contested(it) => Some(&it.device),
        Event::Online(it) => Some(&it.device),
        Event::Offline(it) => Some(&it.device),
        Event::Forgotten(it) => Some(&it.device),
        _ => None,
    }
}
