//! `report`: recorded conditions side by side on a page.

use analysis::Question;
use analysis::report::{Existing, Places, Report, ReportError, Request};

use super::{Failure, print};
use crate::cli::ReportArgs;

pub(super) fn run(args: &ReportArgs) -> Result<(), Failure> {
    let request = Request {
        a: args.files.clone(),
        b: args.against.clone(),
        label_a: args.label_a.clone(),
        label_b: args.label_b.clone(),
        question: Question { smallest_effect: args.smallest_effect, ..Question::default() },
    };
    let report = Report::read(&request).map_err(failure)?;
    let places = Places { html: args.output.clone(), plots: args.plots.clone(), csv: args.csv.clone() };
    let existing = if args.force { Existing::Replace } else { Existing::Keep };
    let written = report.write(&places, existing).map_err(failure)?;
    if args.json {
        return print(&format!("{:#}\n", report.json()));
    }
    let mut text: String = report.headline().iter().map(|line| printable(line) + "\n").collect();
    if let Some(page) = &args.output {
        text += &format!("{}: {} files written\n", page.display(), written.len());
    } else if !written.is_empty() {
        text += &format!("{} files written\n", written.len());
    }
    print(&text)
}

/// Labels come from files: no control characters reach the terminal.
fn printable(line: &str) -> String {
    line.chars().map(|c| if c.is_control() { '?' } else { c }).collect()
}

fn failure(error: ReportError) -> Failure {
    match error {
        ReportError::Write { .. } | ReportError::Draw { .. } => Failure::failed(error),
        _ => Failure::usage(printable(&error.to_string())),
    }
}
