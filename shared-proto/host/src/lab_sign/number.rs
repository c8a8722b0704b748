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
    let scientific = format!("{number:e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    match exponent.parse::<i16>() {
        Ok(-4..=15) | Err(_) => {
            let fixed = number.to_string();
            out.push_str(&fixed);
            // A whole number keeps its type.
            if !fixed.contains('.') {
                out.push_str(".0");
            }
        }
        Ok(exponent) => out.push_str(&format!("{digits}e{exponent:+03}")),
    }
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
