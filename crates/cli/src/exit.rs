//! Exit codes, and the text of errors.

use ranktune_core::terminal::shortened;

/// The longest error that is printed, in characters. Libraries quote what they could not read, whatever its length.
const LONGEST: usize = 4000;

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Everything was done.
    Done,
    /// Done, but something was skipped and is listed.
    Skipped,
    /// The input or the arguments are unusable; nothing was written.
    Unusable,
    /// Interrupted with Ctrl-C; finished work is kept.
    Interrupted,
}

impl Exit {
    /// The exit code of the process.
    pub(crate) fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Skipped => 1,
            Self::Unusable => 2,
            Self::Interrupted => 130,
        }
    }
}

/// An error, and its causes on lines of their own.
pub fn text_of(error: &dyn std::error::Error) -> String {
    let mut text = shortened(&error.to_string(), LONGEST).into_owned();
    let mut source = error.source();
    while let Some(error) = source {
        source = error.source();
        let cause = shortened(&error.to_string(), LONGEST).into_owned();
        // An error may quote its cause.
        if !text.contains(&cause) {
            text.push_str(&format!("\n  caused by: {cause}"));
        }
    }
    text
}
