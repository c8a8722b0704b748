//! What a metric family is.

use super::device::Device;
use super::exposition::View;
use super::site::Site;
use super::write::Writer;

/// A metric family: one row of the table that both the text and its page in docs/ are made of.
#[derive(Debug, Clone, Copy)]
pub(super) struct Family {
    /// Name; that of a counter ends with `_total`.
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    /// Its labels but `device`, `site` and `le`.
    pub(super) labels: &'static [&'static str],
    pub(super) help: &'static str,
    pub(super) samples: Samples,
}

/// What kind of metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Only grows.
    Counter,
    /// Comes and goes.
    Gauge,
    /// Classic buckets.
    Histogram,
}

/// Where the samples come from.
#[derive(Debug, Clone, Copy)]
pub(super) enum Samples {
    /// From the fleet as a whole, or the controller.
    Fleet(fn(&View, &mut Writer<'_>)),
    /// From each device that has series of its own.
    Device(fn(&Device, &mut Writer<'_>)),
    /// From each site.
    Site(fn(&Site, &mut Writer<'_>)),
}

/// Base units, as the names end with them.
const UNITS: [&str; 5] = ["seconds", "bytes", "ratio", "celsius", "hertz"];

impl Family {
    /// The name of the family in OpenMetrics.
    pub(super) fn stem(&self) -> &'static str {
        match self.kind {
            Kind::Counter => self.name.strip_suffix("_total").unwrap_or(self.name),
            Kind::Gauge | Kind::Histogram => self.name,
        }
    }

    /// The base unit, if there is one.
    pub(super) fn unit(&self) -> Option<&'static str> {
        let last = self.stem().rsplit_once('_')?.1;
        UNITS.into_iter().find(|unit| *unit == last)
    }
}

impl Kind {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}
