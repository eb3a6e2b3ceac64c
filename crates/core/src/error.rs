//! What the error types of all crates share.
//!
//! Every crate has an opaque `Error` with a `#[non_exhaustive]` kind. An error shows what happened; its cause is in
//! [`source`](std::error::Error::source) only, so that a chain never prints it twice.

use std::error::Error;

/// The cause that an error keeps.
pub type BoxError = Box<dyn Error + Send + Sync>;

/// The longest message, in characters. It may quote a name, a header or a cell of a file, whatever its length.
const LONGEST: usize = 1500;

/// The message of an error, without the end of one that would flood the terminal.
pub fn bounded(message: impl Into<String>) -> String {
    let message = message.into();
    match message.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &message[..end]),
        None => message,
    }
}

/// An error and its causes on one line, joined by `: `. A cause that the text before it already contains is left out.
///
/// # Examples
/// ```
/// let error = "x".parse::<i32>().unwrap_err();
/// assert_eq!(ranktune_core::one_line(&error), "invalid digit found in string");
/// ```
pub fn one_line(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let inner_text = inner.to_string();
        if !text.contains(&inner_text) {
            text.push_str(": ");
            text.push_str(&inner_text);
        }
        cause = inner.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fmt;

    #[derive(Debug)]
    struct Layer(&'static str, Option<Box<Layer>>);

    impl fmt::Display for Layer {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(self.0)
        }
    }

    impl Error for Layer {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            self.1.as_deref().map(|cause| cause as _)
        }
    }

    #[test]
    fn a_message_that_quotes_a_whole_file_is_cut() {
        assert_eq!(bounded("a.csv: the file is empty"), "a.csv: the file is empty");
        let cut = bounded("ä".repeat(5000));
        assert_eq!((cut.chars().count(), cut.ends_with('…')), (LONGEST + 1, true));
    }

    #[test]
    fn causes_follow_in_order_and_a_repeated_one_is_left_out() {
        let error = Layer(
            "a.csv: cannot be read",
            Some(Box::new(Layer(
                "cannot be read",
                Some(Box::new(Layer("permission denied", None))),
            ))),
        );
        assert_eq!(one_line(&error), "a.csv: cannot be read: permission denied");
    }
}
