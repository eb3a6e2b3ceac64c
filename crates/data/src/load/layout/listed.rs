//! Data sets of which a card lists the files or the configurations.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::folder::stem_of;
use super::found::{Found, expected_names, no_split_taken};
use super::within::within;
use crate::card::DatasetCard;
use crate::error::{counted, listed};
use crate::load::data_files::{DataFiles, data_files};
use crate::load::options::{LoadOptions, Split};
use crate::load::{class_folders, conll, shards, table};
use crate::{Error, Result};

/// Far more files than data sets have.
const MOST_FILES: usize = 2_000_000;

/// Where the data of a folder are.
pub(super) enum Place {
    /// Where the names of files and folders say.
    Folder(PathBuf, Vec<String>),
    /// In the files of a list.
    Found(Found),
}

/// Where the data of the configuration that `options` name are.
///
/// # Errors
/// As [`data_files`]; `NotFound` for a split that the card does not list.
pub(super) fn place(path: &Path, options: &LoadOptions, card: &DatasetCard) -> Result<Place> {
    let config = options.config.as_deref();
    if card.configs.is_empty() && config.is_none() {
        return Ok(Place::Folder(path.to_owned(), Vec::new()));
    }
    let files = data_files(&names_in(path)?, card, config).map_err(|error| error.in_file(path))?;
    if files.is_listed {
        return of_list(path, &files, options.split).map(Place::Found);
    }
    let Some(config) = &files.config else {
        return Ok(Place::Folder(path.to_owned(), Vec::new()));
    };
    let mut folders = [path.join(config), path.join("data").join(config)].into_iter();
    let folder = folders
        .find(|folder| folder.is_dir())
        .unwrap_or_else(|| path.to_owned());
    Ok(Place::Folder(
        folder,
        vec![format!("read the configuration {config:?}")],
    ))
}

fn of_list(path: &Path, listing: &DataFiles, asked: Option<Split>) -> Result<Found> {
    let splits = listing.splits();
    let split = match asked {
        Some(split) => split,
        None if splits.contains(&Split::Train) => Split::Train,
        None => match splits.as_slice() {
            [only] => *only,
            _ => {
                return Err(no_split_taken(
                    path,
                    &splits.iter().map(|split| split.names()[0]).collect::<Vec<_>>(),
                ));
            }
        },
    };
    let names = listing.of(split);
    if names.is_empty() {
        let known: Vec<&str> = splits.iter().map(|split| split.names()[0]).collect();
        let message = format!(
            "no split {split}: the README.md lists {} (expected {})",
            listed(&known),
            expected_names(split)
        );
        return Err(Error::not_found(message).in_file(path));
    }
    let mut notes = listing.notes.clone();
    let of = listing
        .config
        .as_ref()
        .map_or_else(String::new, |config| format!(" of the configuration {config:?}"));
    notes.push(format!(
        "read the split {split}{of} from {} that the README.md lists",
        counted(names.len(), "file")
    ));
    let files: Vec<PathBuf> = names.iter().map(|name| path.join(name)).collect();
    if files.iter().any(|file| class_folders::is_image(file)) {
        return within(&common_folder(&files), notes);
    }
    if let [only] = files.as_slice()
        && !table::is_table(only)
    {
        return Ok(Found::Columns {
            path: only.clone(),
            notes,
        });
    }
    if let Some(odd) = files.iter().find(|file| !table::is_table(file)) {
        let is_columns = conll::is_columns(odd);
        let what = if is_columns {
            "several files of words and tags"
        } else {
            "files of several kinds"
        };
        let message = format!("the split {split} is in {what}; name the one to read");
        return Err(Error::unsupported(message).in_file(odd));
    }
    // By the numbers of their shards, or else by name.
    let files = shards::ordered(path, &files, &stem_of)?.unwrap_or(files);
    let path = match files.as_slice() {
        [only] => only.clone(),
        _ => path.to_owned(),
    };
    Ok(Found::Tables { path, files, notes })
}

/// The deepest folder that holds all files in its class folders, or beside their table.
fn common_folder(files: &[PathBuf]) -> PathBuf {
    let parent = |path: &Path| path.parent().unwrap_or(Path::new("")).to_owned();
    let folders: BTreeSet<PathBuf> = files.iter().map(|file| parent(file)).collect();
    let Some(mut common) = folders.first().cloned() else {
        return PathBuf::new();
    };
    while !folders.iter().all(|folder| folder.starts_with(&common)) {
        common = parent(&common);
    }
    common
}

/// The names of all files in the folder, with `/` between folders. Links to folders are not followed, so that the walk ends.
fn names_in(folder: &Path) -> Result<BTreeSet<String>> {
    let mut names = BTreeSet::new();
    let mut left = vec![(folder.to_owned(), String::new())];
    while let Some((folder, prefix)) = left.pop() {
        let error = |source| Error::io("cannot read the folder", &folder, source);
        for entry in fs::read_dir(&folder).map_err(error)? {
            let entry = entry.map_err(error)?;
            let Ok(name) = entry.file_name().into_string() else {
                continue;
            };
            if class_folders::is_hidden(name.as_ref()) {
                continue;
            }
            let name = format!("{prefix}{name}");
            if entry.file_type().map_err(error)?.is_dir() {
                left.push((entry.path(), format!("{name}/")));
            } else if entry.path().is_file() {
                names.insert(name);
            }
        }
        if names.len() > MOST_FILES {
            return Err(Error::unsupported(format!("holds more than {MOST_FILES} files")).in_file(&folder));
        }
    }
    Ok(names)
}
