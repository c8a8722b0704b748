//! Whoever finds a warning in a log finds it in docs/operations.md too, with what to do about it.

#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests: a failure is the test's failure")]

use std::fs;
use std::path::{Path, PathBuf};

/// The folders whose logs an operator reads.
const SOURCES: [&str; 3] = ["shared-proto/host/src", "device-agent/src", "gateway-controller/src"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// All Rust files below a folder but those of tests.
fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if path.is_dir() && name != "tests" {
            sources(&path, found);
        } else if name.ends_with(".rs") && name != "tests.rs" {
            found.push(path);
        }
    }
}

/// The messages of `macro_name!` in a source: of each call the literal that is an argument by itself.
fn messages(source: &str, macro_name: &str) -> Vec<String> {
    let code = source.split("\n#[cfg(test)]\nmod tests {").next().unwrap();
    let call = format!("{macro_name}!(");
    let calls = code.split(&call).skip(1);
    calls.map(|call| message(call).unwrap_or_else(|| panic!("{macro_name}! without a message: {call:.200}"))).collect()
}

fn message(arguments: &str) -> Option<String> {
    let (mut rest, mut before, mut depth) = (arguments, ',', 0);
    loop {
        let character = rest.chars().next()?;
        rest = rest.get(character.len_utf8()..)?;
        if character == '"' {
            let (literal, after) = literal(rest)?;
            // Not the value of a field, nor an argument of a call.
            if before == ',' && depth == 0 {
                return Some(literal);
            }
            rest = after;
        }
        match character {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' if depth == 0 => return None,
            ')' | ']' | '}' => depth -= 1,
            _ => {}
        }
        if !character.is_whitespace() {
            before = character;
        }
    }
}

/// Up to the closing quote, with lines joined where a backslash ends one; and what follows.
fn literal(text: &str) -> Option<(String, &str)> {
    let mut literal = String::new();
    let mut characters = text.char_indices().peekable();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Some((literal, text.get(at + 1..)?)),
            '\\' => match characters.next()?.1 {
                '\n' => while characters.next_if(|(_, c)| c.is_whitespace()).is_some() {},
                escaped => literal.push(escaped),
            },
            other => literal.push(other),
        }
    }
    None
}

#[test]
fn every_warning_is_explained() {
    let page = fs::read_to_string(root().join("docs/operations.md")).unwrap();
    let mut files = Vec::new();
    SOURCES.iter().for_each(|folder| sources(&root().join(folder), &mut files));
    let mut count = 0;
    for file in files {
        let source = fs::read_to_string(&file).unwrap();
        for level in ["error", "warn", "info"] {
            for message in messages(&source, level) {
                count += 1;
                let place = file.display();
                assert!(
                    page.contains(&format!("`{message}`")),
                    "{place}: docs/operations.md lacks the line `{message}` ({level})"
                );
            }
        }
    }
    assert!(count > 20, "only {count} log lines found");
}

#[test]
fn messages_are_found_whatever_stands_around_them() {
    let source = r#"
        warn!("plain");
        tracing::warn!(%error, path = "x", count(a, "b"), "a \"quoted\" one, \
              and {more}", 7);
        warn!(
            x,
            "last"
        );
        #[cfg(test)]
mod tests {
        warn!("of a test");
    "#;
    assert_eq!(
        messages(&source.replace("        #[cfg", "#[cfg"), "warn"),
        ["plain", "a \"quoted\" one, and {more}", "last"]
    );
}
