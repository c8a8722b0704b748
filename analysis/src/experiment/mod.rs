//! The experiment file: all that a recorder heard of a fleet and saw of its gateway, line by line.
//!
//! JSON, one [`Line`] a line, compressed with zstd in frames that stand alone, so that what was written before a crash can be read.
//! Unknown members are ignored, a line of an unknown kind too. Times are milliseconds on the recorder's monotonic clock since the
//! start of the run.

mod line;

pub use line::{
    Begin, Beginning, Command, Down, End, Ending, FORMAT, FORMAT_VERSION, Format, Gateway, Group, Heard, Injected,
    Line, Lost, Setup,
};
