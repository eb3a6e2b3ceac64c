//! What a target makes of an input, and what an error message must look like whatever the input is.

use std::error::Error;

/// What became of an input that neither panicked nor aborted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Whether any reader accepted it.
    pub is_read: bool,
    /// The messages of the readers that refused it, causes included.
    pub messages: Vec<String>,
}

/// The longest message: a file must not flood the terminal with its own content.
const LONGEST: usize = 4000;

/// What only a panic says.
const OF_PANICS: [&str; 4] = ["panicked", "out of range for slice", "called `Option", "called `Result"];

impl Outcome {
    /// Counts a reader's result.
    pub fn add<T, E: Error>(&mut self, result: Result<T, E>) -> Option<T> {
        match result {
            Ok(value) => {
                self.is_read = true;
                Some(value)
            }
            Err(error) => {
                self.messages.push(ranktune_core::one_line(&error));
                None
            }
        }
    }

    /// What is wrong with a message, if anything: it is empty, floods the terminal, or shows the text of a panic.
    pub fn fault(&self) -> Option<String> {
        let fault = |message: &String| {
            let what = if message.trim().is_empty() {
                "an error without a message".to_owned()
            } else if message.len() > LONGEST {
                format!("a message of {} bytes: {:.200}…", message.len(), message)
            } else if let Some(text) = OF_PANICS.iter().find(|text| message.contains(**text)) {
                format!("a message with the text of a panic ({text}): {message}")
            } else {
                return None;
            };
            Some(what)
        };
        self.messages.iter().find_map(fault)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_that_say_nothing_or_too_much_are_faults() {
        let of = |message: &str| Outcome {
            is_read: false,
            messages: vec![message.to_owned()],
        };
        assert_eq!(of("a.npy: the file is empty").fault(), None);
        for message in [" ", &"x".repeat(5000), "the thread panicked at src/lib.rs"] {
            assert!(of(message).fault().is_some(), "{message:.40}");
        }
    }
}
