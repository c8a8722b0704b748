//! The report on the disk.

use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use super::{Report, ReportError, csv};

/// Where the parts of a report go; what is `None` is not written. Directories are made.
#[derive(Debug, Clone, Default)]
pub struct Places {
    /// The page.
    pub html: Option<PathBuf>,
    /// A directory for the figures, each as SVG and PNG.
    pub plots: Option<PathBuf>,
    /// A directory for the tables as CSV.
    pub csv: Option<PathBuf>,
}

/// What happens to files that are there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Existing {
    /// They stay, and nothing at all is written.
    Keep,
    /// They are replaced.
    Replace,
}

impl Report {
    /// Writes what is wanted; the files, in the order in which they were written.
    ///
    /// # Errors
    /// [`ReportError::Exists`] before anything is written, [`ReportError::Write`] if the system refuses.
    pub fn write(&self, places: &Places, existing: Existing) -> Result<Vec<PathBuf>, ReportError> {
        let files = self.files(places)?;
        if existing == Existing::Keep
            && let Some((file, _)) = files.iter().find(|(file, _)| file.symlink_metadata().is_ok())
        {
            return Err(ReportError::Exists { file: file.clone() });
        }
        for (file, content) in &files {
            write(file, content, existing)?;
        }
        Ok(files.into_iter().map(|(file, _)| file).collect())
    }

    fn files(&self, places: &Places) -> Result<Vec<(PathBuf, Vec<u8>)>, ReportError> {
        let mut files = Vec::new();
        if let Some(page) = &places.html {
            files.push((page.clone(), self.html().into_bytes()));
        }
        if let Some(directory) = &places.plots {
            for figure in self.document.figures() {
                let at = |ending: &str| directory.join(format!("{}.{ending}", figure.name));
                let svg = figure.scene.svg(figure.name, &figure.title, &figure.alternative);
                files.push((at("svg"), svg.into_bytes()));
                let draw = |source| ReportError::Draw { figure: figure.name, source };
                files.push((at("png"), figure.scene.png().map_err(draw)?));
            }
        }
        if let Some(directory) = &places.csv {
            let tables = self.document.tables();
            files.extend(
                tables.map(|table| (directory.join(format!("{}.csv", table.name)), csv::csv(table).into_bytes())),
            );
        }
        Ok(files)
    }
}

fn write(file: &Path, content: &[u8], existing: Existing) -> Result<(), ReportError> {
    let failed = |source| ReportError::Write { file: file.to_owned(), source };
    if let Some(directory) = file.parent().filter(|directory| !directory.as_os_str().is_empty()) {
        fs::create_dir_all(directory).map_err(failed)?;
    }
    let mut options = OpenOptions::new();
    options.write(true);
    match existing {
        // One that came meanwhile stays as well.
        Existing::Keep => options.create_new(true),
        Existing::Replace => options.create(true).truncate(true),
    };
    let opened = options.open(file).map_err(|source| match source.kind() {
        ErrorKind::AlreadyExists => ReportError::Exists { file: file.to_owned() },
        _ => failed(source),
    });
    opened?.write_all(content).map_err(failed)
}
