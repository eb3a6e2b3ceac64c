//! What the tests of every crate share: where reference data is, and how a test reports that it was skipped.
//!
//! Most references are small and live in the repository, beside the tests that read them. The large ones (pre-trained
//! models, data sets with restrictive licences) are kept outside it, in `$RANKTUNE_SHARED` or in `../shared` beside the
//! workspace. A test that needs them opens with
//!
//! ```no_run
//! let Some(hub) = ranktune_testing::shared("hub") else { return };
//! ```
//!
//! Without them it prints `skipped: …` and, where `$RANKTUNE_SKIPPED` names a file, appends the line to that file, so that
//! continuous integration can count what was skipped: a test that returns early is otherwise reported as passed.

use std::env;
use std::ffi::OsString;
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::panic::Location;
use std::path::{Path, PathBuf};

/// The file or folder `part` of the reference data outside the repository; `None` where that data is missing.
///
/// The skip has been reported by then.
///
/// # Panics
/// If the reference data are there and `part` is not, or `$RANKTUNE_SHARED` names a folder that does not exist: a comparison
/// that was asked for must not be skipped in silence.
#[track_caller]
pub fn shared(part: &str) -> Option<PathBuf> {
    let root = shared_root(env::var_os("RANKTUNE_SHARED"), &workspace().join("../shared"))?;
    let path = root.join(part);
    assert!(path.exists(), "{} has no {part}", root.display());
    Some(path)
}

#[track_caller]
fn shared_root(named: Option<OsString>, beside: &Path) -> Option<PathBuf> {
    if let Some(named) = named {
        let root = PathBuf::from(named);
        assert!(
            root.is_dir(),
            "RANKTUNE_SHARED is {}, which is no folder",
            root.display()
        );
        return Some(root);
    }
    if beside.is_dir() {
        return Some(beside.to_owned());
    }
    skip("../shared is missing");
    None
}

/// The root of the workspace.
pub fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Reports that the calling test, or a part of it, was skipped.
#[track_caller]
pub fn skip(reason: &str) {
    let line = skip_line(Location::caller(), std::thread::current().name(), reason);
    // Not `eprintln!`, whose output the test harness discards when a test passes.
    let _ = io::stderr().write_all(line.as_bytes());
    if let Some(file) = env::var_os("RANKTUNE_SKIPPED") {
        append(Path::new(&file), &line).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    }
}

/// The harness names threads after their tests, except when it runs them on the main thread.
fn skip_line(place: &Location<'_>, thread: Option<&str>, reason: &str) -> String {
    let test = thread.filter(|name| *name != "main").unwrap_or("test");
    format!("skipped: {test} ({}:{}): {reason}\n", place.file(), place.line())
}

/// One write a line, so that test processes that run at the same time do not mix theirs.
fn append(file: &Path, line: &str) -> io::Result<()> {
    OpenOptions::new()
        .create(true)
        .append(true)
        .open(file)?
        .write_all(line.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_skip_names_the_test_its_place_and_the_reason() {
        let place = Location::caller();
        let line = skip_line(place, Some("a::b"), "../shared is missing");
        let expected = format!(
            "skipped: a::b ({}:{}): ../shared is missing\n",
            place.file(),
            place.line()
        );
        assert_eq!(line, expected);
        assert!(skip_line(place, Some("main"), "x").starts_with("skipped: test ("));
        assert!(skip_line(place, None, "x").starts_with("skipped: test ("));
    }

    #[test]
    fn skips_are_appended() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("skipped");
        append(&file, "one\n").unwrap();
        append(&file, "two\n").unwrap();
        assert_eq!(std::fs::read_to_string(file).unwrap(), "one\ntwo\n");
    }

    #[test]
    fn the_named_folder_comes_before_the_one_beside_the_workspace() {
        let (named, beside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let root = shared_root(Some(named.path().into()), beside.path());
        assert_eq!(root.as_deref(), Some(named.path()));
        assert_eq!(shared_root(None, beside.path()).as_deref(), Some(beside.path()));
    }

    #[test]
    #[should_panic(expected = "which is no folder")]
    fn a_named_folder_that_is_missing_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        shared_root(Some(folder.path().join("missing").into()), folder.path());
    }

    #[test]
    fn the_workspace_holds_its_manifest() {
        assert!(workspace().join("Cargo.lock").is_file());
    }
}
