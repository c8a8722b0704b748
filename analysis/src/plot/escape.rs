//! Text for HTML and XML.

/// The text as it may stand between tags and in quoted attributes, of HTML and XML alike. Control characters, which neither allows,
/// and those that turn the direction of writing become `?`.
#[must_use]
pub fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c if c.is_control() || turns(c) => out.push('?'),
            c => out.push(c),
        }
    }
    out
}

/// Marks of writing direction, and what XML forbids.
fn turns(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{fffe}' | '\u{ffff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_leaves_its_place() {
        let hostile = "</text><script>alert('1')</script>\"&\u{0}\u{1b}[31m\u{202e}";
        let told = escaped(hostile);
        assert_eq!(told, "&lt;/text&gt;&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;&quot;&amp;??[31m?");
        assert_eq!(escaped("Grüße, µs"), "Grüße, µs");
    }
}
