//! The text, piece by piece.

use std::sync::Arc;

use shared_proto::mode::Mode;
use shared_proto::wire::Totals;

use super::accept::Format;
use super::book::{Snapshot, Sums};
use super::device::{Device, Presence, Series};
use super::family::{Family, Samples};
use super::process::Process;
use super::site::Site;
use super::write::Writer;
use super::{Histograms, Settings, table};

/// A piece is told when it is at least so long, in bytes.
const PIECE: usize = 64 * 1024;

/// What a scrape shows.
#[derive(Debug)]
pub(super) struct View {
    pub(super) settings: Arc<Settings>,
    pub(super) sums: Sums,
    pub(super) lost: u64,
    pub(super) process: Process,
    pub(super) overview: Overview,
}

/// Sums over the devices as they are now.
#[derive(Debug, Default)]
pub(super) struct Overview {
    pub(super) up: u64,
    pub(super) down: u64,
    pub(super) normal: u64,
    pub(super) degraded: u64,
    pub(super) left_out: u64,
    pub(super) missing: Totals,
}

/// The text of a book at one moment, in pieces that each take little time: whoever writes them out can see to others in between.
#[derive(Debug)]
pub struct Exposition {
    view: View,
    format: Format,
    families: Vec<&'static Family>,
    /// Those with series of their own, by name.
    devices: Vec<Arc<Device>>,
    /// By name.
    sites: Vec<Arc<Site>>,
    /// Place in `families`, and in `devices` or `sites`.
    next: (usize, usize),
    end: bool,
}

impl Exposition {
    /// The text of this snapshot, with the figures of this process as they are now.
    #[must_use]
    pub fn new(snapshot: Snapshot, format: Format) -> Self {
        let Snapshot { settings, devices, sites, sums, lost } = snapshot;
        let overview = Overview::of(&devices);
        let per_device = settings.histograms == Histograms::Device;
        let families = table::all().filter(|family| per_device || !table::is_histogram_of_device(family)).collect();
        let view = View { settings, sums, lost, process: Process::now(), overview };
        let devices = devices.into_iter().filter(|device| device.series == Series::Own).collect();
        Self { view, format, families, devices, sites, next: (0, 0), end: false }
    }

    fn family(&mut self, out: &mut String, family: &'static Family) {
        let (place, first) = self.next;
        if first == 0 {
            Writer::head(out, family, self.format);
        }
        let settings: &Settings = &self.view.settings;
        match family.samples {
            Samples::Fleet(samples) => samples(&self.view, &mut Writer { out, family, subject: None, settings }),
            Samples::Device(samples) => {
                for (number, device) in self.devices.iter().enumerate().skip(first) {
                    let subject = Some(("device", device.id.as_str()));
                    samples(device, &mut Writer { out, family, subject, settings });
                    if out.len() >= PIECE {
                        self.next = (place, number.saturating_add(1));
                        return;
                    }
                }
            }
            Samples::Site(samples) => {
                for (number, site) in self.sites.iter().enumerate().skip(first) {
                    samples(site, &mut Writer { out, family, subject: Some(("site", site.id.as_str())), settings });
                    if out.len() >= PIECE {
                        self.next = (place, number.saturating_add(1));
                        return;
                    }
                }
            }
        }
        self.next = (place.saturating_add(1), 0);
    }
}

impl Iterator for Exposition {
    type Item = String;

    fn next(&mut self) -> Option<String> {
        if self.end {
            return None;
        }
        let mut piece = String::with_capacity(PIECE + PIECE / 8);
        while piece.len() < PIECE {
            let Some(family) = self.families.get(self.next.0).copied() else {
                self.end = true;
                if self.format == Format::OpenMetrics {
                    piece.push_str("# EOF\n");
                }
                break;
            };
            self.family(&mut piece, family);
        }
        Some(piece).filter(|piece| !piece.is_empty())
    }
}

impl Overview {
    fn of(devices: &[Arc<Device>]) -> Self {
        let mut overview = Self::default();
        let one = |place: &mut u64| *place = place.saturating_add(1);
        for device in devices {
            match device.presence {
                Some(Presence::Up) => one(&mut overview.up),
                Some(Presence::Down) | None => one(&mut overview.down),
            }
            match device.mode {
                Some(Mode::Normal) => one(&mut overview.normal),
                Some(Mode::Degraded) => one(&mut overview.degraded),
                None => {}
            }
            if device.series == Series::LeftOut {
                one(&mut overview.left_out);
            }
            let missing = device.missing();
            overview.missing.jobs = overview.missing.jobs.saturating_add(missing.jobs);
            overview.missing.misses = overview.missing.misses.saturating_add(missing.misses);
            overview.missing.skipped = overview.missing.skipped.saturating_add(missing.skipped);
        }
        overview
    }
}
