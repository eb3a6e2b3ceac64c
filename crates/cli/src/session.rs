//! A command line that runs within another program, which gets the result and the messages as values.
//!
//! ```text
//! Session::run(arguments) ──► the same commands ──► output   (what the program would print on stdout)
//!                                               └─► Host     (what it would print on stderr, and the progress)
//! ```
//!
//! Commands do not know of sessions: what prints, shows progress or asks for an interrupt looks here, in the thread that runs the
//! command. Without a session the process itself is meant, and its Ctrl-C.

use std::cell::RefCell;
use std::ffi::OsString;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};

use ranktune::{Event, Interrupt};

use crate::exit::{Exit, text_of};
use crate::{Arguments, dispatch};

/// The program that a command line runs within. Called from several threads.
pub trait Host: Send + Sync {
    /// A line that the command line would print on stderr.
    fn message(&self, line: &str);
    /// A step of long work.
    fn event(&self, event: Event<'_>);
}

/// One run of a command line within another program.
pub struct Session(Arc<Inner>);

pub(crate) struct Inner {
    host: Box<dyn Host>,
    output: Mutex<String>,
    interrupt: &'static Interrupt,
    program: Vec<OsString>,
    arguments: Mutex<Vec<OsString>>,
}

thread_local! {
    static CURRENT: RefCell<Option<Arc<Inner>>> = const { RefCell::new(None) };
}

/// Flags of sessions that have ended without being interrupted. Commands keep a flag for as long as the process runs, so flags are
/// used again rather than freed.
static FREE: Mutex<Vec<&'static Interrupt>> = Mutex::new(Vec::new());

/// How a command line that did its work ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// What it would have printed on stdout.
    pub output: String,
    /// Whether something was left out, as exit code 1 says.
    pub is_incomplete: bool,
}

/// Why a command line did not do its work. The texts are those that it would print, without `error: `.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// The arguments or the input are unusable.
    #[error("{0}")]
    Unusable(String),
    /// A file could not be found, read or written.
    #[error("{0}")]
    Io(String),
    /// It was interrupted; finished work is kept.
    #[error("interrupted; finished work is kept")]
    Interrupted,
    /// A fault of this program.
    #[error("internal error: {0}")]
    Internal(String),
}

impl Session {
    /// A session for `host`. Where a command starts processes of its own, `program` with the command's arguments is what they run.
    pub fn new(host: Box<dyn Host>, program: Vec<OsString>) -> Self {
        let free = FREE.lock().unwrap_or_else(PoisonError::into_inner).pop();
        Self(Arc::new(Inner {
            host,
            output: Mutex::default(),
            interrupt: free.unwrap_or_else(|| Box::leak(Box::default())),
            program,
            arguments: Mutex::default(),
        }))
    }

    /// Stops the work at the next safe point when it is raised.
    pub fn interrupt(&self) -> Interrupt {
        self.0.interrupt.clone()
    }

    /// Runs a command line on this thread: the arguments after the program's name.
    ///
    /// # Errors
    /// [`Failure`], where the program would end with exit code 2 or 130.
    pub fn run(&self, arguments: Vec<OsString>) -> Result<Outcome, Failure> {
        lock(&self.0.arguments).clone_from(&arguments);
        let before = CURRENT.replace(Some(self.0.clone()));
        let run = || {
            let line = std::iter::once(OsString::from("ranktune")).chain(arguments);
            match <Arguments as clap::Parser>::try_parse_from(line) {
                Ok(parsed) => dispatch(parsed.command).map_err(|error| of_error(&error)),
                Err(error) if error.use_stderr() => Err(Failure::Unusable(usage(&error.render().to_string()))),
                Err(error) => {
                    self.0.write(&error.render().to_string());
                    Ok(Exit::Done)
                }
            }
        };
        let ended = catch_unwind(AssertUnwindSafe(run));
        CURRENT.set(before);
        let output = std::mem::take(&mut *lock(&self.0.output));
        if self.0.interrupt.is_raised() {
            return Err(Failure::Interrupted);
        }
        match ended {
            Ok(Ok(exit)) => Ok(Outcome {
                output,
                is_incomplete: exit == Exit::Skipped,
            }),
            Ok(Err(failure)) => Err(failure),
            Err(panic) => Err(Failure::Internal(panic_text(panic.as_ref()))),
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        if !self.interrupt.is_raised() {
            lock(&FREE).push(self.interrupt);
        }
    }
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").finish_non_exhaustive()
    }
}

