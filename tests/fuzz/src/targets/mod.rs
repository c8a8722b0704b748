//! One file per kind of decoder.

pub mod config;
pub mod control;
pub mod edgex;
pub mod edgex_readings;
pub mod fleet;
pub mod journal;
pub mod messages;
pub mod packet;
pub mod proc;
pub mod run_file;
pub mod sites;
pub mod topics;
pub mod url;

use std::io;
use std::path::Path;

/// Makes something in a folder that is memory, if the machine has one: targets write files thousands of times a second.
fn memory<T>(make: impl Fn(&Path) -> io::Result<T>) -> T {
    make(Path::new("/dev/shm")).or_else(|_| make(&std::env::temp_dir())).expect("a place for temporary files")
}
