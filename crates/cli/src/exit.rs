//! Exit codes, and how errors are printed.

use std::io::{self, Write as _};
use std::process::ExitCode;

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

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        match exit {
            Exit::Done => Self::SUCCESS,
            Exit::Skipped => Self::from(1),
            Exit::Unusable => Self::from(2),
            Exit::Interrupted => Self::from(130),
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

/// Turns the result of a command into its exit code, and prints an error with its causes.
pub(crate) fn finish(result: anyhow::Result<Exit>) -> ExitCode {
    let error = match result {
        Ok(exit) => return exit.into(),
        Err(error) => error,
    };
    // The reader of the output has closed the pipe (`ranktune rank … | head`), which is not an error.
    if error.chain().any(|cause| {
        cause
            .downcast_ref::<io::Error>()
            .is_some_and(|e| e.kind() == io::ErrorKind::BrokenPipe)
    }) {
        return Exit::Done.into();
    }
    let mut text = format!("error: {}\n", shortened(&error.to_string(), LONGEST));
    for cause in error.chain().skip(1) {
        let cause = shortened(&cause.to_string(), LONGEST).into_owned();
        // An error may quote its cause.
        if !text.contains(&cause) {
            text.push_str(&format!("  caused by: {cause}\n"));
        }
    }
    let _ = io::stderr().write_all(printable(&text).as_bytes());
    if interrupt::flag().is_raised() {
        Exit::Interrupted.into()
    } else {
        Exit::Unusable.into()
    }
}
