//! Exit codes, and how errors are printed.

use std::io::{self, Write as _};

use ranktune_core::terminal::{printable, shortened};

use crate::interrupt;

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

/// Prints a panic on one line. A panic of an engine becomes an error of the model that caused it, so its backtrace is printed only
/// with `RUST_BACKTRACE`.
pub(crate) fn explain_panics() {
    if std::env::var_os("RUST_BACKTRACE").is_none() {
        std::panic::set_hook(Box::new(|panic| {
            let _ = writeln!(io::stderr(), "internal error: {panic}");
        }));
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

/// How a command ended, by its result. An error is printed with its causes.
pub(crate) fn finish(result: anyhow::Result<Exit>) -> Exit {
    let error = match result {
        Ok(exit) => return exit,
        Err(error) => error,
    };
    // The reader of the output has closed the pipe (`ranktune rank … | head`), which is not an error.
    if error.chain().any(|cause| {
        cause
            .downcast_ref::<io::Error>()
            .is_some_and(|e| e.kind() == io::ErrorKind::BrokenPipe)
    }) {
        return Exit::Done;
    }
    let text = format!("error: {}\n", text_of(error.as_ref()));
    let _ = io::stderr().write_all(printable(&text).as_bytes());
    if interrupt::flag().is_raised() {
        Exit::Interrupted
    } else {
        Exit::Unusable
    }
}
