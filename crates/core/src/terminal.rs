//! Texts of others on a terminal.
//!
//! Names of models, classes, columns and files come from others. Control characters in them could move the cursor, change the title or
//! hide a line, and marks that reverse the direction of text could show a name that is not there.

use std::borrow::Cow;

/// `text` for a terminal: control characters and marks of direction become `\u{…}`. Line feeds, tabs, and sequences that only set a
/// style stay.
///
/// # Examples
/// ```
/// use ranktune_core::terminal::printable;
/// assert_eq!(printable("\u{1b}[1mbold\u{1b}[0m\n"), "\u{1b}[1mbold\u{1b}[0m\n");
/// assert_eq!(printable("a\u{1b}[2Jb"), "a\\u{1b}[2Jb");
/// ```
pub fn printable(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_unsafe) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + 16);
    let mut rest = text;
    while let Some(letter) = rest.chars().next() {
        let length = style_length(rest).unwrap_or(letter.len_utf8());
        let (piece, after) = rest.split_at(length);
        if is_unsafe(letter) && length == letter.len_utf8() {
            safe.extend(letter.escape_unicode());
        } else {
            safe.push_str(piece);
        }
        rest = after;
    }
    Cow::Owned(safe)
}

/// `text`, or its first `most` letters and `…`: a message that quotes a file must not flood the terminal.
///
/// # Examples
/// ```
/// use ranktune_core::terminal::shortened;
/// assert_eq!(shortened("abc", 3), "abc");
/// assert_eq!(shortened("abcd", 3), "abc…");
/// ```
pub fn shortened(text: &str, most: usize) -> Cow<'_, str> {
    match text.char_indices().nth(most) {
        Some((end, _)) => Cow::Owned(format!("{}…", &text[..end])),
        None => Cow::Borrowed(text),
    }
}

fn is_unsafe(letter: char) -> bool {
    let is_of_direction = matches!(letter, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    is_of_direction || (letter.is_control() && !matches!(letter, '\n' | '\t'))
}

/// The length of a sequence that sets a style, `ESC [ numbers m`, at the start of `text`.
fn style_length(text: &str) -> Option<usize> {
    let numbers = text.strip_prefix("\u{1b}[")?;
    let end = numbers.find(|letter: char| !letter.is_ascii_digit() && letter != ';')?;
    numbers[end..].starts_with('m').then_some(2 + end + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_but_styles_reaches_a_terminal() {
        for (text, expected) in [
            ("plain Straße 日本\n\tx", "plain Straße 日本\n\tx"),
            ("\u{1b}[38;5;9mred\u{1b}[m", "\u{1b}[38;5;9mred\u{1b}[m"),
            ("\u{1b}]0;title\u{7}", "\\u{1b}]0;title\\u{7}"),
            ("\u{1b}[1;", "\\u{1b}[1;"),
            ("a\rb\u{8}\u{7f}\u{9b}2J", "a\\u{d}b\\u{8}\\u{7f}\\u{9b}2J"),
            ("gpj\u{202e}exe", "gpj\\u{202e}exe"),
        ] {
            assert_eq!(printable(text), expected, "{text:?}");
        }
    }
}
