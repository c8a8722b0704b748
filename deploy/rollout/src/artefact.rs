//! What is to be installed: a program for some machine, known by its hash.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::release::ReleaseName;

/// Digits of the hash that name a release.
const NAME_DIGITS: usize = 16;

/// A program to install.
#[derive(Debug, Clone)]
pub struct Artefact {
    /// The file.
    pub file: PathBuf,
    /// Its signature, by `minisign`.
    pub signature: Proof,
    /// SHA-256 in hexadecimal.
    pub sha256: String,
    /// Size in bytes.
    pub bytes: u64,
    /// What it runs on.
    pub target: Target,
}

/// How a device shall know that the program is from whom it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Proof {
    /// By this signature file.
    Signed(PathBuf),
    /// Not at all; only a device without a trusted key takes that.
    Unsigned,
}

/// What a program runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// An interpreter, which is the same everywhere.
    Script,
    /// The machine of an ELF header (`e_machine`).
    Machine(u16),
}

/// Why a file is no artefact.
#[derive(Debug, thiserror::Error)]
pub enum ArtefactError {
    /// It cannot be read.
    #[error("{}: {reason}", file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// What the system says.
        #[source]
        reason: std::io::Error,
    },
    /// It is something else.
    #[error("{}: neither a program (ELF) nor a script (#!)", file.display())]
    NoProgram {
        /// The file.
        file: PathBuf,
    },
}

impl Artefact {
    /// Reads a file.
    ///
    /// # Errors
    /// [`ArtefactError`] if it, or its signature, cannot be read, or is no program.
    pub fn read(file: &Path, signature: Proof) -> Result<Self, ArtefactError> {
        let unreadable = |file: &Path| {
            let file = file.to_owned();
            move |reason| ArtefactError::Unreadable { file, reason }
        };
        if let Proof::Signed(path) = &signature {
            fs::metadata(path).map_err(unreadable(path))?;
        }
        let content = fs::read(file).map_err(unreadable(file))?;
        let target = Target::of(&content).ok_or_else(|| ArtefactError::NoProgram { file: file.to_owned() })?;
        let sha256 = Sha256::digest(&content).iter().fold(String::new(), |mut text, byte| {
            // Writing to a string cannot fail.
            let _ = write!(text, "{byte:02x}");
            text
        });
        let bytes = u64::try_from(content.len()).unwrap_or(u64::MAX);
        Ok(Self { file: file.to_owned(), signature, sha256, bytes, target })
    }

    /// What the release is called on a device: the first digits of its hash, so that equal programs have one name.
    #[must_use]
    pub fn release(&self) -> ReleaseName {
        ReleaseName::from_hash(self.sha256.get(..NAME_DIGITS).unwrap_or(&self.sha256))
    }
}

impl Target {
    fn of(content: &[u8]) -> Option<Self> {
        if content.starts_with(b"#!") {
            return Some(Self::Script);
        }
        if !content.starts_with(b"\x7fELF") {
            return None;
        }
        let machine: [u8; 2] = content.get(18..20)?.try_into().ok()?;
        // EI_DATA: 1 is little-endian, 2 big-endian.
        match content.get(5)? {
            1 => Some(Self::Machine(u16::from_le_bytes(machine))),
            2 => Some(Self::Machine(u16::from_be_bytes(machine))),
            _ => None,
        }
    }

    /// Whether a machine that calls itself so (`uname -m`) may run it. A 64-bit kernel may have a 32-bit system, so that the
    /// last word is that of the new program itself, which has to check the configuration before it is installed.
    #[must_use]
    pub fn fits(self, machine: &str) -> bool {
        const I386: u16 = 3;
        const ARM: u16 = 40;
        const X86_64: u16 = 62;
        const AARCH64: u16 = 183;
        const RISCV: u16 = 243;
        match self {
            Self::Script => true,
            Self::Machine(number) => match machine {
                "x86_64" => matches!(number, X86_64 | I386),
                "aarch64" => matches!(number, AARCH64 | ARM),
                "riscv64" => number == RISCV,
                arm if arm.starts_with("arm") => number == ARM,
                // What this list does not know is left to that last word.
                _ => true,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn elf(data: u8, machine: [u8; 2]) -> Vec<u8> {
        let mut content = vec![0; 64];
        content[..4].copy_from_slice(b"\x7fELF");
        content[5] = data;
        content[18..20].copy_from_slice(&machine);
        content
    }

    #[test]
    fn the_header_tells_the_machine() {
        let arm64 = Target::of(&elf(1, [183, 0])).unwrap();
        assert_eq!(arm64, Target::Machine(183));
        assert_eq!(Target::of(&elf(2, [0, 183])), Some(arm64));
        assert!(arm64.fits("aarch64") && !arm64.fits("x86_64") && !arm64.fits("armv7l"));
        let arm = Target::Machine(40);
        assert!(arm.fits("armv7l") && arm.fits("aarch64") && !arm.fits("x86_64"));
        assert!(Target::of(b"#!/bin/sh\n").unwrap().fits("anything"));
    }

    #[test]
    fn other_files_are_no_programs() {
        for content in [&b""[..], b"\x7fELF", b"hello", &elf(7, [62, 0])] {
            assert_eq!(Target::of(content), None);
        }
    }
}
