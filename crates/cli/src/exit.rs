//! Exit codes, and how an error is told.

use std::io::{self, Write as _};
use std::process::ExitCode;

use crate::interrupt;

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// All of it was done.
    Done,
    /// It was done, but something was skipped and is listed.
    Skipped,
    /// Input or arguments cannot be used; nothing was written.
    Unusable,
    /// Stopped by Ctrl-C; finished work is kept.
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

/// Says a panic in one line. Engines are guarded: a panic in one, over a model it cannot take, becomes that model's error, and its
/// backtrace is of use to nobody but those who ask for it with `RUST_BACKTRACE`.
pub(crate) fn explain_panics() {
    if std::env::var_os("RUST_BACKTRACE").is_none() {
        std::panic::set_hook(Box::new(|panic| {
            let _ = writeln!(io::stderr(), "internal error: {panic}");
        }));
    }
}

/// Turns a command's result into its exit code and says what went wrong, cause by cause.
pub(crate) fn finish(result: anyhow::Result<Exit>) -> ExitCode {
    let error = match result {
        Ok(exit) => return exit.into(),
        Err(error) => error,
    };
    // The reader of our output has gone (`ranktune rank … | head`): nothing to tell, nobody to tell it to.
    if error.chain().any(|cause| {
        cause
            .downcast_ref::<io::Error>()
            .is_some_and(|e| e.kind() == io::ErrorKind::BrokenPipe)
    }) {
        return Exit::Done.into();
    }
    let mut text = format!("error: {error}\n");
    for cause in error.chain().skip(1) {
        let cause = cause.to_string();
        // An error that quotes its cause has said it.
        if !text.contains(&cause) {
            text.push_str(&format!("  caused by: {cause}\n"));
        }
    }
    let _ = io::stderr().write_all(text.as_bytes());
    if interrupt::flag().is_raised() {
        Exit::Interrupted.into()
    } else {
        Exit::Unusable.into()
    }
}
