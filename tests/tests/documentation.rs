//! The documentation says what is so: reference pages match the programs, links lead somewhere.
//!
//! `UPDATE_DOCS=1 cargo test -p system-tests --test documentation` writes the reference pages anew.

#![expect(clippy::unwrap_used, reason = "helpers of tests: a failure is the test's failure")]

use std::fs;
use std::path::{Path, PathBuf};

use shared_host::config::Schema;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn page(schema: &Schema) -> String {
    format!(
        "# Configuration of {}\n\nMade from the program's own table of keys. `{} init` writes the same as a commented file; \
         `{} check-config FILE`\nshows the value in effect and where it comes from. Any key can be overridden by environment: \
         `{}` overrides `mqtt.url`.\n\n{}",
        schema.program,
        schema.program,
        schema.program,
        schema.variable("mqtt.url"),
        schema.reference()
    )
}

#[test]
fn the_reference_pages_are_current() {
    for schema in [device_agent::config::SCHEMA, gateway_controller::config::SCHEMA] {
        let file = root().join(format!("docs/configuration/{}.md", schema.program));
        let page = page(&schema);
        if std::env::var_os("UPDATE_DOCS").is_some() {
            fs::write(&file, &page).unwrap();
        }
        let written = fs::read_to_string(&file).unwrap_or_default();
        assert!(written == page, "{} is out of date: run this test with UPDATE_DOCS=1", file.display());
    }
}

#[test]
fn every_link_to_a_file_leads_somewhere() {
    let mut pages = vec![root().join("README.md"), root().join("CHANGELOG.md")];
    for folder in [
        "docs",
        "docs/configuration",
        "cross",
        "deploy",
        "deploy/edgex",
        "deploy/image",
        "deploy/kubernetes",
        "deploy/kubernetes/checks",
        "deploy/monitoring",
        "shared-proto/vectors",
        "device-agent/examples/line-follower",
        "tests",
        "tests/fuzz",
    ] {
        let files = fs::read_dir(root().join(folder)).unwrap().map(|entry| entry.unwrap().path());
        pages.extend(files.filter(|file| file.extension().is_some_and(|extension| extension == "md")));
    }
    assert!(pages.len() > 8, "{pages:?}");
    for page in pages {
        let text = fs::read_to_string(&page).unwrap_or_else(|error| panic!("{}: {error}", page.display()));
        for target in text.split("](").skip(1).filter_map(|rest| rest.split([')', '#']).next()) {
            if target.is_empty() || target.contains("://") {
                continue;
            }
            assert!(page.parent().unwrap().join(target).exists(), "{}: no {target}", page.display());
        }
    }
}
