//! Numbers and lines for the table.

/// Columns of the widest line.
pub(super) const WIDTH: usize = 110;

/// A number with so many significant digits, without needless exponent; infinity as `inf`.
pub(crate) fn significant(value: f64, digits: u8) -> String {
    if value == 0.0 {
        return "0".to_owned();
    }
    if !value.is_finite() {
        return format!("{value}");
    }
    let digits = i32::from(digits.max(1));
    // The exponent is taken after rounding: 99.96 with 3 digits is 100.
    let exponent = format!("{value:.*e}", usize::try_from(digits - 1).unwrap_or(0))
        .rsplit_once('e')
        .and_then(|(_, exponent)| exponent.parse::<i32>().ok())
        .unwrap_or(0);
    if (-3..7).contains(&exponent) {
        let decimals = usize::try_from(digits - 1 - exponent).unwrap_or(0);
        format!("{value:.decimals$}")
    } else {
        format!("{value:.1e}")
    }
}

/// A number with at most three significant digits, without needless zeros or exponent.
pub(crate) fn plain(value: f64) -> String {
    let text = significant(value, 3);
    let (number, exponent) = text.split_at(text.find('e').unwrap_or(text.len()));
    let number = if number.contains('.') { number.trim_end_matches('0').trim_end_matches('.') } else { number };
    format!("{number}{exponent}")
}

/// The confidence `1 - alpha` in percent, with as many decimals as tell it from 100.
pub(crate) fn confidence(alpha: f64) -> String {
    if alpha < 1e-6 {
        return "over 99.9999".to_owned();
    }
    let percent = (1.0 - alpha) * 100.0;
    let mut decimals = 2;
    while decimals < 6 && alpha * 100.0 < 0.5 * 10f64.powi(1 - decimals) {
        decimals += 1;
    }
    let text = format!("{percent:.*}", usize::try_from(decimals).unwrap_or(2));
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// So many things: `1 run`, `5 runs`.
pub(crate) fn count(number: impl TryInto<u64>, thing: &str) -> String {
    let number = number.try_into().unwrap_or(u64::MAX);
    if number == 1 { format!("1 {thing}") } else { format!("{number} {thing}s") }
}

/// A probability: three decimals, or a bound.
pub(crate) fn probability(p: f64) -> String {
    if p < 0.001 { "<0.001".to_owned() } else { format!("{p:.3}") }
}

/// Breaks text into lines of at most [`WIDTH`] columns; lines after the first are indented. Control characters, which names
/// from a file might hold, become `?`.
pub(super) fn wrapped(text: &str, indent: usize) -> String {
    let clean: String = text.chars().map(|c| if c.is_control() { '?' } else { c }).collect();
    let mut lines = String::new();
    let (mut column, mut at_start) = (0, true);
    for word in clean.split(' ').filter(|word| !word.is_empty()) {
        if !at_start && column + 1 + word.chars().count() > WIDTH {
            column = new_line(&mut lines, indent);
        } else if !at_start {
            lines.push(' ');
            column += 1;
        }
        for c in word.chars() {
            // A word longer than a line is cut.
            if column == WIDTH {
                column = new_line(&mut lines, indent);
            }
            lines.push(c);
            column += 1;
        }
        at_start = false;
    }
    lines.push('\n');
    lines
}

/// Begins a line and returns its column.
fn new_line(lines: &mut String, indent: usize) -> usize {
    lines.push('\n');
    lines.extend(std::iter::repeat_n(' ', indent));
    indent
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn significant_digits() {
        let cases = [
            (0.0, 3, "0"),
            (1.0, 3, "1.00"),
            (99.96, 3, "100"),
            (12_345.6, 4, "12346"),
            (0.012_34, 2, "0.012"),
            (-0.5, 2, "-0.50"),
            (0.000_012_3, 3, "1.2e-5"),
            (1.5e9, 4, "1.5e9"),
            (f64::INFINITY, 3, "inf"),
        ];
        for (value, digits, expected) in cases {
            assert_eq!(significant(value, digits), expected, "{value}");
        }
        for (value, expected) in [(0.05, "0.05"), (10.0, "10"), (100.0, "100"), (0.1, "0.1"), (1e-300, "1e-300")] {
            assert_eq!(plain(value), expected);
        }
        let alphas = [(0.05, "95"), (0.0123, "98.77"), (0.001, "99.9"), (1e-5, "99.999"), (1e-300, "over 99.9999")];
        for (alpha, expected) in alphas {
            assert_eq!(confidence(alpha), expected);
        }
        assert_eq!((count(1u32, "run"), count(0u64, "job")), ("1 run".to_owned(), "0 jobs".to_owned()));
        assert_eq!((probability(0.000_9), probability(0.0079)), ("<0.001".to_owned(), "0.008".to_owned()));
    }

    #[test]
    fn no_line_is_too_long_and_no_word_is_lost() {
        let text = format!("- {} {} end\u{1b}", "word ".repeat(60), "x".repeat(300));
        let lines = wrapped(&text, 2);
        assert!(lines.lines().all(|line| line.chars().count() <= WIDTH), "{lines}");
        assert!(lines.lines().skip(1).all(|line| line.starts_with("  ")));
        assert_eq!(lines.matches("word").count(), 60);
        assert_eq!(lines.matches('x').count(), 300);
        assert!(lines.ends_with("end?\n"));
    }
}
