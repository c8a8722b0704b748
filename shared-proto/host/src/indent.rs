//! JSON as people read it: a member or an element a line.

/// Indents JSON that has no blanks, such as `serde_json` writes. What is no JSON comes out somehow.
///
/// For text that is JSON already: reading it into types, only to write them again, is code for each of them.
#[must_use]
pub fn indented(json: &str) -> String {
    let mut text = String::new();
    let mut depth = 0_usize;
    let mut rest = json.chars().peekable();
    while let Some(character) = rest.next() {
        match character {
            '"' => {
                text.push('"');
                copy_string(&mut rest, &mut text);
            }
            '{' | '[' => {
                text.push(character);
                match rest.next_if(|next| matches!(next, '}' | ']')) {
                    Some(end) => text.push(end),
                    None => {
                        depth += 1;
                        new_line(&mut text, depth);
                    }
                }
            }
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                new_line(&mut text, depth);
                text.push(character);
            }
            ',' => {
                text.push(',');
                new_line(&mut text, depth);
            }
            ':' => text.push_str(": "),
            other => text.push(other),
        }
    }
    text
}

/// Up to and with the quote that ends it.
fn copy_string(rest: &mut impl Iterator<Item = char>, text: &mut String) {
    while let Some(character) = rest.next() {
        text.push(character);
        match character {
            '\\' => text.extend(rest.next()),
            '"' => return,
            _ => {}
        }
    }
}

fn new_line(text: &mut String, depth: usize) {
    text.push('\n');
    text.extend(std::iter::repeat_n("  ", depth));
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            any::<String>().prop_map(Value::from),
            "[{}\\[\\]:,\"\\\\ ]{0,8}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::hash_map(any::<String>(), inner, 0..4).prop_map(|members| json!(members)),
            ]
        })
    }

    proptest! {
        #[test]
        fn it_looks_as_serde_json_would_write_it(value in any_json()) {
            prop_assert_eq!(indented(&value.to_string()), serde_json::to_string_pretty(&value).unwrap());
        }

        #[test]
        fn no_text_makes_it_panic(text in "[{}\\[\\]:,\"\\\\a \n]{0,60}") {
            let _ = indented(&text);
        }
    }
}
