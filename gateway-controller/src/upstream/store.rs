//! Windows in a directory, a file each: `BOOT-SEQ.new`, or `.sent` if the window may have been sent. Its content is the message.
//!
//! A file appears whole or not at all, and is on the disk before the next step.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fs::{self, File, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use shared_host::json;
use shared_proto::ids::{BootId, SiteId};
use shared_proto::limits::MAX_SITE;
use shared_proto::wire::Site;

use super::spool::{Change, History, Key};

/// Held while the directory is in use.
const LOCK: &str = "lock";
/// Under this name a file is written.
const SCRATCH: &str = "writing";

/// The directory.
#[derive(Debug)]
pub(super) struct Store {
    directory: PathBuf,
    /// Its lock goes with it.
    _lock: File,
}

/// Why a directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another process has it.
    #[error("{path} is in use by another process")]
    InUse {
        /// The directory.
        path: PathBuf,
    },
    /// The system refuses something.
    #[error("{path}: {source}")]
    Io {
        /// What could not be used.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// What was found in the directory.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Run after run, the earliest first.
    pub(super) windows: Vec<(Site, History)>,
    /// Files that hold none, or one of another site; they stay where they are.
    pub(super) unreadable: Vec<PathBuf>,
}

impl Store {
    /// Opens a directory, which is made if it is not there, and reads what is in it.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(super) fn open(directory: &Path, site: &SiteId) -> Result<(Self, Found), StoreError> {
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |source| StoreError::Io { path, source }
        };
        fs::create_dir_all(directory).map_err(failed(directory))?;
        let place = directory.join(LOCK);
        let lock = File::options().create(true).truncate(false).write(true).open(&place).map_err(failed(&place))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(StoreError::InUse { path: directory.to_owned() }),
            Err(TryLockError::Error(source)) => return Err(StoreError::Io { path: place, source }),
        }
        let mut found = Found::default();
        for entry in fs::read_dir(directory).map_err(failed(directory))? {
            let path = entry.map_err(failed(directory))?.path();
            let Some(history) = history_of(&path) else { continue };
            match read(&path).filter(|window| window.site == *site) {
                Some(window) => found.windows.push((window, history)),
                None => found.unreadable.push(path),
            }
        }
        let store = Self { directory: directory.to_owned(), _lock: lock };
        store.tidy(&mut found.windows).map_err(failed(directory))?;
        Ok((store, found))
    }

    /// Whoever ended between two steps left a window twice, or beside the one that it was merged into.
    fn tidy(&self, windows: &mut Vec<(Site, History)>) -> io::Result<()> {
        // Of those that begin alike the one that covers most comes first, and of two alike the one that may have been sent.
        windows.sort_by_key(|(window, history)| {
            (window.boot, window.after(), Reverse(window.seq), *history == History::Unsent)
        });
        let mut covered: Option<(BootId, u64)> = None;
        let mut gone = Vec::new();
        windows.retain(|(window, history)| {
            if covered.is_some_and(|(boot, up_to)| boot == window.boot && window.seq <= up_to) {
                gone.push(((window.boot, window.seq), *history));
                return false;
            }
            covered = Some((window.boot, window.seq));
            true
        });
        for (key, history) in gone {
            remove(&self.file(key, history))?;
        }
        // The runs by the time of their first window, each in its order: clocks of a machine without a battery begin again and again.
        let mut begin: BTreeMap<BootId, u64> = BTreeMap::new();
        for (window, _) in &*windows {
            let first = begin.entry(window.boot).or_insert(window.t_ms);
            *first = (*first).min(window.t_ms);
        }
        windows.sort_by_key(|(window, _)| (begin.get(&window.boot).copied(), window.boot, window.seq));
        Ok(())
    }

    /// Forgets a window, if the disk takes nothing any more: better lost with the process than merged after it was sent.
    pub(super) fn forget(&self, key: Key) -> io::Result<()> {
        remove(&self.file(key, History::Unsent))
    }

    /// Makes a change, and returns when it is on the disk.
    ///
    /// # Errors
    /// The system's.
    pub(super) fn make(&self, change: &Change) -> io::Result<()> {
        match change {
            Change::Keep(window, history) => {
                let key = (window.boot, window.seq);
                let text = json::encode(&**window, MAX_SITE).map_err(io::Error::other)?;
                let scratch = self.directory.join(SCRATCH);
                let mut file = File::create(&scratch)?;
                file.write_all(&text)?;
                file.sync_data()?;
                fs::rename(&scratch, self.file(key, *history))?;
                if *history == History::MayHaveBeenSent {
                    remove(&self.file(key, History::Unsent))?;
                }
            }
            Change::Drop(key) => {
                remove(&self.file(*key, History::Unsent))?;
                remove(&self.file(*key, History::MayHaveBeenSent))?;
            }
        }
        File::open(&self.directory)?.sync_all()
    }

    fn file(&self, (boot, seq): Key, history: History) -> PathBuf {
        let end = match history {
            History::Unsent => "new",
            History::MayHaveBeenSent => "sent",
        };
        self.directory.join(format!("{boot}-{seq:020}.{end}"))
    }
}

fn history_of(path: &Path) -> Option<History> {
    match path.extension()?.to_str()? {
        "new" => Some(History::Unsent),
        "sent" => Some(History::MayHaveBeenSent),
        _ => None,
    }
}

fn read(path: &Path) -> Option<Site> {
    // Longer than any that was written here.
    if fs::metadata(path).ok()?.len() > u64::try_from(MAX_SITE).ok()? {
        return None;
    }
    json::decode_site(&fs::read(path).ok()?).ok()
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
