//! Panics of libraries that read files of others: they become errors, and their text never reaches the terminal.
//!
//! The message that Rust prints for a panic names a source file of a library and asks for a backtrace. It says nothing about the
//! user's file, and the error that [`caught`] returns does. Panics elsewhere are printed as ever.
//!
//! A library may share its work with a pool of threads. A panic there is handed to the thread that waits for the work, and would be
//! printed before: it is not printed either while any thread waits within [`caught`].

use std::any::Any;
use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe, catch_unwind};
use std::sync::Once;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

thread_local! {
    /// Whether this thread is within [`caught`].
    static IS_CAUGHT: Cell<bool> = const { Cell::new(false) };
}

/// How many calls of [`caught`] are running.
static RUNNING: AtomicUsize = AtomicUsize::new(0);

static QUIET: Once = Once::new();

/// Whether a panic of this thread ends in [`caught`], or in the pool of a library that hands it there.
fn is_caught() -> bool {
    IS_CAUGHT.get() || (RUNNING.load(Ordering::SeqCst) > 0 && is_of_a_pool(thread::current().name()))
}

/// Pools of rayon leave their threads without names, and rten names those of its own.
fn is_of_a_pool(thread: Option<&str>) -> bool {
    thread.is_none_or(|name| name.starts_with("rten-"))
}

/// Runs `call`. If it panics, on this thread or in a pool that works for it, nothing is printed.
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
            if !is_caught() {
                printed(info);
            }
        }));
    });
    let before = IS_CAUGHT.replace(true);
    RUNNING.fetch_add(1, Ordering::SeqCst);
    let outcome = catch_unwind(AssertUnwindSafe(call));
    RUNNING.fetch_sub(1, Ordering::SeqCst);
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
        // Without a name, as a pool's; its panic is handed on by `join`.
        let in_a_pool = || thread::spawn(|| panic!("number 8")).join().is_err();
        assert_eq!(caught(in_a_pool), Ok(true));
        assert_eq!(PRINTED.load(Ordering::SeqCst), 0);
        assert!(catch_unwind(|| panic!("printed")).is_err());
        assert_eq!(PRINTED.load(Ordering::SeqCst), 1);
    }
}
