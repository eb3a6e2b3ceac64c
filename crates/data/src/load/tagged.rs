//! Tagged words in a table: a list of words and a list of their tags in every row, as the library `datasets` has them.

use std::path::Path;

use super::options::LoadOptions;
use super::table::{Cell, Table, ValueKind};
use super::table_place::TablePlace;
use super::words;
use crate::card::DatasetCard;
use crate::error::counted;
use crate::{Dataset, Error, Result};

/// Reads the columns `words` and `tags` (by name) of the tables, the shards of one data set.
pub(super) fn read(
    path: &Path,
    tables: Vec<(Box<dyn Table>, TablePlace)>,
    (words, tags): (&str, &str),
    (options, card): (&LoadOptions, &DatasetCard),
    mut notes: Vec<String>,
) -> Result<Dataset> {
    let mut sentences: Vec<Vec<String>> = Vec::new();
    let mut found: Vec<Vec<String>> = Vec::new();
    let mut places: Vec<String> = Vec::new();
    let (mut class_names, mut empty, mut are_numbers) = (None, 0_usize, true);
    for (table, place) in tables {
        let column = |name: &str| table.columns().iter().position(|column| column == name);
        let (Some(first), Some(second)) = (column(words), column(tags)) else {
            let message = format!("expected the columns {words:?} and {tags:?} as in the first table");
            return Err(Error::not_found(message).in_file(&place.file));
        };
        class_names = class_names.or_else(|| table.class_names(second));
        let file = place.file.clone();
        table.read(&[first, second], &mut |position, cells| {
            let at = |name: &str| format!("{}, column {name:?}", place.of(position));
            let list = |cell: &Cell<'_>, name: &str| -> Result<Vec<(ValueKind, String)>> {
                match cell {
                    Cell::List(items) => Ok(items.iter().map(|(kind, text)| (*kind, text.to_string())).collect()),
                    Cell::Missing => Ok(Vec::new()),
                    _ => Err(Error::invalid("expected a list, found one value")
                        .at(at(name))
                        .in_file(&file)),
                }
            };
            let (row, labels) = (list(&cells[0], words)?, list(&cells[1], tags)?);
            if row.len() != labels.len() {
                let message = format!(
                    "there are {} but {}",
                    counted(row.len(), "word"),
                    counted(labels.len(), "tag")
                );
                return Err(Error::invalid(message).at(at(tags)).in_file(&file));
            }
            if row.is_empty() {
                empty += 1;
                return Ok(());
            }
            are_numbers &= labels.iter().all(|(kind, _)| *kind == ValueKind::Int);
            sentences.push(row.into_iter().map(|(_, text)| text).collect());
            found.push(labels.into_iter().map(|(_, text)| text).collect());
            places.push(place.of(position));
            Ok(())
        })?;
    }
    if sentences.is_empty() {
        return Err(Error::invalid(format!("column {words:?} holds no words")));
    }
    if class_names.is_none() && are_numbers {
        class_names = card.class_names(options.config.as_deref(), tags);
    }
    if let Some(names) = &class_names {
        rename(&mut found, names, tags, &places)?;
    } else if are_numbers {
        notes.push(format!(
            "column {tags:?} holds numbers without names, so the tags mark no entities; write the names of the tags, or a Parquet file with the feature ClassLabel"
        ));
    }
    let mut sentences_found = words::Found::default();
    for ((words, tags), place) in sentences.into_iter().zip(found).zip(places) {
        sentences_found.push(words, tags, place);
    }
    let source = format!("column {tags:?}");
    let mut dataset = words::dataset(path, sentences_found, options.tag_scheme, &source, notes)?;
    if empty > 0 {
        dataset
            .notes
            .push(format!("skipped {} without words", counted(empty, "row")));
    }
    dataset.skipped = empty;
    Ok(dataset)
}

/// Puts the names of tags for their indices.
fn rename(found: &mut [Vec<String>], names: &[String], column: &str, places: &[String]) -> Result<()> {
    for (tags, place) in found.iter_mut().zip(places) {
        for tag in tags {
            let name = tag.parse().ok().and_then(|index: usize| names.get(index));
            if name.is_none() && !names.contains(tag) {
                let message = format!("expected the index of one of {} tags, found {tag:?}", names.len());
                return Err(Error::invalid(message).at(format!("{place}, column {column:?}")));
            }
            if let Some(name) = name {
                name.clone_into(tag);
            }
        }
    }
    Ok(())
}
