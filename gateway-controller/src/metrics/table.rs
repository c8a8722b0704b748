//! All families.

mod controller;
mod device;
mod fleet;
mod site;

use super::family::{Family, Kind, Samples};

/// All families, in the order of the text.
pub(super) fn all() -> impl Iterator<Item = &'static Family> {
    fleet::FAMILIES.iter().chain(device::FAMILIES).chain(site::FAMILIES).chain(controller::FAMILIES)
}

/// Whether it is a histogram with series for each device.
pub(super) fn is_histogram_of_device(family: &Family) -> bool {
    family.kind == Kind::Histogram && matches!(family.samples, Samples::Device(_))
}

const fn counter(name: &'static str, help: &'static str, samples: Samples) -> Family {
    Family { name, kind: Kind::Counter, labels: &[], help, samples }
}

const fn gauge(name: &'static str, help: &'static str, samples: Samples) -> Family {
    Family { name, kind: Kind::Gauge, labels: &[], help, samples }
}

const fn histogram(name: &'static str, help: &'static str, samples: Samples) -> Family {
    Family { name, kind: Kind::Histogram, labels: &[], help, samples }
}

const fn by(labels: &'static [&'static str], family: Family) -> Family {
    Family { labels, ..family }
}
