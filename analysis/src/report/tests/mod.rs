//! Reports of made recordings.

mod conversion;
mod made;
mod pages;
mod refusals;

use std::path::PathBuf;

use super::*;

/// A report of runs that are the same and of gateways that are not.
fn pair(directory: &std::path::Path) -> Request {
    Request {
        a: made::runs(directory, "kubeedge", 6, 1.3),
        b: made::runs(directory, "plain", 6, 1.0),
        ..Request::default()
    }
}

fn refusal(a: &[PathBuf], b: &[PathBuf]) -> String {
    let request = Request { a: a.to_vec(), b: b.to_vec(), ..Request::default() };
    Report::read(&request).unwrap_err().to_string()
}
