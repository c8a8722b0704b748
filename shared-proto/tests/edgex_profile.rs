//! `deploy/edgex/profile.yaml` is made from the table of resources: `UPDATE_DOCS=1 cargo test -p shared-proto --test edgex_profile`.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use shared_proto::dialect::edgex::{MODE, Membership, PROFILE, RESOURCES, Resource, SET_MODE, SOURCE};

fn profile() -> String {
    let mut yaml = format!(
        "# Made from the table in shared-proto/src/dialect/edgex by a test of it; do not edit. For EdgeX 3.x and 4.x.\n\
         # No resource has a defaultValue: with one, EdgeX would write that whenever a PUT lacks the key, and answer 200.\n\
         name: \"{PROFILE}\"\nmanufacturer: \"rt-agent\"\nmodel: \"device-agent\"\n\
         description: \"A periodic real-time task and its modes\"\nlabels: [\"real-time\"]\ndeviceResources:\n"
    );
    RESOURCES.iter().for_each(|resource| yaml += &described(resource));
    let members = RESOURCES.iter().filter(|resource| resource.in_metrics == Membership::Metrics);
    let metrics: Vec<_> = members.map(|resource| resource.name).collect();
    yaml += "deviceCommands:\n";
    yaml += &command(SOURCE, "R", &metrics);
    yaml += "  # Only written: for a readable one EdgeX would publish an event without metrics after each PUT.\n";
    yaml += &command(SET_MODE, "W", &[MODE]);
    yaml
}

fn described(resource: &Resource) -> String {
    let Resource { name, value_type, access, units, doc, .. } = resource;
    let units = units.map(|units| format!(", units: \"{units}\"")).unwrap_or_default();
    format!(
        "  - name: \"{name}\"\n    description: \"{doc}\"\n    isHidden: false\n    properties: \
         {{ valueType: \"{}\", readWrite: \"{}\"{units} }}\n",
        value_type.as_str(),
        access.as_str()
    )
}

fn command(name: &str, access: &str, resources: &[&str]) -> String {
    let mut yaml =
        format!("  - name: \"{name}\"\n    isHidden: false\n    readWrite: \"{access}\"\n    resourceOperations:\n");
    for resource in resources {
        let _ = writeln!(yaml, "      - {{ deviceResource: \"{resource}\" }}");
    }
    yaml
}

#[test]
fn the_profile_is_what_devices_speak() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/edgex/profile.yaml");
    let profile = profile();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&file, &profile).unwrap();
    }
    let written = fs::read_to_string(&file).unwrap_or_default();
    assert!(written == profile, "{} is out of date: run this test with UPDATE_DOCS=1", file.display());
}
