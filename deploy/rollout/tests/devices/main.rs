//! Releases go to devices: real sshd on the loopback, real agents, Mosquitto. Each "device" is a directory with a service of its
//! own; all run as the present user.
//!
//! The executable of this test is the agent of these devices too, so it has a main of its own: an artefact is a copy of it with a
//! few bytes at its end, which say how it behaves.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failure is the test's failure"
)]
#![forbid(unsafe_code)]

mod agent;
mod device;
mod site;
mod stories;
mod waiting;

use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

fn main() -> ExitCode {
    let mut arguments = std::env::args();
    let called = arguments.next().unwrap_or_default();
    if Path::new(&called).file_name().is_some_and(|name| name == "device-agent") {
        return agent::main();
    }
    let words: Vec<_> = arguments.collect();
    if words.iter().any(|word| word == "--list") {
        stories::ALL.iter().for_each(|(name, _)| println!("{name}: test"));
        return ExitCode::SUCCESS;
    }
    let filters: Vec<_> = words.iter().filter(|word| !word.starts_with('-')).collect();
    let asked = |name: &str| filters.is_empty() || filters.iter().any(|word| name.contains(*word));
    if !stories::ALL.iter().any(|(name, _)| asked(name)) {
        return ExitCode::SUCCESS;
    }
    // The others begin with what the first one leaves.
    let chosen = stories::ALL.iter().enumerate().filter(|(index, (name, _))| *index == 0 || asked(name));
    // One site for all: each story begins with a healthy fleet, whatever its release, and leaves one. A story that fails ends it all.
    let mut site = site::Site::open();
    for (_, (name, story)) in chosen {
        let begin = Instant::now();
        println!("story {name} ...");
        story(&mut site);
        site.is_healthy();
        println!("story {name} ... ok ({:.1} s)", begin.elapsed().as_secs_f32());
    }
    ExitCode::SUCCESS
}
