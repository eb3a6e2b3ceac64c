//! Panics of libraries that read files of others: they become errors, and their text never reaches the terminal.
//!
//! The message that Rust prints for a panic names a source file of a library and asks for a backtrace. It says nothing about the
//! user's file, and the error that [`caught`] returns does. Panics elsewhere are printed as ever.

use std::any::Any;
use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe, catch_unwind};
use std::sync::Once;

thread_local! {
    /// Whether this thread is within [`caught`].
    static IS_CAUGHT: Cell<bool> = const { Cell::new(false) };
}

static QUIET: Once = Once::new();

/// Runs `call`. If it panics on this thread, nothing is printed.
///
/// # Errors
/// The text of the panic.
///
/// # Examples
/// ```
/// use ranktune_core::panics::caught;
/// assert_eq!(caught(|| 1), Ok(1));
/// assert_eq!(caught(|| -> u8 { panic!("bad page") }), Err("bad page".to_owned()));
/// ```
pub fn caught<T>(call: impl FnOnce() -> T) -> Result<T, String> {
    QUIET.call_once(|| {
        let printed = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !IS_CAUGHT.get() {
                printed(info);
            }
        }));
    });
    let before = IS_CAUGHT.replace(true);
    let outcome = catch_unwind(AssertUnwindSafe(call));
    IS_CAUGHT.set(before);
    outcome.map_err(|panic| text(panic.as_ref()).to_owned())
}

fn text(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message")
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn only_panics_that_are_not_caught_are_printed() {
        static PRINTED: AtomicUsize = AtomicUsize::new(0);
        panic::set_hook(Box::new(|_| {
            PRINTED.fetch_add(1, Ordering::SeqCst);
        }));
        let inner = || caught(|| -> u8 { panic!("number {}", 7) });
        assert_eq!(inner(), Err("number 7".to_owned()));
        // A caught panic within a caught call leaves the outer one caught.
        assert_eq!(
            caught(|| (inner(), inner())).map(|both| both.0),
            Ok(Err("number 7".to_owned()))
        );
        assert_eq!(PRINTED.load(Ordering::SeqCst), 0);
        assert!(catch_unwind(|| panic!("printed")).is_err());
        assert_eq!(PRINTED.load(Ordering::SeqCst), 1);
    }
}
