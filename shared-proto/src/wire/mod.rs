//! The messages of the native wire, MQTT 3.1.1 and JSON. Unknown fields are ignored, unknown versions are refused.
//!
//! No two clocks need to agree. A device tells its own time, milliseconds since the agent's start, in [`Report::up_ms`] and
//! [`Status::up_ms`]; a command quotes it to say until when it may be taken ([`SetMode::fresh`]), and later is answered
//! [`Outcome::Expired`].
//!
//! Nothing needs to arrive once only, or at all. [`Report::boot`] and [`Report::seq`] name the content of a report; what never
//! arrived is asked for by [`SetMode::missing`]; a command that comes again is answered alike, or [`Outcome::Duplicate`].
//!
//! Any message may be signed: see [`crate::sign`].

mod ack;
mod command;
mod merge;
mod report;
mod site;
mod status;
mod version;

pub use ack::{Ack, Outcome};
pub use command::{BadLease, Envelope, Fresh, Lease, Missing, NotFresh, ReportRef, SetMode};
pub use merge::CannotMerge;
pub use report::{
    Host, Inconsistent, Lost, MissBurst, MissWindow, OverrunPolicy, Report, RtContext, Schedule, Task, Totals,
};
pub use site::{
    CannotMergeSites, Census, EarlierRun, EarlierRuns, Occurrence, Occurrences, Site, SiteCounts, SiteMissing,
    SiteStatus, What, Worst,
};
pub use status::{Departure, DialectName, Dialects, Setting, SettingOutcome, Settings, Status};
pub use version::Version;
