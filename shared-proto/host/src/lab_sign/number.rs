//! Numbers as Python prints them.

use super::Refusal;

/// Prints a JSON number as Python does after reading it: whole numbers of any size as they are, others with the fewest digits that
/// give the same 64-bit floating point number, with an exponent below 1e-4 and from 1e16 on.
pub(super) fn print_number(token: &str, out: &mut String) -> Result<(), Refusal> {
    if !token.contains(['.', 'e', 'E']) {
        // The only whole number that JSON has two spellings of.
        out.push_str(if token == "-0" { "0" } else { token });
        return Ok(());
    }
    match token.parse::<f64>() {
        Ok(number) if number.is_finite() => {
            print_float(number, out);
            Ok(())
        }
        _ => Err(Refusal::Malformed(format!("{} is too large a number", shortened(token)))),
    }
}

fn print_float(number: f64, out: &mut String) {
    let scientific = shortest(number);
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i16 = exponent.parse().unwrap_or_default();
    if !(-4..16).contains(&exponent) {
        out.push_str(&format!("{mantissa}e{exponent:+03}"));
        return;
    }

    let (sign, mantissa) = mantissa.strip_prefix('-').map_or(("", mantissa), |mantissa| ("-", mantissa));
    let digits = mantissa.replace('.', "");
    out.push_str(sign);
    match usize::try_from(exponent) {
        Ok(exponent) => {
            let (whole, decimals) = digits.split_at_checked(exponent + 1).unwrap_or((&digits, ""));
            // A whole number keeps its type.
            let decimals = if decimals.is_empty() { "0" } else { decimals };
            out.push_str(&format!("{whole:0<width$}.{decimals}", width = exponent + 1));
        }
        Err(_) => {
            let zeros = usize::from(exponent.unsigned_abs()) - 1;
            out.push_str(&format!("0.{:0<zeros$}{digits}", ""));
        }
    }
}

/// The fewest digits that give the same number, in scientific form.
fn shortest(number: f64) -> String {
    let shortest = format!("{number:e}");
    let digits = shortest.bytes().take_while(|byte| *byte != b'e').filter(u8::is_ascii_digit).count();
    // Of two such texts at the same distance Rust takes the greater one, Python the even one, as rounding does.
    let rounded = format!("{number:.*e}", digits.saturating_sub(1));
    if rounded.parse() == Ok(number) { rounded } else { shortest }
}

/// The beginning of a token, for an error.
fn shortened(token: &str) -> String {
    if token.len() > 24 { format!("{}…", token.get(..24).unwrap_or_default()) } else { token.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_spelt_as_python_spells_them() {
        for (token, expected) in [
            ("0", "0"),
            ("-0", "0"),
            ("-0.0", "-0.0"),
            ("-0e5", "-0.0"),
            ("1E2", "100.0"),
            ("1.50", "1.5"),
            ("0.0001", "0.0001"),
            ("0.00001", "1e-05"),
            ("0.000012345", "1.2345e-05"),
            ("999999999999999.9", "999999999999999.9"),
            ("1e15", "1000000000000000.0"),
            ("9999999999999998.0", "9999999999999998.0"),
            ("1e16", "1e+16"),
            ("123456789012345678.0", "1.2345678901234568e+17"),
            ("5e-324", "5e-324"),
            ("1e-400", "0.0"),
            ("1.7976931348623157e308", "1.7976931348623157e+308"),
            ("0.1", "0.1"),
            ("0.30000000000000004", "0.30000000000000004"),
            ("2e23", "2e+23"),
            // Halfway between two texts of the same length.
            ("600000000000000.2", "600000000000000.2"),
            ("600000000000000.3", "600000000000000.2"),
            ("600000000000000.75", "600000000000000.8"),
            ("-9007199254740993.0", "-9007199254740992.0"),
            // A power of two: what lies nearest above is nearer than what lies below.
            ("5.684341886080801e-14", "5.684341886080801e-14"),
            ("5.6843418860808015e-14", "5.684341886080802e-14"),
            ("18446744073709551616", "18446744073709551616"),
        ] {
            let mut out = String::new();
            print_number(token, &mut out).unwrap();
            assert_eq!(out, expected, "{token}");
        }
        for beyond in ["1e309", "-1e400"] {
            assert!(matches!(print_number(beyond, &mut String::new()), Err(Refusal::Malformed(_))), "{beyond}");
        }
    }
}
