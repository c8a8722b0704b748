//! The guest's disk in memory: a cpio archive in the format that the kernel unpacks (newc), made without further tools.
//! The kernel's description: Documentation/driver-api/early-userspace/buffer-format.rst.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

const DIRECTORY: u32 = 0o040_755;
const FILE: u32 = 0o100_000;

/// An archive under way.
pub(super) struct Archive {
    bytes: Vec<u8>,
    entries: u32,
}

impl Archive {
    pub(super) fn new() -> Self {
        Self { bytes: Vec::new(), entries: 0 }
    }

    /// Adds what is in a folder of this machine, below `name` (empty, or `modules` for example).
    pub(super) fn folder(&mut self, name: &str, folder: &Path) {
        if !name.is_empty() {
            self.entry(name, DIRECTORY, &[]);
        }
        let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        for entry in entries {
            let path = entry.expect("an entry of a folder").path();
            let own = path.file_name().and_then(|name| name.to_str()).expect("a name in UTF-8");
            let name = if name.is_empty() { own.to_owned() } else { format!("{name}/{own}") };
            if path.is_dir() {
                self.folder(&name, &path);
            } else {
                let content = fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
                let mode = fs::metadata(&path).expect("a file's mode").permissions().mode() & 0o777;
                self.entry(&name, FILE | mode, &content);
            }
        }
    }

    /// Adds a file.
    pub(super) fn file(&mut self, name: &str, content: &str) {
        self.entry(name, FILE | 0o644, content.as_bytes());
    }

    /// Adds an empty folder.
    pub(super) fn empty_folder(&mut self, name: &str) {
        self.entry(name, DIRECTORY, &[]);
    }

    /// The archive.
    pub(super) fn finish(mut self) -> Vec<u8> {
        self.entry("TRAILER!!!", 0, &[]);
        self.bytes
    }

    fn entry(&mut self, name: &str, mode: u32, content: &[u8]) {
        self.entries += 1;
        let length = |bytes: usize| u32::try_from(bytes).expect("a file of less than 4 GiB");
        // Number, mode, owner, group, links, time, size, four device numbers, length of the name, checksum (unused).
        let name_length = length(name.len() + 1);
        let fields = [self.entries, mode, 0, 0, 1, 0, length(content.len()), 0, 0, 0, 0, name_length, 0];
        self.bytes.extend(b"070701");
        self.bytes.extend(fields.iter().flat_map(|field| format!("{field:08X}").into_bytes()));
        self.bytes.extend(name.as_bytes());
        self.bytes.push(0);
        self.pad();
        self.bytes.extend(content);
        self.pad();
    }

    fn pad(&mut self) {
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
    }
}
