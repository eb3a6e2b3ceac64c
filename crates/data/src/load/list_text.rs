//! Lists that a table holds as text: `["a", 1]` in JSON, or `['a', 1]` as Python prints it.

use serde_json::Value;

use super::table::ValueKind;

/// The kinds and texts of the items, or `None` if the text is not a list of texts and numbers.
pub(super) fn parse(text: &str) -> Option<Vec<(ValueKind, String)>> {
    match serde_json::from_str::<Vec<Value>>(text) {
        Ok(items) => items.iter().map(from_json).collect(),
        Err(_) => from_python(text),
    }
}

fn from_json(item: &Value) -> Option<(ValueKind, String)> {
    match item {
        Value::String(text) => Some((ValueKind::Text, text.clone())),
        Value::Bool(value) => Some((ValueKind::Bool, value.to_string())),
        Value::Number(number) => {
            let text = number.to_string();
            Some((
                if number.is_f64() {
                    ValueKind::Float
                } else {
                    ValueKind::Int
                },
                text,
            ))
        }
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

fn from_python(text: &str) -> Option<Vec<(ValueKind, String)>> {
    let mut rest = text.trim().strip_prefix('[')?.strip_suffix(']')?.trim();
    let mut items = Vec::new();
    while !rest.is_empty() {
        let item;
        (item, rest) = match rest.chars().next() {
            Some(quote @ ('\'' | '"')) => {
                let (text, rest) = quoted(&rest[1..], quote)?;
                ((ValueKind::Text, text), rest)
            }
            _ => {
                let end = rest.find([',', '\'', '"', '[', '{', '(']).unwrap_or(rest.len());
                let word = rest[..end].trim();
                let kind = ValueKind::of_text(word);
                if word.is_empty() || kind == ValueKind::Text {
                    return None;
                }
                ((kind, word.to_owned()), &rest[end..])
            }
        };
        items.push(item);
        rest = rest.trim_start();
        match rest.strip_prefix(',') {
            Some(after) => rest = after.trim_start(),
            None if rest.is_empty() => {}
            None => return None,
        }
    }
    Some(items)
}

/// The text up to the closing quote, and what follows.
fn quoted(text: &str, quote: char) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((at, char)) = chars.next() {
        match char {
            '\\' => match chars.next()?.1 {
                'n' => value.push('\n'),
                't' => value.push('\t'),
                escaped @ ('\\' | '\'' | '"') => value.push(escaped),
                // Other escapes follow rules of Python.
                _ => return None,
            },
            _ if char == quote => return Some((value, &text[at + char.len_utf8()..])),
            _ => value.push(char),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_and_python_lists_are_read() {
        for (text, expected) in [
            ("[]", vec![]),
            ("[ ]", vec![]),
            ("[\"a\", \"b, c\"]", vec!["a", "b, c"]),
            ("['a', 'b, c']", vec!["a", "b, c"]),
            ("['it\\'s', \"it's\", ]", vec!["it's", "it's"]),
            ("[1, 2]", vec!["1", "2"]),
            ("['é', 1.5]", vec!["é", "1.5"]),
        ] {
            let items: Vec<String> = parse(text).unwrap().into_iter().map(|item| item.1).collect();
            assert_eq!(items, expected, "{text}");
        }
    }

    #[test]
    fn other_texts_are_no_lists() {
        for text in [
            "[a]",
            "['a'",
            "['a' 'b']",
            "[['a']]",
            "[,]",
            "['a\\x00']",
            "a",
            "[null]",
            "[{}]",
            "['a', nan]",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
