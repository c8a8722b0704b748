//! The bytes of a recording, unpacked and cut into lines of bounded length.

use std::fs::File;
use std::io::{self, BufRead, BufReader, ErrorKind, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use zstd::stream::read::Decoder;

use super::RecordingError;

/// Longest line, in bytes: a report is at most 16 KiB.
pub const MAX_LINE: usize = 256 * 1024;
/// Greatest length of a whole file, unpacked, in bytes: a day of 100 devices. Bounds the time that a bomb can take.
const MAX_BYTES: u64 = 1 << 38;
/// Greatest window of a frame, as a power of 2: 8 MiB is more than the writer uses, and bounds the memory that a frame asks for.
const WINDOW_LOG_MAX: u32 = 23;
/// First bytes of a frame of zstd (RFC 8878, section 3.1.1).
const MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
/// So many zeros at the end are no data: a machine that lost power can leave a file longer than what was written to it.
const ZEROS: usize = 64;

/// What came of looking for the next line.
pub(super) enum Next {
    /// Here it is, without its line feed.
    Line(Vec<u8>),
    /// There is no more; what was there ended with a line, and with a frame.
    End,
    /// There is no more, and the last line or frame is not whole.
    Torn,
}

/// Lines of a file.
pub(super) struct Source {
    file: PathBuf,
    bytes: Bytes,
    /// Lines given so far.
    line: u64,
    unpacked: u64,
}

enum Bytes {
    Packed(BufReader<Decoder<'static, BufReader<File>>>),
    Plain(BufReader<File>),
}

impl Source {
    /// Opens a file, whether it is packed or not.
    pub(super) fn open(path: &Path) -> Result<Self, RecordingError> {
        let open = |source| RecordingError::Open { file: path.to_owned(), source };
        let mut file = File::open(path).map_err(open)?;
        let mut first = Vec::new();
        (&mut file).take(MAGIC.len() as u64).read_to_end(&mut first).map_err(open)?;
        file.seek(SeekFrom::Start(0)).map_err(open)?;
        let bytes = if first == MAGIC {
            let mut decoder = Decoder::with_buffer(BufReader::new(file)).map_err(open)?;
            decoder.window_log_max(WINDOW_LOG_MAX).map_err(open)?;
            Bytes::Packed(BufReader::new(decoder))
        } else if first.is_empty() {
            return Err(RecordingError::Empty { file: path.to_owned() });
        } else if first.iter().all(|byte| byte.is_ascii_graphic() || byte.is_ascii_whitespace()) {
            Bytes::Plain(BufReader::new(file))
        } else {
            return Err(RecordingError::NotZstd { file: path.to_owned() });
        };
        Ok(Self { file: path.to_owned(), bytes, line: 0, unpacked: 0 })
    }

    /// The file.
    pub(super) fn file(&self) -> &Path {
        &self.file
    }

    /// Number of the line that was given last, from 1.
    pub(super) fn line(&self) -> u64 {
        self.line
    }

    /// The next line that is not blank.
    pub(super) fn next(&mut self) -> Result<Next, RecordingError> {
        loop {
            let next = self.next_or_blank()?;
            match &next {
                Next::Line(line) if line.iter().all(u8::is_ascii_whitespace) => {}
                _ => return Ok(next),
            }
        }
    }

    fn next_or_blank(&mut self) -> Result<Next, RecordingError> {
        let mut line = Vec::new();
        let limit = MAX_LINE as u64 + 1;
        let read = match &mut self.bytes {
            Bytes::Packed(reader) => reader.take(limit).read_until(b'\n', &mut line),
            Bytes::Plain(reader) => reader.take(limit).read_until(b'\n', &mut line),
        };
        match read {
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(Next::Torn),
            Err(source) => return self.unreadable(source),
        }
        self.unpacked = self.unpacked.saturating_add(line.len() as u64);
        if self.unpacked > MAX_BYTES {
            return Err(RecordingError::TooMuch { file: self.file.clone(), line: self.line + 1, limit: MAX_BYTES });
        }
        if line.pop_if(|last| *last == b'\n').is_some() {
            self.line += 1;
            return Ok(Next::Line(line));
        }
        if line.len() > MAX_LINE {
            return Err(RecordingError::TooLong { file: self.file.clone(), line: self.line + 1, limit: MAX_LINE });
        }
        Ok(if line.is_empty() { Next::End } else { Next::Torn })
    }

    /// Damage, unless it is the mark of a power failure.
    fn unreadable(&mut self, source: io::Error) -> Result<Next, RecordingError> {
        let file = self.file.clone();
        let Bytes::Packed(reader) = &mut self.bytes else { return Err(RecordingError::Open { file, source }) };
        let inner = reader.get_mut().get_mut();
        let byte = inner.stream_position().map_err(|source| RecordingError::Open { file: file.clone(), source })?;
        if ends_in_zeros(inner.get_mut()).unwrap_or(false) {
            return Ok(Next::Torn);
        }
        Err(RecordingError::Damaged { file, byte, line: self.line, source })
    }
}

fn ends_in_zeros(file: &mut File) -> io::Result<bool> {
    let mut last = [0xff; ZEROS];
    file.seek(SeekFrom::End(-i64::try_from(ZEROS).unwrap_or(i64::MAX)))?;
    file.read_exact(&mut last)?;
    Ok(last == [0; ZEROS])
}
