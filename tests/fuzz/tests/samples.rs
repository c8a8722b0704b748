//! Every target over its samples and over what once failed, with the ordinary compiler.

use std::fs;
use std::path::Path;

use fuzz::TARGETS;

fn folder(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

#[test]
fn every_target_takes_its_samples() {
    for target in TARGETS {
        let samples = target.samples();
        assert!(!samples.is_empty(), "{} has no samples", target.name);
        for (name, content) in samples {
            println!("{}: {name}", target.name);
            (target.run)(&content);
        }
    }
}

/// Cheap stand-ins for the fuzzer: every sample cut at many places, and with single bytes changed.
#[test]
fn every_target_takes_damaged_samples() {
    const PLACES: usize = 40;
    for target in TARGETS {
        for (name, content) in target.samples() {
            println!("{}: {name}", target.name);
            for at in (0..content.len()).step_by(content.len() / PLACES + 1) {
                let (start, end) = content.split_at(at);
                (target.run)(start);
                (target.run)(end);
                for byte in [0, b'"', b'9', 0xff] {
                    (target.run)(&[start, &[byte], end.get(1..).unwrap_or_default()].concat());
                }
            }
        }
    }
}

#[test]
fn every_target_has_its_binary_and_no_folder_is_left_over() {
    let manifest = fs::read_to_string(folder("libfuzzer/Cargo.toml")).unwrap();
    for target in TARGETS {
        assert!(
            manifest.contains(&format!("name = \"{}\"\n", target.name)),
            "libfuzzer/Cargo.toml lacks {}",
            target.name
        );
        let main = fs::read_to_string(folder(&format!("libfuzzer/targets/{}.rs", target.name))).unwrap();
        assert!(main.contains("fuzz_target!"), "{main}");
    }
    assert_eq!(manifest.matches("[[bin]]").count(), TARGETS.len());
    for kind in ["samples", "regressions"] {
        for entry in fs::read_dir(folder(kind)).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            assert!(TARGETS.iter().any(|target| target.name == name), "{kind}/{name} belongs to no target");
        }
    }
}
