//! Fuzz targets: what every decoder that faces bytes from outside must do with any bytes.
//!
//! A target is a function that takes bytes and panics if a promise is broken. `tests/fuzz/run` links each with libFuzzer;
//! `cargo test -p fuzz` runs each over its samples, so that none rots. How to add one: `README.md`.

#![forbid(unsafe_code)]
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a target panics when a promise is broken: that is how a fuzzer hears of it"
)]

mod samples;
pub mod targets;

pub use samples::Samples;
use samples::files;

/// A function to fuzz, and where to begin.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// Its name: that of the binary, and of its folders in `samples` and `regressions`.
    pub name: &'static str,
    /// Panics if a promise is broken.
    pub run: fn(&[u8]),
    /// Samples beside those in its folders.
    more: fn() -> Samples,
}

impl Target {
    /// The samples to begin with, and the inputs that once failed: name and content of each.
    #[must_use]
    pub fn samples(&self) -> Samples {
        let mut all = (self.more)();
        all.extend(files(&format!("tests/fuzz/samples/{}", self.name), ""));
        all.extend(files(&format!("tests/fuzz/regressions/{}", self.name), ""));
        all
    }
}

const NATIVE: &str = "shared-proto/vectors/native";
const INVALID: &str = "shared-proto/vectors/native/invalid";
const LAB: &str = "shared-proto/vectors/lab";

/// The golden vectors of one kind, and all the invalid ones.
macro_rules! vectors {
    ($kind:literal) => {
        || files(NATIVE, $kind).into_iter().chain(files(INVALID, "")).collect()
    };
}

/// Every target.
pub const TARGETS: &[Target] = &[
    Target { name: "ack", run: targets::messages::ack, more: vectors!("ack") },
    Target { name: "command", run: targets::messages::command, more: vectors!("command") },
    Target { name: "report", run: targets::messages::report, more: vectors!("report") },
    Target { name: "status", run: targets::messages::status, more: vectors!("status") },
    Target { name: "site", run: targets::sites::site, more: vectors!("site") },
    Target { name: "site_status", run: targets::sites::site_status, more: vectors!("site-status") },
    Target { name: "site_missing", run: targets::sites::site_missing, more: vectors!("site-missing") },
    Target { name: "lab_command", run: targets::messages::lab_command, more: || files(LAB, "command") },
    Target { name: "lab_observed", run: targets::messages::lab_observed, more: || files(LAB, "metrics") },
    Target { name: "edgex_answer", run: targets::edgex_readings::edgex_answer, more: Samples::new },
    Target { name: "edgex_envelope", run: targets::edgex_readings::edgex_envelope, more: Samples::new },
    Target { name: "edgex_command", run: targets::edgex::edgex_command, more: Samples::new },
    Target { name: "topic", run: targets::topics::topic, more: Samples::new },
    Target { name: "broker_url", run: targets::url::broker_url, more: Samples::new },
    Target { name: "mqtt_packet", run: targets::packet::mqtt_packet, more: Samples::new },
    Target { name: "agent_config", run: targets::config::agent, more: targets::config::agent_samples },
    Target { name: "controller_config", run: targets::config::controller, more: targets::config::controller_samples },
    Target { name: "control_request", run: targets::control::request, more: Samples::new },
    Target { name: "run_file", run: targets::run_file::run_file, more: Samples::new },
    Target { name: "proc", run: targets::proc::proc, more: Samples::new },
    Target { name: "journal", run: targets::journal::journal, more: Samples::new },
    Target { name: "fleet", run: targets::fleet::fleet, more: targets::fleet::samples },
];
