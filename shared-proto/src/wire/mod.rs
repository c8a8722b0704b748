//! The messages of the native wire, MQTT 3.1.1 and JSON. Unknown fields are ignored, unknown versions are refused.

mod ack;
mod command;
mod merge;
mod report;
mod status;
mod version;

pub use ack::{Ack, Outcome};
pub use command::{BadLease, Envelope, Fresh, Lease, Missing, NotFresh, ReportRef, SetMode};
pub use merge::CannotMerge;
pub use report::{
    Host, Inconsistent, Lost, MissBurst, MissWindow, OverrunPolicy, Report, RtContext, Schedule, Task, Totals,
};
pub use status::{Departure, DialectName, Dialects, Setting, SettingOutcome, Settings, Status};
pub use version::Version;
