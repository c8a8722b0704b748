//! Files of measurement runs, and the statistics that compare them.

#![forbid(unsafe_code)]

pub mod run;
