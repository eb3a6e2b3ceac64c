//! The file of a record.
//!
//! Every change reads the file, and writes it anew beside its place and renames it, so that a reader sees all of a row or nothing. Writers
//! wait for each other on a lock of the operating system, on a file beside the record: the system releases it with the process, however
//! that ends. The lock file stays and is empty; deleting it while nothing runs does no harm.

use std::env;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use ranktune_core::files::write_atomically;
use ranktune_report::record::{RecordNote, parse};
use ranktune_report::{Record, RecordRow};

use super::selection::Selection;
use crate::error::{Error, ErrorKind};

/// The name of the file in the user's data folder.
const NAME: &str = "record.jsonl";

/// A record on disk, which need not exist.
///
/// # Examples
/// ```
/// use ranktune::RecordRow;
/// use ranktune::record::{RecordFile, Selection};
///
/// let folder = tempfile::tempdir()?;
/// let file = RecordFile::new(folder.path().join("record.jsonl"));
/// let row = RecordRow::new("resnet50", "flowers5", "accuracy", 0.91, "ranktune b-tuning");
/// assert_eq!(file.append(&[row.clone()])?, 1);
/// assert_eq!(file.append(&[row])?, 0, "a row that is there already is not added again");
/// assert_eq!(file.read()?.record.rows.len(), 1);
///
/// let selection = Selection { model: Some("resnet50".to_owned()), ..Selection::default() };
/// assert_eq!(file.forget(&selection)?.len(), 1);
/// assert!(file.read()?.record.rows.is_empty());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordFile {
    path: PathBuf,
}

/// What a record's file holds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ReadRecord {
    /// The rows.
    pub record: Record,
    /// What is to know about its lines.
    pub notes: Vec<RecordNote>,
}

impl RecordFile {
    /// The record at `path`.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// The record of this user: `$RANKTUNE_RECORD`, or else `ranktune/record.jsonl` in the user's data folder (`$XDG_DATA_HOME`,
    /// `~/Library/Application Support` on macOS, `%APPDATA%` on Windows, `~/.local/share` elsewhere). A record cannot be made again, so
    /// it is not in the cache folder. `None` without a home folder.
    pub fn of_user() -> Option<Self> {
        let variable = |name: &str| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        if let Some(path) = variable("RANKTUNE_RECORD") {
            return Some(Self::new(path));
        }
        // The XDG specification says that relative paths are ignored.
        let data = variable("XDG_DATA_HOME").filter(|folder| folder.is_absolute());
        let data = data.or_else(|| {
            if cfg!(windows) {
                return variable("APPDATA");
            }
            let home = env::home_dir()?;
            Some(home.join(if cfg!(target_os = "macos") {
                "Library/Application Support"
            } else {
                ".local/share"
            }))
        });
        data.map(|folder| Self::new(folder.join("ranktune").join(NAME)))
    }

    /// Where it lies.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether there is such a file.
    pub fn exists(&self) -> bool {
        self.path.exists()
    }

    /// The rows, and notes on lines that cannot be used, repeat or contradict others. A file that does not exist is empty.
    ///
    /// # Errors
    /// [`ErrorKind::Data`] where the file cannot be read, or is not text.
    pub fn read(&self) -> Result<ReadRecord, Error> {
        let (record, notes) = parse(&self.text()?);
        Ok(ReadRecord { record, notes })
    }

    /// Adds rows at the end, without those that are there already, and returns how many were added. What is in the file stays as it is.
    ///
    /// # Errors
    /// [`ErrorKind::Output`] where the file cannot be written; [`ErrorKind::Data`] as [`read`](Self::read).
    pub fn append(&self, rows: &[RecordRow]) -> Result<usize, Error> {
        let _lock = self.lock()?;
        let mut text = self.text()?;
        let known = parse(&text).0;
        let mut new = Record::default();
        for row in rows {
            if !known.rows.contains(row) && !new.rows.contains(row) {
                new.rows.push(row.clone());
            }
        }
        if new.rows.is_empty() {
            return Ok(0);
        }
        if !text.is_empty() && !text.ends_with('\n') {
            text.push('\n');
        }
        text.push_str(&new.to_jsonl().map_err(|error| Error::new(ErrorKind::Output, error))?);
        self.write(&text)?;
        Ok(new.rows.len())
    }

    /// Deletes the rows of a selection, and returns them. Lines that cannot be read stay.
    ///
    /// # Errors
    /// As [`append`](Self::append).
    pub fn forget(&self, selection: &Selection) -> Result<Vec<RecordRow>, Error> {
        if !self.exists() {
            return Ok(Vec::new());
        }
        let _lock = self.lock()?;
        let text = self.text()?;
        let (mut kept, mut forgotten) = (String::with_capacity(text.len()), Vec::new());
        for line in text.split_inclusive('\n') {
            let rows = parse(line).0.rows;
            if rows.iter().any(|row| selection.has(row)) {
                forgotten.extend(rows);
            } else {
                kept.push_str(line);
            }
        }
        if !forgotten.is_empty() {
            self.write(&kept)?;
        }
        Ok(forgotten)
    }

