//! A folder without splits: a table, its shards, or class folders.

use std::path::{Path, PathBuf};

use super::folder::{Entry, EntryKind, Folder, stem_of};
use super::found::Found;
use super::saved::saved;
use crate::error::{counted, listed};
use crate::load::{class_folders, shards};
use crate::{Error, Result};

/// Names of tables that are read even if class folders lie beside them.
const DESCRIBING: [&str; 4] = ["metadata", "labels", "annotations", "_classes"];

/// The data of a folder without splits.
///
/// # Errors
/// `Invalid`: several tables, of which none describes the others; no data.
pub(super) fn within(path: &Path, mut notes: Vec<String>) -> Result<Found> {
    if let Some(files) = saved(path)? {
        notes.push(format!("read {} that state.json lists", counted(files.len(), "file")));
        return Ok(Found::Tables {
            path: path.to_owned(),
            files,
            notes,
        });
    }
    let folder = Folder::read(path)?;
    let tables: Vec<&Entry> = folder
        .of(EntryKind::Table)
        .filter(|table| !table.shows_submission())
        .collect();
    let documents: Vec<PathBuf> = folder.documents().map(|entry| entry.path.clone()).collect();
    if tables.is_empty() && !documents.is_empty() {
        return Ok(Found::Documents {
            path: path.to_owned(),
            files: documents,
            notes,
        });
    }
    let metadata: Vec<&Entry> = tables
        .iter()
        .copied()
        .filter(|table| DESCRIBING.contains(&table.stem().as_str()))
        .collect();
    let one_of = |tables: &[&Entry]| {
        let names: Vec<&str> = tables.iter().map(|table| table.name.as_str()).collect();
        let message = format!(
            "found {}: {}; name the one to read",
            counted(tables.len(), "table"),
            listed(&names)
        );
        Error::invalid(message).in_file(path)
    };
    let all: Vec<PathBuf> = tables.iter().map(|table| table.path.clone()).collect();
    if let (true, Some(files)) = (tables.len() > 1, shards::ordered(path, &all, &stem_of)?) {
        notes.push(format!("read {}", counted(files.len(), "shard")));
        return Ok(Found::Tables {
            path: path.to_owned(),
            files,
            notes,
        });
    }
    let image_folders = folder
        .of(EntryKind::Folder)
        .filter(|entry| class_folders::holds_images(&entry.path))
        .take(2)
        .count();
    let table = match (metadata.as_slice(), tables.as_slice()) {
        ([table], _) => Some(*table),
        ([_, _, ..], _) => return Err(one_of(&metadata)),
        // One folder of images beside one table holds the table's files; several are classes.
        (_, [table]) if image_folders < 2 => Some(*table),
        _ if image_folders > 0 => None,
        (_, [_, _, ..]) => return Err(one_of(&tables)),
        _ => None,
    };
    if let Some(table) = table {
        notes.push(format!("read table {:?}", table.name));
        return Ok(Found::table(&table.path, notes));
    }
    if image_folders > 0 {
        folder.refuse_data_sets()?;
        if !tables.is_empty() {
            let names: Vec<&str> = tables.iter().map(|table| table.name.as_str()).collect();
            notes.push(format!(
                "read class folders, not {} that lie beside them; name a table to read it",
                listed(&names)
            ));
        }
        return Ok(Found::ClassFolders {
            path: path.to_owned(),
            notes,
        });
    }
    Err(folder.without_data())
}