impl Inner {
    pub(crate) fn message(&self, line: &str) {
        self.host.message(line);
    }

    pub(crate) fn event(&self, event: Event<'_>) {
        self.host.event(event);
    }

    pub(crate) fn write(&self, text: &str) {
        lock(&self.output).push_str(text);
    }

    pub(crate) fn interrupt(&self) -> &'static Interrupt {
        self.interrupt
    }
}

/// The session of this thread.
pub(crate) fn current() -> Option<Arc<Inner>> {
    CURRENT.with_borrow(Clone::clone)
}

/// The program that runs, and its arguments: what another process has to be started with to do the same.
///
/// # Errors
/// Where the system does not say.
pub(crate) fn command_line() -> io::Result<Vec<OsString>> {
    match current() {
        Some(session) => Ok([session.program.as_slice(), lock(&session.arguments).as_slice()].concat()),
        None => Ok(std::iter::once(std::env::current_exe()?.into())
            .chain(std::env::args_os().skip(1))
            .collect()),
    }
}

fn of_error(error: &anyhow::Error) -> Failure {
    let is_io = error.chain().any(|cause| {
        cause.is::<io::Error>()
            || cause
                .downcast_ref::<ranktune::Error>()
                .is_some_and(ranktune::Error::is_io)
    });
    let text = text_of(error.as_ref());
    if is_io {
        Failure::Io(text)
    } else {
        Failure::Unusable(text)
    }
}

/// What is wrong with arguments, without the usage and the hint at `--help`.
fn usage(text: &str) -> String {
    let text = text.strip_prefix("error: ").unwrap_or(text);
    let end = text
        .find("\n\nUsage:")
        .or_else(|| text.find("\n\nFor more information"));
    text[..end.unwrap_or(text.len())].trim_end().to_owned()
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("no message").to_owned()
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Keeps the lines.
    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<String>>>);

    impl Host for Lines {
        fn message(&self, line: &str) {
            lock(&self.0).push(line.to_owned());
        }

        fn event(&self, _: Event<'_>) {}
    }

    fn run(line: &[&str]) -> (Result<Outcome, Failure>, Vec<String>) {
        let lines = Lines::default();
        let session = Session::new(Box::new(lines.clone()), vec!["python".into()]);
        let ended = session.run(line.iter().map(OsString::from).collect());
        let lines = lock(&lines.0).clone();
        (ended, lines)
    }

    #[test]
    fn a_result_is_the_output_and_nothing_is_printed() {
        let record = tempfile::tempdir().unwrap();
        let path = record.path().join("none.jsonl");
        let (ended, lines) = run(&[
            "record",
            "list",
            "--record",
            path.to_str().unwrap(),
            "--format",
            "jsonl",
        ]);
        let outcome = ended.unwrap();
        assert!(!outcome.is_incomplete);
        assert_eq!(outcome.output, "");
        assert!(
            lines.iter().any(|line| line.contains("there is no record")),
            "{lines:?}"
        );
    }

    #[test]
    fn failures_have_their_kind_and_the_text_of_the_command_line() {
        let (ended, _) = run(&["score", "--features", "/nowhere/F.npy", "--targets", "/nowhere/y.npy"]);
        match ended {
            Err(Failure::Io(text)) => assert!(text.contains("/nowhere/y.npy: no such file"), "{text}"),
            other => panic!("{other:?}"),
        }
        let (ended, _) = run(&["rank", "--hub", "x", "--data", "y", "--max-sample", "3"]);
        match ended {
            Err(Failure::Unusable(text)) => {
                assert!(text.contains("--max-samples") && !text.contains("Usage"), "{text}");
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_raised_flag_ends_one_session_and_no_other() {
        let session = Session::new(Box::new(Lines::default()), Vec::new());
        session.interrupt().raise();
        let line = ["record", "list", "--shipped"].map(OsString::from).to_vec();
        assert_eq!(session.run(line), Err(Failure::Interrupted));
        drop(session);
        let other = ["record", "list", "--shipped", "--format", "jsonl"]
            .map(OsString::from)
            .to_vec();
        let outcome = Session::new(Box::new(Lines::default()), Vec::new()).run(other).unwrap();
        assert!(outcome.output.starts_with('{'), "{}", outcome.output);
        assert!(
            !Session::new(Box::new(Lines::default()), Vec::new())
                .interrupt()
                .is_raised()
        );
    }
}
