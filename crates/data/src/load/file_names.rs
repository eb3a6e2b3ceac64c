//! Which files the cells of an input column name.
//!
//! Tables are moved, and many name their files by an identifier. So the names are tried in the folder of the table, and then in the
//! folders in it (first that of the table's own name, as `train/` beside `train.csv`): as they are, with the endings of images, and
//! without the folders of another machine. The first way in which most of the first rows name files is taken for all rows.

use std::fs;
use std::path::{Path, PathBuf};

use super::class_folders::{is_hidden, is_image};
use crate::error::{listed, shortened};
use crate::image::EXTENSIONS;
use crate::{Error, Result};

/// Number of rows that decide.
const FIRST: usize = 20;

/// How a name becomes a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    AsIs,
    WithEnding,
    /// The last part of the name, with or without its ending.
    LastPart,
}

/// The files of a column, and a note if they are not simply those that it names.
pub(super) struct Found {
    pub(super) files: Vec<PathBuf>,
    pub(super) note: Option<String>,
}

/// The files of `names` in `folder`, the folder of the table whose file name without ending is `stem`; `None` if the first of the
/// names that are `kept` are no files. `column` is for the note.
///
/// # Errors
/// `Invalid` if several folders hold all of the first names.
pub(super) fn find(names: &[&str], kept: &[&str], folder: &Path, stem: &str, column: &str) -> Result<Option<Found>> {
    let first: Vec<&str> = kept
        .iter()
        .copied()
        .filter(|name| !name.is_empty())
        .take(FIRST)
        .collect();
    if first.is_empty() {
        return Ok(None);
    }
    let holds = |is_there: &dyn Fn(&str) -> bool| {
        let found = first.iter().filter(|name| is_there(name)).count();
        5 * found >= 4 * first.len()
    };
    if holds(&|name| is_file(&folder.join(name))) {
        return Ok(Some(Found {
            files: names.iter().map(|name| folder.join(name)).collect(),
            note: None,
        }));
    }
    let mut tried = vec![folder.to_owned()];
    tried.extend(inner(folder, stem));
    // Only a path from the root is of another machine; in others the folder tells files of one name apart.
    let is_rooted =
        |name: &&str| name.starts_with(['/', '\\']) || name.get(1..3).is_some_and(|colon| colon.starts_with(':'));
    for form in [Form::AsIs, Form::WithEnding, Form::LastPart] {
        if form == Form::LastPart && !first.iter().all(is_rooted) {
            continue;
        }
        let holding: Vec<&PathBuf> = tried
            .iter()
            .filter(|base| holds(&|name| file(base, name, form).is_some()))
            .collect();
        let base = match holding.as_slice() {
            [] => continue,
            [base] => *base,
            // The table's own folder, or the folder of its name.
            [base, ..] if *base == folder || is_of_table(&name_of(base), stem) => *base,
            several => {
                let names: Vec<String> = several.iter().map(|base| name_of(base)).collect();
                let message = format!(
                    "the files of column {column:?} are in several folders: {}; write the folder in the column",
                    listed(&names)
                );
                return Err(Error::invalid(message));
            }
        };
        let files: Vec<PathBuf> = names
            .iter()
            .map(|name| file(base, name, form).unwrap_or_else(|| base.join(name)))
            .collect();
        let shown = names.iter().position(|name| first.contains(name)).unwrap_or(0);
        let example = files.get(shown).and_then(|file| file.strip_prefix(folder).ok());
        let note = format!(
            "column {column:?} names images {}: {:?} is {:?}",
            match form {
                Form::AsIs => "in a folder beside the table",
                Form::WithEnding => "without their ending",
                Form::LastPart => "in a folder of another machine",
            },
            shortened(names.get(shown).copied().unwrap_or_default()),
            example.map(|path| path.display().to_string()).unwrap_or_default()
        );
        return Ok(Some(Found {
            files,
            note: Some(note),
        }));
    }
    Ok(None)
}

/// Whether texts are identifiers rather than texts: none has a blank, and nearly all have a digit.
pub(super) fn are_identifiers(texts: &[&str]) -> bool {
    let all = || texts.iter().filter(|text| !text.is_empty()).take(1000);
    let digits = all().filter(|text| text.contains(|c: char| c.is_ascii_digit())).count();
    let count = all().count();
    count > 1 && 10 * digits >= 9 * count && !all().any(|text| text.contains(char::is_whitespace))
}

/// A regular file: opening a pipe could wait for ever.
fn is_file(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|metadata| metadata.is_file())
}

fn file(base: &Path, name: &str, form: Form) -> Option<PathBuf> {
    // Names of other systems too.
    let last = || name.rsplit(['/', '\\']).next().unwrap_or(name);
    match form {
        Form::AsIs => Some(base.join(name)).filter(|path| is_file(path) && is_image(path)),
        Form::WithEnding => with_ending(base, name),
        Form::LastPart => {
            let plain = base.join(last());
            let is_one = is_image(&plain) && is_file(&plain);
            if is_one { Some(plain) } else { with_ending(base, last()) }
        }
    }
}

/// The image of this name and any ending.
fn with_ending(base: &Path, name: &str) -> Option<PathBuf> {
    let ends = EXTENSIONS
        .iter()
        .flat_map(|end| [(*end).to_owned(), end.to_uppercase()]);
    let mut files = ends.map(|end| base.join(format!("{name}.{end}")));
    files.find(|path| is_file(path))
}

/// Whether a folder has the name of the table: `train_images` or `train` beside `train.csv` or `trainLabels.csv`.
fn is_of_table(folder: &str, stem: &str) -> bool {
    let (folder, stem) = (folder.to_lowercase(), stem.to_lowercase());
    folder.starts_with(&stem) || (folder.len() > 2 && stem.starts_with(&folder))
}

/// The folders in `folder`: that of the table's name, then names that begin with it, then the others by name.
fn inner(folder: &Path, stem: &str) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut folders: Vec<PathBuf> = entries
        .filter_map(|entry| {
            let entry = entry.ok()?;
            (!is_hidden(&entry.file_name()) && entry.path().is_dir()).then(|| entry.path())
        })
        .collect();
    let stem = stem.to_lowercase();
    folders.sort_by_key(|folder| {
        let name = name_of(folder).to_lowercase();
        (name != stem, !is_of_table(&name, &stem), name)
    });
    folders
}

fn name_of(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}
