//! What a journal needs of a directory. The real one is [`Directory`](super::Directory); [`MemoryFiles`](super::MemoryFiles)
//! can lose power.

use std::io;

/// A file of the directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileEntry {
    /// Its name.
    pub name: String,
    /// Its size in bytes.
    pub bytes: u64,
}

/// A directory of files. What is written or renamed is safe from a power cut once it is synced.
pub trait Files: Send {
    /// The files, in any order.
    ///
    /// # Errors
    /// The directory cannot be read.
    fn list(&mut self) -> io::Result<Vec<FileEntry>>;

    /// All bytes of a file.
    ///
    /// # Errors
    /// The file is not there or cannot be read.
    fn read(&mut self, name: &str) -> io::Result<Vec<u8>>;

    /// `length` bytes of a file from `at` on.
    ///
    /// # Errors
    /// The file is not there, is shorter, or cannot be read.
    fn read_at(&mut self, name: &str, at: u64, length: usize) -> io::Result<Vec<u8>>;

    /// Creates an empty file, in place of an older one of this name.
    ///
    /// # Errors
    /// It cannot be created.
    fn create(&mut self, name: &str) -> io::Result<()>;

    /// Writes at `at`, the end of the file.
    ///
    /// # Errors
    /// Not all of it could be written; some of it may have been.
    fn append(&mut self, name: &str, at: u64, bytes: &[u8]) -> io::Result<()>;

    /// Makes the content of a file safe (fsync).
    ///
    /// # Errors
    /// It is not known what is safe.
    fn sync(&mut self, name: &str) -> io::Result<()>;

    /// Makes the names of the directory safe (fsync of the directory).
    ///
    /// # Errors
    /// It is not known what is safe.
    fn sync_directory(&mut self) -> io::Result<()>;

    /// Gives a file another name, in place of a file that has it.
    ///
    /// # Errors
    /// It keeps its name.
    fn rename(&mut self, from: &str, to: &str) -> io::Result<()>;

    /// Removes a file.
    ///
    /// # Errors
    /// It stays.
    fn remove(&mut self, name: &str) -> io::Result<()>;
}
