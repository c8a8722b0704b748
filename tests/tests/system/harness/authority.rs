//! A certificate authority of `deploy/credentials`, and what it would never sign.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use tempfile::TempDir;

use super::run::{run, tool};

/// The authority's folder.
pub(crate) struct Authority(TempDir);

/// What a certificate may be used for.
#[derive(Clone, Copy)]
pub(crate) enum Purpose {
    /// By a broker of this name.
    Broker(&'static str),
    /// By a client of this name.
    Client(&'static str),
}

/// When a certificate is valid.
#[derive(Clone, Copy)]
pub(crate) enum Validity {
    /// For a month of the year 2020.
    Past,
    /// From 2020 to 2049.
    Present,
}

impl Authority {
    /// An authority, a broker on this machine, the gateway, and the devices `device1` and `device2`.
    pub(crate) fn new() -> Self {
        let authority = Self(tempfile::tempdir().expect("a temporary directory"));
        authority.credentials(&["init", ".", "--gateway", "localhost"]);
        authority.credentials(&["device", ".", "device1"]);
        authority.credentials(&["device", ".", "device2"]);
        authority
    }

    /// A file of it.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// The same, as text.
    pub(crate) fn file(&self, name: &str) -> String {
        self.path(name).to_str().expect("a path in UTF-8").to_owned()
    }

    /// `deploy/credentials`.
    pub(crate) fn credentials(&self, arguments: &[&str]) {
        let mut command = tool(concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy/credentials"), []);
        command.args(arguments).current_dir(self.0.path());
        run(command).success();
    }

    /// Signs a certificate in place of `certificate`, for the key `key`.
    pub(crate) fn sign(&self, key: &str, certificate: &str, purpose: Purpose, validity: Validity) {
        let (name, extensions) = match purpose {
            Purpose::Broker(name) => ("broker", format!("extendedKeyUsage = serverAuth\nsubjectAltName = DNS:{name}")),
            Purpose::Client(name) => (name, "extendedKeyUsage = clientAuth".to_owned()),
        };
        let (start, end) = match validity {
            Validity::Past => ("20200101000000Z", "20200201000000Z"),
            Validity::Present => ("20200101000000Z", "20491231000000Z"),
        };
        fs::write(self.path("database"), "").expect("a file");
        let config = format!(
            "[req]\nprompt = no\ndistinguished_name = name\n[name]\nCN = {name}\n[ca]\ndefault_ca = default\n\
             [default]\ndatabase = database\nnew_certs_dir = .\nrand_serial = yes\nunique_subject = no\ndefault_md = sha256\n\
             policy = policy\nx509_extensions = extensions\n[policy]\ncommonName = supplied\n\
             [extensions]\nbasicConstraints = critical, CA:FALSE\n{extensions}\n"
        );
        fs::write(self.path("config"), config).expect("a file");
        self.openssl(&["req", "-new", "-config", "config", "-key", key, "-out", "request"]);
        let dates = ["-startdate", start, "-enddate", end];
        let signer = ["ca", "-batch", "-notext", "-config", "config", "-cert", "ca.crt", "-keyfile", "ca.key"];
        let files = ["-in", "request", "-out", certificate];
        self.openssl(&[&signer[..], &dates, &files].concat());
    }

    fn openssl(&self, arguments: &[&str]) {
        let mut command: Command = tool("openssl", []);
        command.args(arguments).current_dir(self.0.path());
        run(command).success();
    }
}
