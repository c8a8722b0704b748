//! Words for the shell of another machine.

/// The word in single quotes, so that any shell takes it as it is.
pub(super) fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn a_shell_gives_the_word_back() {
        for word in ["", "plain", "two words", "it's", "$(id)`id`$HOME", "a\nb", "\\'\"", "*", "'; rm -rf /; '"] {
            let said = Command::new("sh").args(["-c", &format!("printf %s {}", quoted(word))]).output().unwrap();
            assert_eq!(String::from_utf8(said.stdout).unwrap(), word);
        }
    }
}
