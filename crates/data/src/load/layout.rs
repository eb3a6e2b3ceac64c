//! Recognizes what a path holds: a table, CoNLL columns or class folders, and of which split.

mod folder;
mod found;
mod listed;
mod other_formats;
mod saved;
mod within;

use std::fs;
use std::path::{Path, PathBuf};

use ranktune_core::names::did_you_mean;

use super::options::{LoadOptions, Split};
use super::{brat, class_folders, conll, shards, table};
use crate::card::DatasetCard;
use crate::error::{counted, listed};
use crate::{Error, Result, Task};
use folder::{Entry, EntryKind, Folder, stem_of};
pub(super) use found::Found;
use found::{expected_names, no_split_taken};
use listed::Place;
use within::within;

/// What `options` read at `path`, of which `card` is the description.
pub(super) fn find(path: &Path, options: &LoadOptions, card: &DatasetCard) -> Result<Found> {
    let metadata = fs::metadata(path).map_err(|source| missing(path, source))?;
    let (path, notes) = if metadata.is_dir() {
        match listed::place(path, options, card)? {
            Place::Found(found) => return Ok(found),
            Place::Folder(path, notes) => (path, notes),
        }
    } else {
        (path.to_owned(), Vec::new())
    };
    if brat::is_document(&path) {
        return Ok(Found::Documents {
            files: vec![path.clone()],
            path,
            notes,
        });
    }
    if let Some((path, more)) = find_columns(&path, options)? {
        return Ok(Found::Columns {
            path,
            notes: [notes, more].concat(),
        });
    }
    find_data(&path, options.split, notes)
}

fn find_data(path: &Path, split: Option<Split>, notes: Vec<String>) -> Result<Found> {
    let metadata = fs::metadata(path).map_err(|source| missing(path, source))?;
    if metadata.is_dir() {
        return find_within(path, split, notes);
    }
    if !metadata.is_file() {
        return Err(Error::unsupported("is neither a file nor a folder").in_file(path));
    }
    if let Some(split) = split {
        let message =
            format!("a table has no splits, but split {split} was requested; name its folder or leave the split out");
        return Err(Error::not_found(message).in_file(path));
    }
    if !table::is_table(path) {
        return Err(no_table(path));
    }
    let shard = shards::name(&stem_of(path)).shard;
    let count = shard.and_then(|shard| shard.count).filter(|count| *count > 1);
    let note = count.map(|count| format!("read one of {count} shards; name their folder to read all of them"));
    Ok(Found::table(path, note.into_iter().collect()))
}

/// The file of words and tags at or in `path`, if the task is tokens or the extension is one of CoNLL columns.
fn find_columns(path: &Path, options: &LoadOptions) -> Result<Option<(PathBuf, Vec<String>)>> {
    let is_requested = options.task == Some(Task::Tokens);
    let metadata = fs::metadata(path).map_err(|source| missing(path, source))?;
    if metadata.is_file() {
        let extension = path.extension().unwrap_or_default().to_string_lossy().to_lowercase();
        let is_one = conll::is_columns(path) && matches!(options.task, None | Some(Task::Tokens));
        // JSON and Parquet may hold lists of words and tags.
        if is_requested && table::is_table(path) && extension != "tsv" {
            return Ok(None);
        }
        return Ok((is_requested || is_one).then(|| (path.to_owned(), Vec::new())));
    }
    if !is_requested {
        return Ok(None);
    }
    // `train.txt` as well as `eng.train`.
    let folder = Folder::read(path)?;
    let of_split = |entry: &Entry| {
        let extension = entry
            .path
            .extension()
            .unwrap_or_default()
            .to_string_lossy()
            .to_lowercase();
        match extension.as_str() {
            "testa" => Some(Split::Validation),
            "testb" => Some(Split::Test),
            other => Split::named(&entry.stem()).or_else(|| Split::named(other)),
        }
    };
    let files = folder
        .entries
        .iter()
        .filter(|entry| matches!(entry.kind, EntryKind::Other | EntryKind::Table));
    let splits: Vec<(Split, &Entry)> = files.filter_map(|entry| Some((of_split(entry)?, entry))).collect();
    let is_text = |(_, entry): &(Split, &Entry)| entry.kind == EntryKind::Other || entry.name.ends_with(".tsv");
    if !splits.iter().any(is_text) && folder.may_hold_tables() {
        return Ok(None);
    }
    let splits: Vec<(Split, &Entry)> = splits.into_iter().filter(is_text).collect();
    if splits.is_empty() {
        let names: Vec<&str> = folder.entries.iter().map(|entry| entry.name.as_str()).collect();
        let message = format!(
            "holds no file of words and tags named by its split, such as train.txt or eng.train; found {}{}",
            listed(&names),
            folder.what_is_there()
        );
        return Err(Error::not_found(message).in_file(path));
    }
    let (taken, entry) = choose_split(path, options.split, &splits)?;
    Ok(Some((
        entry.path.clone(),
        vec![format!("read the split {taken} from {:?}", entry.name)],
    )))
}

