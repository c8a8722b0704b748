//! Tables as CSV (RFC 4180).

use super::document::Table;

/// The table with its head; lines end with CR LF.
pub(super) fn csv(table: &Table) -> String {
    let mut out = String::new();
    line(&mut out, table.head.iter().map(String::as_str));
    for row in &table.rows {
        line(&mut out, row.iter().map(super::document::Cell::text));
    }
    out
}

fn line<'a>(out: &mut String, cells: impl Iterator<Item = &'a str>) {
    for (position, cell) in cells.enumerate() {
        if position > 0 {
            out.push(',');
        }
        out.push_str(&field(cell));
    }
    out.push_str("\r\n");
}

/// Quoted where needed. What a spreadsheet would take for a formula gets an apostrophe in front, unless it is a number.
fn field(text: &str) -> String {
    let is_formula = text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']) && text.parse::<f64>().is_err();
    let text = if is_formula { format!("'{text}") } else { text.to_owned() };
    if text.contains([',', '"', '\n', '\r', ';']) || is_formula {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cell_is_a_formula() {
        let cases = [
            ("=HYPERLINK(\"http://x\")", "\"'=HYPERLINK(\"\"http://x\"\")\""),
            ("+1+cmd|' /C calc'!A0", "\"'+1+cmd|' /C calc'!A0\""),
            ("-2.5", "-2.5"),
            ("+0.1", "+0.1"),
            ("-1;2", "\"'-1;2\""),
            ("@SUM(A1)", "\"'@SUM(A1)\""),
            ("\tx", "\"'\tx\""),
            ("a,b", "\"a,b\""),
            ("plain words", "plain words"),
        ];
        for (text, expected) in cases {
            assert_eq!(field(text), expected);
        }
    }
}
