//! JSON inside of a `<script>` element, and characters that an HTML file must not have.

/// JSON without its layout that no HTML parser takes for markup: inside of strings, `<` and characters that HTML forbids are escaped as
/// JSON allows. Numbers keep their digits, because they are not read.
pub(crate) fn json(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut is_string = false;
    let mut is_escaped = false;
    for letter in text.chars() {
        if !is_string && letter.is_ascii_whitespace() {
            continue;
        }
        if letter == '"' && !is_escaped {
            is_string = !is_string;
        }
        is_escaped = is_string && letter == '\\' && !is_escaped;
        if letter == '<' || is_forbidden(letter) {
            let mut units = [0; 2];
            for unit in letter.encode_utf16(&mut units) {
                out.push_str(&format!("\\u{unit:04x}"));
            }
        } else {
            out.push(letter);
        }
    }
    out
}

/// The page with U+FFFD for characters that HTML forbids. JSON has none of them any more.
pub(crate) fn allowed(page: &str) -> String {
    if !page.chars().any(is_forbidden) {
        return page.to_owned();
    }
    page.chars()
        .map(|letter| {
            if is_forbidden(letter) {
                char::REPLACEMENT_CHARACTER
            } else {
                letter
            }
        })
        .collect()
}

/// Control characters, except for line breaks and tabs, and noncharacters (HTML standard, 13.2.3.5).
fn is_forbidden(letter: char) -> bool {
    let code = u32::from(letter);
    (letter.is_control() && !matches!(letter, '\n' | '\t'))
        || (0xFDD0..=0xFDEF).contains(&code)
        || code & 0xFFFE == 0xFFFE
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    #[test]
    fn embedded_json_is_the_same_value_and_cannot_close_its_element() {
        let value = json!({
            "a b": "</script><!-- <script> \"quoted\" \\ \u{7f} \u{fffe} \u{1fffe} \n é 🦀",
            "back\\": ["\\\"", 1.5e-7, null, true, 0.618_410_984_310_913_8],
        });
        let text = json(&serde_json::to_string_pretty(&value).unwrap());
        assert!(!text.contains('<') && !text.contains("\n"), "{text}");
        assert!(!text.chars().any(is_forbidden));
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), value);
    }

    #[test]
    fn numbers_keep_their_digits() {
        assert_eq!(
            json("{ \"x\" : 0.1000000000000000055 }"),
            "{\"x\":0.1000000000000000055}"
        );
    }

    #[test]
    fn forbidden_characters_are_replaced() {
        assert_eq!(
            allowed("a\u{1b}[31m\n\tb\u{0}\u{ffff}"),
            "a\u{fffd}[31m\n\tb\u{fffd}\u{fffd}"
        );
    }
}
