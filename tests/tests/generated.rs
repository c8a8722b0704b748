//! Code that is made from other files is what these files make today.
//!
//! `UPDATE_GENERATED=1 cargo test -p system-tests --test generated` makes it anew.

use std::fs;
use std::path::Path;

/// No protoc: protox reads the messages in Rust.
#[test]
fn kubeedges_messages_are_made_from_their_proto_file() {
    let controller = Path::new(env!("CARGO_MANIFEST_DIR")).join("../gateway-controller");
    let messages = protox::compile(["dmi.proto"], [controller.join("proto")]).unwrap();
    let directory = tempfile::tempdir().unwrap();
    tonic_prost_build::configure().build_transport(false).out_dir(directory.path()).compile_fds(messages).unwrap();
    let made = fs::read_to_string(directory.path().join("v1beta1.rs")).unwrap();
    let file = controller.join("src/kubeedge/dmi/v1beta1.rs");
    if std::env::var_os("UPDATE_GENERATED").is_some() {
        fs::write(&file, &made).unwrap();
    }
    let kept = fs::read_to_string(&file).unwrap_or_default();
    assert!(kept == made, "{} is out of date: run this test with UPDATE_GENERATED=1", file.display());
}
