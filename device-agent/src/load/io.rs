//! Load on the disk: threads that write, flush and read back.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{Builder, JoinHandle};

use crate::sys::{forget_cached, is_in_memory};

/// What a round writes before it flushes and reads back.
const ROUND_BYTES: usize = 4 << 20;
const BLOCK_BYTES: usize = 64 << 10;

/// Threads that load a disk until they are dropped. Their files have no name, so that nothing is left behind, however the
/// program ends.
pub struct IoLoad {
    threads: Vec<JoinHandle<io::Result<()>>>,
    end: Arc<AtomicBool>,
    dir: PathBuf,
}

/// The disk could not be loaded.
#[derive(Debug, thiserror::Error)]
#[error("cannot load the disk at {}: {error}", dir.display())]
pub struct IoLoadError {
    /// The folder.
    pub dir: PathBuf,
    /// What the system says.
    #[source]
    pub error: io::Error,
}

impl IoLoad {
    /// Starts `threads` threads that write to files in `dir`.
    ///
    /// # Errors
    /// [`IoLoadError`] if no file can be made there.
    pub fn start(dir: &Path, threads: usize) -> Result<Self, IoLoadError> {
        let end = Arc::new(AtomicBool::new(false));
        let mut load = Self { threads: Vec::new(), end, dir: dir.to_owned() };
        if is_in_memory(dir).map_err(|error| load.failed(error))? {
            let error = io::Error::new(io::ErrorKind::Unsupported, "it lies in memory (tmpfs), not on a disk");
            return Err(load.failed(error));
        }
        for number in 0..threads {
            let file = nameless(dir, number).map_err(|error| load.failed(error))?;
            let end = Arc::clone(&load.end);
            let thread = Builder::new().name("io-load".into()).spawn(move || rounds(file, &end));
            load.threads.push(thread.map_err(|error| load.failed(error))?);
        }
        Ok(load)
    }

    /// Ends the load.
    ///
    /// # Errors
    /// [`IoLoadError`] if a thread had to give up on the way: then the load was less than wanted.
    pub fn finish(mut self) -> Result<(), IoLoadError> {
        match self.join() {
            Ok(()) => Ok(()),
            Err(error) => Err(self.failed(error)),
        }
    }

    fn join(&mut self) -> io::Result<()> {
        self.end.store(true, Ordering::Relaxed);
        let mut outcome = Ok(());
        for thread in self.threads.drain(..) {
            // The threads do not panic.
            outcome = outcome.and(thread.join().unwrap_or(Ok(())));
        }
        outcome
    }

    fn failed(&self, error: io::Error) -> IoLoadError {
        IoLoadError { dir: self.dir.clone(), error }
    }
}

impl Drop for IoLoad {
    fn drop(&mut self) {
        // Whoever wants to know the outcome calls `finish`.
        let _ = self.join();
    }
}

fn nameless(dir: &Path, number: usize) -> io::Result<File> {
    let path = dir.join(format!(".device-agent-load-{}-{number}", std::process::id()));
    let file = OpenOptions::new().read(true).write(true).create_new(true).open(&path)?;
    fs::remove_file(&path)?;
    Ok(file)
}

fn rounds(mut file: File, end: &AtomicBool) -> io::Result<()> {
    let mut block = vec![0xA5u8; BLOCK_BYTES];
    while !end.load(Ordering::Relaxed) {
        file.seek(SeekFrom::Start(0))?;
        for _ in 0..ROUND_BYTES / BLOCK_BYTES {
            file.write_all(&block)?;
        }
        file.sync_data()?;
        forget_cached(&file)?;
        file.seek(SeekFrom::Start(0))?;
        for _ in 0..ROUND_BYTES / BLOCK_BYTES {
            file.read_exact(&mut block)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_load_leaves_nothing_behind() {
        let dir = tempfile::tempdir_in("/var/tmp").unwrap();
        if is_in_memory(dir.path()).unwrap() {
            return println!("NOT TESTED: /var/tmp lies in memory here");
        }
        let load = IoLoad::start(dir.path(), 2).unwrap();
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0, "the files have no names");
        load.finish().unwrap();
    }

    #[test]
    fn a_folder_in_memory_is_no_disk() {
        let shm = Path::new("/dev/shm");
        if is_in_memory(shm).unwrap_or(false) {
            let Err(error) = IoLoad::start(shm, 1) else { panic!("took memory for a disk") };
            assert!(error.to_string().contains("in memory"), "{error}");
        }
    }

    #[test]
    fn a_folder_that_is_not_there_is_named() {
        let Err(error) = IoLoad::start(Path::new("/nowhere/at/all"), 1) else { panic!("took a missing folder") };
        assert!(error.to_string().contains("/nowhere/at/all"), "{error}");
    }
}
