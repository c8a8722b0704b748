//! `device-agent verify`: whether whoever holds the key made this program. The installed agent says it of the one that is to
//! follow, so no device needs a program besides.

use std::fmt::Display;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use minisign_verify::{PublicKey, Signature};

use super::{Failure, print};
use crate::cli::Verify;

/// Bytes read at once.
const CHUNK: usize = 64 * 1024;

pub(super) fn verify(options: &Verify) -> Result<(), Failure> {
    let artefact = &options.artefact;
    let beside = || PathBuf::from(format!("{}.minisig", artefact.display()));
    let signature_file = options.signature.clone().unwrap_or_else(beside);
    let key = PublicKey::decode(&text(&options.public_key)?).map_err(at(&options.public_key))?;
    let signature = Signature::decode(&text(&signature_file)?).map_err(at(&signature_file))?;
    let mut verifier = key.verify_stream(&signature).map_err(at(&signature_file))?;
    let mut file = File::open(artefact).map_err(at(artefact))?;
    let mut chunk = vec![0; CHUNK];
    loop {
        let length = file.read(&mut chunk).map_err(at(artefact))?;
        match chunk.get(..length) {
            None | Some([]) => break,
            Some(bytes) => verifier.update(bytes),
        }
    }
    verifier.finalize().map_err(|_| {
        Failure::failed(format_args!(
            "{}: not what was signed: {} does not fit it and {}",
            artefact.display(),
            signature_file.display(),
            options.public_key.display()
        ))
    })?;
    print(&format!("{}: signed ({})\n", artefact.display(), signature.trusted_comment()))
}

fn text(path: &Path) -> Result<String, Failure> {
    fs::read_to_string(path).map_err(at(path))
}

fn at<E: Display>(path: &Path) -> impl Fn(E) -> Failure {
    move |error| Failure::failed(format_args!("{}: {error}", path.display()))
}
