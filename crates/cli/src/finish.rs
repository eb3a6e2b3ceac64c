//! The end of a command: its error is printed, and becomes an exit code.

use std::io::{self, Write as _};

use ranktune_core::terminal::printable;

use crate::exit::{Exit, text_of};
use crate::interrupt;

/// Prints a panic on one line. A panic of an engine becomes an error of the model that caused it, so its backtrace is printed only
/// with `RUST_BACKTRACE`.
pub(crate) fn explain_panics() {
    if std::env::var_os("RUST_BACKTRACE").is_none() {
        std::panic::set_hook(Box::new(|panic| {
            let _ = writeln!(io::stderr(), "internal error: {panic}");
        }));
    }
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
