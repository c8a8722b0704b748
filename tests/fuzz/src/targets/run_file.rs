//! Run files, ours and cyclictest's: what can be read is written as a run file, reads as the same again, and can be compared.

use analysis::{Question, Source, compare};

/// Beyond this comparisons take so long that little else gets tried.
const MAX_RUNS: usize = 4;

/// A file for `device-agent compare`.
pub fn run_file(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let source = match Source::parse("fuzz", text) {
        Ok(source) => source,
        Err(error) => return assert!(error.to_string().starts_with("fuzz: "), "{error}"),
    };
    let written = serde_json::to_string(source.file()).expect("a run file can be written");
    let again = Source::parse("again", &written).expect("what was written can be read");
    assert_eq!(again.file(), source.file());
    if source.file().runs.len() > MAX_RUNS {
        return;
    }
    match compare(&[again], &[source], &Question::default()) {
        Ok(comparison) => assert!(!comparison.table().to_string().is_empty()),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}
