//! Writes a recording so that a crash costs its last seconds and nothing else.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use zstd::bulk::Compressor;
use zstd::zstd_safe::CParameter;

use super::source::MAX_LINE;
use super::{Begin, End, Line, WriteError};

/// After so long lines are kept at the latest.
const KEEP_EVERY: Duration = Duration::from_secs(2);
/// With so many bytes waiting lines are kept at once: it bounds memory, and a frame of this size packs well.
const KEEP_BYTES: usize = 1024 * 1024;
/// Compression level: reports pack about six to one, at some hundred MB/s.
const LEVEL: i32 = 3;

/// What to do about a file of the same name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Existing {
    /// Keep it, and write nothing.
    Refuse,
    /// Replace it.
    Replace,
}

/// What is on the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Kept {
    /// Lines.
    pub lines: u64,
    /// Length of the file, in bytes.
    pub bytes: u64,
}

/// A recording that is being written.
///
/// Lines wait in memory, for 2 s or until they are 1 MiB; then they become a frame of their own, which is written as a whole and
/// forced to the disk. A crash, a kill or a power failure loses what waits, and leaves at most one torn frame at the end, which
/// [`Recording`](super::Recording) tolerates. Memory stays below a few MiB.
///
/// It blocks while the disk does: call it from a thread of its own.
pub struct Writer {
    path: PathBuf,
    file: File,
    packer: Compressor<'static>,
    waiting: Vec<u8>,
    waiting_lines: u64,
    since: Instant,
    kept: Kept,
}

impl Writer {
    /// Makes the file, with its first line on the disk.
    ///
    /// # Errors
    /// [`WriteError`]: there is such a file already, or it cannot be made or written.
    pub fn create(path: impl Into<PathBuf>, begin: Begin, existing: Existing) -> Result<Self, WriteError> {
        let path = path.into();
        let failed = |source: io::Error| match source.kind() {
            ErrorKind::AlreadyExists => WriteError::Exists { file: path.clone() },
            _ => WriteError::Create { file: path.clone(), source },
        };
        if existing == Existing::Replace {
            match fs::remove_file(&path) {
                Err(error) if error.kind() != ErrorKind::NotFound => return Err(failed(error)),
                _ => {}
            }
        }
        let file = OpenOptions::new().write(true).create_new(true).open(&path).map_err(failed)?;
        let mut writer = Self::over(path.clone(), file).map_err(failed)?;
        writer.append(&Line::Begin(Box::new(begin)))?;
        writer.keep()?;
        sync_directory(&path).map_err(|source| writer.refused(source))?;
        Ok(writer)
    }

    /// Over a file that is open and empty.
    pub(super) fn over(path: PathBuf, file: File) -> io::Result<Self> {
        let mut packer = Compressor::new(LEVEL)?;
        packer.set_parameter(CParameter::ChecksumFlag(true))?;
        let (waiting, since) = (Vec::new(), Instant::now());
        Ok(Self { path, file, packer, waiting, waiting_lines: 0, since, kept: Kept::default() })
    }

    /// Adds a line, and keeps what waits if it is time.
    ///
    /// # Errors
    /// [`WriteError`]; then the file holds what was kept before.
    pub fn append(&mut self, line: &Line) -> Result<(), WriteError> {
        let wrong = |problem: String| WriteError::Line { file: self.path.clone(), problem };
        let text = serde_json::to_vec(line).map_err(|error| wrong(error.to_string()))?;
        if text.len() > MAX_LINE {
            return Err(wrong(format!("it takes {} bytes, allowed are {MAX_LINE}", text.len())));
        }
        if self.waiting.is_empty() {
            self.since = Instant::now();
        }
        self.waiting.extend_from_slice(&text);
        self.waiting.push(b'\n');
        self.waiting_lines += 1;
        if self.waiting.len() >= KEEP_BYTES || self.due().is_some_and(|due| due.is_zero()) {
            self.keep()?;
        }
        Ok(())
    }

    /// How long what waits may still do so; `None` if nothing waits.
    #[must_use]
    pub fn due(&self) -> Option<Duration> {
        (!self.waiting.is_empty()).then(|| KEEP_EVERY.saturating_sub(self.since.elapsed()))
    }

    /// What is on the disk for good.
    #[must_use]
    pub fn kept(&self) -> Kept {
        self.kept
    }

    /// Puts what waits on the disk.
    ///
    /// # Errors
    /// [`WriteError::Write`], as when the disk is full; then the file holds what was kept before, and what waits still does.
    pub fn keep(&mut self) -> Result<(), WriteError> {
        if self.waiting.is_empty() {
            return Ok(());
        }
        let frame = self.packer.compress(&self.waiting).map_err(|source| self.refused(source))?;
        if let Err(source) = self.file.write_all(&frame).and_then(|()| self.file.sync_data()) {
            let refused = self.refused(source);
            // A part of the frame may stand there. Without it, nothing is torn; and if that fails too, a reader copes.
            let _ = self.take_back();
            return Err(refused);
        }
        self.kept.bytes += frame.len() as u64;
        self.kept.lines += self.waiting_lines;
        self.waiting.clear();
        self.waiting_lines = 0;
        Ok(())
    }

    /// Adds the last line and puts all on the disk.
    ///
    /// # Errors
    /// [`WriteError`]; then the file holds what was kept before, without its last line.
    pub fn finish(mut self, end: End) -> Result<Kept, WriteError> {
        self.append(&Line::End(end))?;
        self.keep()?;
        self.file.sync_all().map_err(|source| self.refused(source))?;
        Ok(self.kept)
    }

    fn take_back(&mut self) -> io::Result<()> {
        self.file.set_len(self.kept.bytes)?;
        self.file.seek(SeekFrom::Start(self.kept.bytes)).map(drop)
    }

    fn refused(&self, source: io::Error) -> WriteError {
        WriteError::Write { file: self.path.clone(), bytes: self.kept.bytes, source }
    }
}

/// The name of a new file is on the disk when its directory is.
fn sync_directory(path: &Path) -> io::Result<()> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    match File::open(directory)?.sync_all() {
        // Not every file system can: then it needs no such care.
        Err(error) if error.kind() == ErrorKind::InvalidInput => Ok(()),
        synced => synced,
    }
}