fn find_within(path: &Path, split: Option<Split>, notes: Vec<String>) -> Result<Found> {
    let folder = Folder::read(path)?;

    let mut splits: Vec<(Split, &Entry)> = folder.split_tables();
    if splits.is_empty() {
        splits = folder.split_folders();
    }
    if !splits.is_empty() {
        return of_split(path, split, &splits, notes);
    }
    if let Some(inner) = folder.only_inner()? {
        let mut notes = notes;
        let name = inner.file_name().unwrap_or_default().to_string_lossy();
        notes.push(format!("read folder {name:?} in it"));
        return find_within(&inner, split, notes);
    }
    if let Some(split) = split {
        let message = format!("no split {split}: expected a folder or table {}", expected_names(split));
        return Err(Error::not_found(message).in_file(path));
    }
    within(path, notes)
}

/// The tables or class folders of a split.
fn of_split(path: &Path, asked: Option<Split>, splits: &[(Split, &Entry)], mut notes: Vec<String>) -> Result<Found> {
    let mut there: Vec<String> = splits.iter().map(|(_, entry)| entry.name.clone()).collect();
    there.dedup();
    let taken = taken_split(path, asked, splits)?;
    let tables: Vec<PathBuf> = splits
        .iter()
        .filter(|(split, entry)| *split == taken && entry.kind == EntryKind::Table)
        .map(|(_, entry)| entry.path.clone())
        .collect();
    if let Some(files) = shards::ordered(path, &tables, &stem_of)? {
        notes.push(format!(
            "read the split {taken} from {}; the folder has {}",
            counted(files.len(), "shard"),
            listed(&there)
        ));
        let path = match files.as_slice() {
            [only] => only.clone(),
            _ => path.to_owned(),
        };
        return Ok(Found::Tables { path, files, notes });
    }
    let (taken, entry) = choose_split(path, asked, splits)?;
    notes.push(format!(
        "read the split {taken} from {:?}; the folder has {}",
        entry.name,
        listed(&there)
    ));
    match entry.kind {
        EntryKind::Table => Ok(Found::table(&entry.path, notes)),
        _ => within(&entry.path, notes),
    }
}

/// The split to read: the one that the user asks for, or train, or the only one.
fn taken_split(path: &Path, asked: Option<Split>, splits: &[(Split, &Entry)]) -> Result<Split> {
    match asked {
        Some(split) => Ok(split),
        None if splits.iter().any(|(split, _)| *split == Split::Train) => Ok(Split::Train),
        None if splits.iter().all(|(split, _)| *split == splits[0].0) => Ok(splits[0].0),
        None => {
            let names: Vec<&str> = splits.iter().map(|(_, entry)| entry.name.as_str()).collect();
            Err(no_split_taken(path, &names))
        }
    }
}

fn choose_split<'a>(path: &Path, asked: Option<Split>, splits: &[(Split, &'a Entry)]) -> Result<(Split, &'a Entry)> {
    let names: Vec<&str> = splits.iter().map(|(_, entry)| entry.name.as_str()).collect();
    let split = taken_split(path, asked, splits)?;
    let of_split: Vec<&Entry> = splits
        .iter()
        .filter(|(this, _)| *this == split)
        .map(|(_, entry)| *entry)
        .collect();
    match of_split.as_slice() {
        [entry] => Ok((split, entry)),
        [] => {
            let message = format!(
                "no split {split}: expected {}, found {}",
                expected_names(split),
                listed(&names)
            );
            Err(Error::not_found(message).in_file(path))
        }
        several => {
            let names: Vec<&str> = several.iter().map(|entry| entry.name.as_str()).collect();
            let message = format!(
                "split {split} occurs {} times: {}; name the one to read",
                names.len(),
                listed(&names)
            );
            Err(Error::invalid(message).in_file(path))
        }
    }
}

fn missing(path: &Path, source: std::io::Error) -> Error {
    if source.kind() != std::io::ErrorKind::NotFound {
        return Error::io("cannot be read", path, source);
    }
    let mut message = "no such file or folder".to_owned();
    let parent = path.parent().map(|parent| {
        if parent.as_os_str().is_empty() {
            Path::new(".")
        } else {
            parent
        }
    });
    if let (Some(parent), Some(name)) = (parent, path.file_name()) {
        match fs::read_dir(parent) {
            Ok(entries) => {
                let names: Vec<String> = entries
                    .filter_map(|entry| Some(entry.ok()?.file_name().to_string_lossy().into_owned()))
                    .collect();
                message += &did_you_mean(&name.to_string_lossy(), names.iter().map(String::as_str));
            }
            Err(_) => message += &format!(" (neither does {} exist)", parent.display()),
        }
    }
    Error::not_found(message).in_file(path)
}

fn no_table(path: &Path) -> Error {
    let message = if class_folders::is_image(path) {
        "is a single image; expected a folder of class folders, or a table".to_owned()
    } else {
        let extension = path.extension().unwrap_or_default().to_string_lossy().to_lowercase();
        match extension.as_str() {
            "npy" | "npz" | "safetensors" => {
                "is an array; expected a folder of class folders or a table; `ranktune score` takes features from arrays"
                    .to_owned()
            }
            other if other_formats::advice(other).is_some() => other_formats::advice(other).unwrap_or_default().to_owned(),
            "" => format!("has no extension; expected a folder, or a table ({})", table::extensions()),
            other => format!(
                "unknown format {other:?}; expected a folder, or a table ({}), or, with --task tokens, columns of words and tags",
                table::extensions()
            ),
        }
    };
    Error::unsupported(message).in_file(path)
}
