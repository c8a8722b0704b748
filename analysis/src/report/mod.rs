//! A report of experiments: two lists of recordings, or of run files, side by side on one page.
//!
//! [`Report::read`] takes the files, [`Report::html`] gives one page that loads nothing and needs no script,
//! [`Report::write`] puts it and, if wanted, its figures and tables on the disk. The same files give the same bytes.

mod csv;
mod device;
mod document;
mod error;
mod figures;
mod gather;
mod html;
mod input;
mod json;
mod metrics;
mod output;
mod over_time;
mod recorded;
mod sections;
mod time;
mod times;

use std::path::PathBuf;

pub use error::ReportError;
pub use output::{Existing, Places};

use crate::{Comparison, Question, Side, compare};
use document::Document;
use input::Group;

/// Most devices that are compared each for itself.
const MOST_DEVICES: usize = 16;

/// What to report on.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// Files of the condition A.
    pub a: Vec<PathBuf>,
    /// Files of the condition B that it is compared against; empty: A alone is described.
    pub b: Vec<PathBuf>,
    /// Name of A; else that in its files.
    pub label_a: Option<String>,
    /// Name of B; else that in its files.
    pub label_b: Option<String>,
    /// Which difference matters.
    pub question: Question,
}

/// A report.
#[derive(Debug)]
pub struct Report {
    a: Group,
    b: Option<Group>,
    comparison: Option<Comparison>,
    /// Of single devices, by name.
    devices: Vec<(String, Comparison)>,
    document: Document,
}

impl Report {
    /// Reads the files and compares them.
    ///
    /// # Errors
    /// [`ReportError`] names the file and what is allowed.
    pub fn read(request: &Request) -> Result<Self, ReportError> {
        let a = Group::read(Side::A, &request.a, request.label_a.as_deref())?;
        let b = if request.b.is_empty() {
            None
        } else {
            Some(Group::read(Side::B, &request.b, request.label_b.as_deref())?)
        };
        Self::of(a, b, &request.question)
    }

    fn of(mut a: Group, mut b: Option<Group>, question: &Question) -> Result<Self, ReportError> {
        if let Some(b) = b.as_mut().filter(|b| b.label == a.label) {
            a.label += " (A)";
            b.label += " (B)";
        }
        input::check(&std::iter::once(&a).chain(&b).collect::<Vec<_>>())?;
        let mut groups: Vec<&mut Group> = std::iter::once(&mut a).chain(b.as_mut()).collect();
        input::shorten(&mut groups);
        let comparison = b.as_ref().map(|b| compare(&a.sources(), &b.sources(), question)).transpose()?;
        let devices = b.as_ref().map_or_else(Vec::new, |b| of_devices(&a, b, question));
        let document = sections::document(&a, b.as_ref(), comparison.as_ref(), &devices);
        Ok(Self { a, b, comparison, devices, document })
    }

    /// The verdicts, one sentence each; without B a description of A.
    #[must_use]
    pub fn headline(&self) -> Vec<String> {
        match (&self.comparison, &self.b) {
            (Some(comparison), Some(b)) => sections::sentences(&self.a, b, comparison),
            _ => self.document.facts.clone(),
        }
    }

    /// One page of HTML: it loads nothing and has no script.
    #[must_use]
    pub fn html(&self) -> String {
        html::page(&self.document)
    }
}

/// Comparisons of the devices that both sides have; of those that cannot be compared there is none.
fn of_devices(a: &Group, b: &Group, question: &Question) -> Vec<(String, Comparison)> {
    let mut names: Vec<&String> = a.recorded().iter().flat_map(|run| run.devices.keys()).collect();
    names.sort_unstable();
    names.dedup();
    let of = |name: &String| {
        let (of_a, of_b) = (a.sources_of(name), b.sources_of(name));
        let compared = (!of_a.is_empty() && !of_b.is_empty()).then(|| compare(&of_a, &of_b, question).ok());
        Some((name.clone(), compared.flatten()?))
    };
    if names.len() > MOST_DEVICES { Vec::new() } else { names.into_iter().filter_map(of).collect() }
}

#[cfg(test)]
mod tests;