    fn text(&self) -> Result<String, Error> {
        match fs::read_to_string(&self.path) {
            Ok(text) => Ok(text),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(String::new()),
            Err(error) => Err(self.error(ErrorKind::Data, "this record cannot be read", error)),
        }
    }

    fn write(&self, text: &str) -> Result<(), Error> {
        // Through links: a record may be shared by one.
        let path = fs::canonicalize(&self.path).unwrap_or_else(|_| self.path.clone());
        write_atomically(&path, text.as_bytes()).map_err(|error| self.not_written(error))
    }

    /// Waits for other writers.
    fn lock(&self) -> Result<File, Error> {
        let path = fs::canonicalize(&self.path).unwrap_or_else(|_| self.path.clone());
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            fs::create_dir_all(folder).map_err(|error| self.not_written(error))?;
        }
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let beside = path.with_file_name(format!(".{name}.lock"));
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(beside);
        let file = file.map_err(|error| self.not_written(error))?;
        file.lock().map_err(|error| self.not_written(error))?;
        Ok(file)
    }

    fn not_written(&self, error: io::Error) -> Error {
        self.error(ErrorKind::Output, "this record cannot be written", error)
    }

    fn error(&self, kind: ErrorKind, what: &str, cause: io::Error) -> Error {
        let message = format!(
            "{}: {what}; name another with --record or RANKTUNE_RECORD, or use none with --no-record",
            self.path.display()
        );
        Error::new(kind, FileError { message, cause })
    }
}

/// What could not be done with the file, with the system's reason.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
struct FileError {
    message: String,
    #[source]
    cause: io::Error,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(model: &str) -> RecordRow {
        RecordRow::new(model, "d", "accuracy", 0.5, "ours")
    }

    #[test]
    fn what_a_person_wrote_stays_also_where_it_cannot_be_read() {
        let folder = tempfile::tempdir().unwrap();
        let file = RecordFile::new(folder.path().join("deep/record.jsonl"));
        assert_eq!(file.append(&[row("a")]).unwrap(), 1);
        let mut text = fs::read_to_string(file.path()).unwrap();
        text.push_str("# a remark\n\n{\"schema\": \"ranktune.record/9\"}");
        fs::write(file.path(), &text).unwrap();
        assert_eq!(file.append(&[row("a"), row("b"), row("b")]).unwrap(), 1);
        let grown = fs::read_to_string(file.path()).unwrap();
        assert!(grown.starts_with(&format!("{text}\n")), "{grown}");
        let selection = Selection {
            model: Some("a".to_owned()),
            ..Selection::default()
        };
        assert_eq!(file.forget(&selection).unwrap(), [row("a")]);
        let left = fs::read_to_string(file.path()).unwrap();
        assert!(left.starts_with("# a remark\n\n{") && left.contains("\"b\""), "{left}");
        assert_eq!(file.read().unwrap().notes.len(), 2);
    }

    #[test]
    fn threads_that_add_at_once_lose_no_row_and_leave_no_other_file_but_the_lock() {
        let folder = tempfile::tempdir().unwrap();
        let file = RecordFile::new(folder.path().join("record.jsonl"));
        std::thread::scope(|scope| {
            for thread in 0..4 {
                let file = &file;
                scope.spawn(move || {
                    for index in 0..10 {
                        assert_eq!(file.append(&[row(&format!("{thread} {index}"))]).unwrap(), 1);
                    }
                });
            }
        });
        assert_eq!(file.read().unwrap().record.rows.len(), 40);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
    }

    #[test]
    fn a_missing_record_is_empty_and_a_folder_is_an_error_that_says_what_to_do() {
        let folder = tempfile::tempdir().unwrap();
        let file = RecordFile::new(folder.path().join("none.jsonl"));
        assert_eq!(file.read().unwrap(), ReadRecord::default());
        assert_eq!(file.forget(&Selection::default()).unwrap(), []);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
        let error = RecordFile::new(folder.path()).append(&[row("a")]).unwrap_err();
        assert!(error.to_string().contains("--no-record"), "{error}");
    }

    #[cfg(unix)]
    #[test]
    fn a_link_to_a_shared_record_stays_a_link() {
        let folder = tempfile::tempdir().unwrap();
        let shared = RecordFile::new(folder.path().join("shared.jsonl"));
        shared.append(&[row("a")]).unwrap();
        let link = folder.path().join("mine.jsonl");
        std::os::unix::fs::symlink(shared.path(), &link).unwrap();
        assert_eq!(RecordFile::new(&link).append(&[row("b")]).unwrap(), 1);
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(shared.read().unwrap().record.rows.len(), 2);
    }
}
