use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use rustls::pki_types::{ServerName, UnixTime};
use rustls::{AlertDescription, CertificateError, Error};
use tempfile::TempDir;

use super::*;
use crate::mqtt::Options;

/// A folder of `deploy/credentials` with a device.
struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        for arguments in [vec!["init", ".", "--gateway", "broker.example"], vec!["device", ".", "pi-01"]] {
            let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../deploy/credentials");
            let output = Command::new(script).args(&arguments).current_dir(folder.0.path()).output().unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        }
        folder
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn tls(&self, ca: &str, cert: &str, key: &str) -> Tls {
        let place = |name: &str| Place::from(self.path(name));
        Tls { ca: Some(place(ca)), identity: Some(Identity { cert: place(cert), key: place(key) }) }
    }

    fn problem(&self, ca: &str, cert: &str, key: &str) -> String {
        self.tls(ca, cert, key).check().unwrap_err().to_string()
    }
}

const CA: &str = "ca.crt";
const CERT: &str = "devices/pi-01/client.crt";
const KEY: &str = "devices/pi-01/client.key";

#[test]
fn what_credentials_makes_can_be_used() {
    let folder = Folder::new();
    folder.tls(CA, CERT, KEY).check().unwrap();
    Tls { identity: None, ..folder.tls(CA, CERT, KEY) }.check().unwrap();
}

#[test]
fn every_file_that_cannot_be_used_is_named_with_its_fault_and_without_its_content() {
    let folder = Folder::new();
    fs::write(folder.path("text"), "nothing of use").unwrap();
    fs::write(folder.path("broken"), "-----BEGIN CERTIFICATE-----\nsecret!\n-----END CERTIFICATE-----\n").unwrap();
    fs::copy(folder.path(KEY), folder.path("open.key")).unwrap();
    fs::set_permissions(folder.path("open.key"), Permissions::from_mode(0o644)).unwrap();
    fs::set_permissions(folder.path("text"), Permissions::from_mode(0o600)).unwrap();
    for ((ca, cert, key), words) in [
        (("missing", CERT, KEY), ["certificate authorities: ", "missing: cannot read"]),
        (("text", CERT, KEY), ["certificate authorities: ", "text: no certificate in it"]),
        (("broken", CERT, KEY), ["certificate authorities: ", "broken: it is not valid PEM"]),
        ((KEY, CERT, KEY), ["certificate authorities: ", "no certificate in it"]),
        ((CA, "missing", KEY), ["client certificate: ", "missing: cannot read"]),
        ((CA, "text", KEY), ["client certificate: ", "text: no certificate in it"]),
        ((CA, CERT, "missing"), ["client key: ", "missing: cannot read"]),
        ((CA, CERT, "text"), ["client key: ", "text: no private key in it"]),
        ((CA, CERT, CERT), ["client key: ", "no private key in it"]),
        ((CA, CERT, "open.key"), ["client key: ", "mode 0644"]),
        ((CA, CERT, "gateway/client.key"), ["client certificate and key: ", "is not that of"]),
    ] {
        let problem = folder.problem(ca, cert, key);
        assert!(words.iter().all(|word| problem.contains(word)), "{ca} {cert} {key}: {problem}");
        assert!(!problem.contains("secret!") && !problem.contains("nothing of use"), "{problem}");
    }
}

#[test]
fn files_are_read_anew_each_time() {
    let folder = Folder::new();
    let tls = folder.tls(CA, CERT, KEY);
    tls.check().unwrap();
    fs::write(folder.path(CERT), "").unwrap();
    assert!(tls.check().is_err());
}

#[test]
fn each_refusal_says_what_to_do() {
    let name = |name: &str| ServerName::try_from(name.to_owned()).unwrap();
    let at = |seconds| UnixTime::since_unix_epoch(Duration::from_secs(seconds));
    let expired = |not_after| CertificateError::ExpiredContext { time: at(10 * 24 * 3600), not_after: at(not_after) };
    let wrong_name = CertificateError::NotValidForNameContext {
        expected: name("broker"),
        presented: vec!["DnsName(\"other\")".to_owned(), "IpAddress(::1)".to_owned()],
    };
    let mut with_identity = Options::new("mqtts://broker".parse().unwrap(), "one");
    let without = with_identity.clone();
    with_identity.tls = Tls {
        ca: Some(Path::new("/x/ca.crt").to_owned().into()),
        identity: Some(Identity { cert: "/x/c.crt".parse().unwrap(), key: "/x/c.key".parse().unwrap() }),
    };
    for (error, options, words) in [
        (Error::InvalidCertificate(CertificateError::UnknownIssuer), &without, SYSTEM_CA_FILE),
        (Error::InvalidCertificate(CertificateError::UnknownIssuer), &with_identity, "no authority in /x/ca.crt"),
        (Error::InvalidCertificate(expired(0)), &without, "has expired 10 days ago"),
        (Error::InvalidCertificate(expired(10 * 24 * 3600 - 1)), &without, "within the last day"),
        (Error::InvalidCertificate(CertificateError::NotValidYet), &without, "clock right?"),
        (Error::InvalidCertificate(wrong_name), &without, "not for broker but for other, ::1; use"),
        (Error::AlertReceived(AlertDescription::CertificateRequired), &without, "demands a client certificate"),
        (Error::AlertReceived(AlertDescription::HandshakeFailure), &without, "demands a client certificate"),
        (Error::AlertReceived(AlertDescription::UnknownCA), &with_identity, "/x/c.crt: it does not know the CA"),
        (Error::AlertReceived(AlertDescription::CertificateExpired), &with_identity, "/x/c.crt: it has expired"),
        (Error::AlertReceived(AlertDescription::ProtocolVersion), &without, "version 1.2"),
        (Error::InvalidMessage(rustls::InvalidMessage::InvalidContentType), &without, "port for mqtt://?"),
    ] {
        let told = describe(&error, options);
        assert!(told.contains(words), "{error:?}: {told}");
    }
}
