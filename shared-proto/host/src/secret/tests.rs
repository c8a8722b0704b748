use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::*;

fn file(directory: &TempDir, name: &str, content: &[u8], mode: u32) -> PathBuf {
    let path = directory.path().join(name);
    fs::write(&path, content).unwrap();
    fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
    path
}

fn place(path: &Path) -> Place {
    Place::from(path.to_owned())
}

#[test]
fn a_place_is_a_path_or_a_credential() {
    assert_eq!("/a/b".parse(), Ok(Place::Path("/a/b".into())));
    assert_eq!("relative".parse(), Ok(Place::Path("relative".into())));
    assert_eq!("credential:mqtt.key".parse(), Ok(Place::Credential("mqtt.key".to_owned())));
    assert_eq!("".parse::<Place>(), Err(PlaceError::Empty));
    for name in ["", ".", "..", "a/b", "a b", "../x"] {
        let wrong = format!("credential:{name}").parse::<Place>();
        assert_eq!(wrong, Err(PlaceError::Name { name: name.to_owned() }));
    }
    assert_eq!("credential:x".parse::<Place>().unwrap().to_string(), "credential:x");
}

#[test]
fn one_newline_at_the_end_of_a_line_is_cut() {
    let directory = tempfile::tempdir().unwrap();
    for (content, line) in [("pass", "pass"), ("pass\n", "pass"), ("pass\r\n", "pass"), (" pass \n\n", " pass \n")] {
        let place = place(&file(&directory, "password", content.as_bytes(), 0o600));
        assert_eq!(place.read_secret_line().unwrap().text().unwrap(), line);
        assert_eq!(place.read_secret().unwrap().text().unwrap(), content);
    }
    for content in ["", "\n", "\r\n"] {
        let path = file(&directory, "empty", content.as_bytes(), 0o600);
        assert!(matches!(place(&path).read_secret_line(), Err(FileError::Empty { .. })), "{content:?}");
    }
}

#[test]
fn a_secret_that_others_can_read_is_refused_with_its_mode_and_what_is_allowed() {
    let directory = tempfile::tempdir().unwrap();
    let path = file(&directory, "key", b"hush", 0o644);
    let error = place(&path).read_secret().unwrap_err().to_string();
    assert!(error.contains("0644") && error.contains("0600") && error.contains("key"), "{error}");
    assert!(!error.contains("hush"), "{error}");
    assert_eq!(place(&path).read_public().unwrap(), b"hush");
    for mode in [0o600, 0o400, 0o640] {
        let path = file(&directory, &format!("key-{mode:o}"), b"hush", mode);
        assert_eq!(place(&path).read_secret().unwrap().bytes(), b"hush");
    }
}

#[test]
fn a_credential_is_taken_as_systemd_made_it() {
    let directory = tempfile::tempdir().unwrap();
    // With an access control list the bits of the group show its mask.
    let path = file(&directory, "password", b"hush\n", 0o444);
    let credentials = Some(directory.path());
    let credential: Place = "credential:password".parse().unwrap();
    assert_eq!(credential.secret_line(credentials).unwrap().bytes(), b"hush");
    assert_eq!(place(&path).secret_line(credentials).unwrap().bytes(), b"hush");
    assert!(matches!(place(&path).secret_line(None), Err(FileError::Exposed { .. })));
    let error = credential.secret(None).unwrap_err().to_string();
    assert!(error.contains("$CREDENTIALS_DIRECTORY") && error.contains("LoadCredential=password:"), "{error}");
}

#[test]
fn what_is_no_file_or_too_large_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let missing = place(&directory.path().join("missing")).read_secret().unwrap_err().to_string();
    assert!(missing.contains("missing") && missing.contains("cannot read"), "{missing}");
    assert!(matches!(place(directory.path()).read_public(), Err(FileError::NoFile { .. })));
    let most = file(&directory, "most", &[b'x'; 64 * 1024], 0o600);
    assert_eq!(place(&most).read_secret().unwrap().bytes().len(), 64 * 1024);
    let more = file(&directory, "more", &[b'x'; 64 * 1024 + 1], 0o600);
    assert!(matches!(place(&more).read_secret(), Err(FileError::TooLarge { limit: 65_536, .. })));
}

#[test]
fn the_content_is_not_shown() {
    let secret = Secret::new("hush");
    assert_eq!(format!("{secret:?}"), "Secret(***)");
    assert!(!format!("{:?}", Secret::new([0xff]).text().unwrap_err()).contains("255"));
}
