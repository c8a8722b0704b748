//! No circles between the modules of a crate: who reads one folder need not read those that stand above it.

#![expect(clippy::unwrap_used, reason = "helpers of tests: a failure is the test's failure")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Which module uses which.
type Uses = BTreeMap<String, BTreeSet<String>>;

const CRATES: [&str; 8] = [
    "shared-proto",
    "shared-proto/host",
    "analysis",
    "device-agent",
    "gateway-controller",
    "demo",
    "deploy/rollout",
    "tests",
];

#[test]
fn no_module_needs_one_that_needs_it() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut circles = Vec::new();
    for name in CRATES {
        let uses = uses(&root.join(name).join("src"));
        assert!(uses.len() > 1, "{name}: no modules found");
        circles.extend(circle(&uses).map(|circle| format!("{name}: {}", circle.join(" -> "))));
    }
    assert!(circles.is_empty(), "{circles:#?}");
}

#[test]
fn a_circle_is_found() {
    let uses = |pairs: &[(&str, &str)]| {
        let mut uses = Uses::new();
        for (module, used) in pairs {
            uses.entry((*module).to_owned()).or_default().insert((*used).to_owned());
        }
        uses
    };
    assert_eq!(circle(&uses(&[("a", "b"), ("a", "c"), ("b", "c")])), None);
    let round = circle(&uses(&[("a", "b"), ("b", "c"), ("c", "b")])).unwrap();
    assert_eq!(round, ["b", "c", "b"]);
}

#[test]
fn what_is_used_is_read_from_code_alone() {
    let modules: BTreeSet<String> = ["gpio", "rt", "spool"].map(str::to_owned).into();
    let text = "//! See [`crate::spool`].\nuse crate::{gpio::Line, rt};\n#[cfg(test)]\nmod tests {\n    use crate::spool;\n}\n";
    assert_eq!(used(text, &modules), ["gpio", "rt"].map(str::to_owned).into());
}

/// The modules of a crate, each with those that it uses. Tests may look at everything.
fn uses(source: &Path) -> Uses {
    let name = |path: &Path| path.file_stem().unwrap().to_str().unwrap().to_owned();
    let entries: Vec<PathBuf> = fs::read_dir(source).unwrap().map(|entry| entry.unwrap().path()).collect();
    let modules: BTreeSet<String> =
        entries.iter().map(|path| name(path)).filter(|name| !["lib", "main", "bin"].contains(&name.as_str())).collect();
    let mut uses = Uses::new();
    for path in entries.iter().filter(|path| modules.contains(&name(path))) {
        let module = name(path);
        let mut used: BTreeSet<String> =
            files(path).iter().flat_map(|file| used(&fs::read_to_string(file).unwrap(), &modules)).collect();
        used.remove(&module);
        uses.insert(module, used);
    }
    uses
}

/// The file, or all files of the folder, but those of tests alone.
fn files(path: &Path) -> Vec<PathBuf> {
    let tests_alone = ["tests", "tests.rs", "story", "simulation.rs"];
    if path.is_file() {
        return vec![path.to_owned()];
    }
    let entries = fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path());
    let entries = entries.filter(|path| !tests_alone.contains(&path.file_name().unwrap().to_str().unwrap()));
    entries.flat_map(|path| files(&path)).filter(|path| path.extension().is_some_and(|it| it == "rs")).collect()
}

/// The modules that a text names as `crate::module` or in `crate::{…}`, comments and tests left out.
fn used(text: &str, modules: &BTreeSet<String>) -> BTreeSet<String> {
    let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    let code: String =
        code.lines().map(|line| line.split("//").next().unwrap_or_default()).collect::<Vec<_>>().join("\n");
    let mut found = BTreeSet::new();
    for rest in code.split("crate::").skip(1) {
        let path = if rest.starts_with('{') { rest.split(';').next().unwrap_or_default() } else { word(rest) };
        found.extend(path.split(|it: char| !is_of_word(it)).filter(|word| modules.contains(*word)).map(str::to_owned));
    }
    found
}

fn word(text: &str) -> &str {
    text.split(|it: char| !is_of_word(it)).next().unwrap_or_default()
}

fn is_of_word(it: char) -> bool {
    it.is_ascii_alphanumeric() || it == '_'
}

/// A way from a module back to itself, if there is one.
fn circle(uses: &Uses) -> Option<Vec<String>> {
    uses.keys().find_map(|start| way(uses, start, &mut vec![start.clone()], &mut BTreeSet::new()))
}

fn way(uses: &Uses, start: &str, so_far: &mut Vec<String>, seen: &mut BTreeSet<String>) -> Option<Vec<String>> {
    let here = so_far.last()?.clone();
    for next in uses.get(&here)? {
        so_far.push(next.clone());
        if next == start {
            return Some(so_far.clone());
        }
        if seen.insert(next.clone())
            && let Some(found) = way(uses, start, so_far, seen)
        {
            return Some(found);
        }
        so_far.pop();
    }
    None
}
