//! `device-agent verify`: whether whoever holds the key made this program. The installed agent says it of the one that is to
//! follow, so no device needs a program besides.

use std::fmt::Display;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use super::{Failure, print};
use crate::cli::Verify;
use crate::minisign::{PublicKey, Signature};

/// Bytes read at once.
const CHUNK: usize = 64 * 1024;

pub(super) fn verify(options: &Verify) -> Result<(), Failure> {
    let artefact = &options.artefact;
    let beside = || PathBuf::from(format!("{}.minisig", artefact.display()));
    let signature_file = options.signature.clone().unwrap_or_else(beside);
    let key = PublicKey::decode(&text(&options.public_key)?).map_err(at(&options.public_key))?;
    let signature = Signature::decode(&text(&signature_file)?).map_err(at(&signature_file))?;
    let mut verifier = key.verifier(&signature).map_err(at(&signature_file))?;
    let mut file = File::open(artefact).map_err(at(artefact))?;
    let mut chunk = vec![0; CHUNK];
    loop {
        let length = file.read(&mut chunk).map_err(at(artefact))?;
        match chunk.get(..length) {
            None | Some([]) => break,
            Some(bytes) => verifier.update(bytes),
        }
    }
    verifier.finish().map_err(|_| {
        Failure::failed(format_args!(
            "{}: not what was signed: {} does not fit it and {}",
            artefact.display(),
            signature_file.display(),
            options.public_key.display()
        ))
    })?;
    print(&format!("{}: signed ({})\n", artefact.display(), signature.comment()))
}

fn text(path: &Path) -> Result<String, Failure> {
    fs::read_to_string(path).map_err(at(path))
}

fn at<E: Display>(path: &Path) -> impl Fn(E) -> Failure {
    move |error| Failure::failed(format_args!("{}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "untrusted comment: minisign public key 1160C5A3D30EFC28\n\
        RWQo/A7To8VgER+EaISfxORgde+LDXUg5gMo+7nnGGOvWu825VH+X8HU\n";
    /// By minisign 0.11, of "hello\n".
    const SIGNATURE: &str = "untrusted comment: signature from minisign secret key\n\
        RUQo/A7To8VgERQ2tuT1x92fnDOoTTpKHej26b2pesNgYRLLgHnMDGien0AnRmcYurRXWAhoHUaNSt1uKB3UYEHUVYv7SUN8+AM=\n\
        trusted comment: release of a test\n\
        kNcKBxQRQDMY/CVfPD+7cdzc1pUzBeuCd40SnKpNvcux0wYk+qh/x9KRq+tkdB8u1Tdt1IjC17fk92cXZdUOBw==\n";

    fn verified(content: &str, signature: &str, key: &str) -> Result<(), String> {
        let dir = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| {
            let path = dir.path().join(name);
            fs::write(&path, text).unwrap();
            path
        };
        let (public_key, artefact) = (file("key", key), file("agent", content));
        file("agent.minisig", signature);
        match verify(&Verify { public_key, signature: None, artefact }) {
            Ok(()) => Ok(()),
            Err(Failure::Failed(why)) => Err(why),
            Err(other) => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_was_signed_is_taken_and_nothing_else() {
        assert_eq!(verified("hello\n", SIGNATURE, KEY), Ok(()));
        assert!(verified("hello", SIGNATURE, KEY).unwrap_err().contains("not what was signed"));
        let other_comment = SIGNATURE.replace("of a test", "of nobody");
        assert!(verified("hello\n", &other_comment, KEY).is_err());
        let other_key = KEY.replace("RWQo/A7To8VgER+E", "RWQo/A7To8VgER+F");
        assert!(verified("hello\n", SIGNATURE, &other_key).is_err());
        for nothing in ["", "hello", "untrusted comment: x\n"] {
            assert!(verified("hello\n", nothing, KEY).unwrap_err().contains("agent.minisig"));
            assert!(verified("hello\n", SIGNATURE, nothing).unwrap_err().contains("key"));
        }
    }

    #[test]
    fn why_a_signature_is_not_taken() {
        let cut = SIGNATURE.replace("AM=\n", "==\n");
        let unsigned_comment = SIGNATURE.replace("trusted comment: release", "comment: release");
        for (signature, why) in [
            (SIGNATURE.replace("RUQ", "RWQ"), "an old signature"),
            (SIGNATURE.replace("RUQ", "RUR"), "another key"),
            (SIGNATURE.replace("RUQ", "AUQ"), "not written by minisign"),
            (cut, "not written by minisign"),
            (unsigned_comment, "not written by minisign"),
            (SIGNATURE.replace("RUQo", "RUQ*"), "not written by minisign"),
        ] {
            let told = verified("hello\n", &signature, KEY).unwrap_err();
            assert!(told.contains(why), "{signature}: {told}");
        }
    }
}
