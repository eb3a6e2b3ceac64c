//! Tables that are parts of one: `train-00000-of-00002.parquet`, `0000.parquet`, `part-00000-….parquet`.

use std::path::{Path, PathBuf};

use super::options::Split;
use crate::error::{counted, listed};
use crate::{Error, Result};

/// What the name of a table says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Name {
    pub(super) split: Option<Split>,
    pub(super) shard: Option<Shard>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shard {
    pub(super) index: u64,
    /// The number of shards, if the name has it.
    pub(super) count: Option<u64>,
}

/// Words before the number of a shard.
const PREFIXES: [&str; 4] = ["part", "shard", "data", "chunk"];

/// The split and shard of a table by its name without endings.
pub(super) fn name(stem: &str) -> Name {
    let stem = stem.to_lowercase();
    if let Some(split) = Split::named(&stem) {
        return Name {
            split: Some(split),
            shard: None,
        };
    }
    let none = Name {
        split: None,
        shard: None,
    };
    let Some(digits) = stem.find(|c: char| c.is_ascii_digit()) else {
        return none;
    };
    let (before, rest) = stem.split_at(digits);
    let before = before.trim_end_matches(['-', '_', '.']);
    let split = Split::named(before);
    if split.is_none() && !before.is_empty() && !PREFIXES.contains(&before) {
        return none;
    }
    let mut parts = rest.split('-');
    let index = parts.next().and_then(|index| index.parse().ok());
    let Some(index) = index else { return none };
    let count = match (parts.next(), parts.next()) {
        (Some("of"), Some(count)) => count.parse().ok(),
        // Other words follow in the names of Spark only.
        (Some(_), _) if before != "part" => return none,
        _ => None,
    };
    Name {
        split,
        shard: Some(Shard { index, count }),
    }
}

/// The split that one of the words of a name says, where only one does: `sst2_train`, `imdb-test-00000-of-00001`.
pub(super) fn split_word(stem: &str) -> Option<Split> {
    // Kaggle's `trainLabels.csv`.
    let stem = stem.to_lowercase();
    let stem = stem.strip_suffix("labels").unwrap_or(&stem);
    let mut splits = stem.split(['-', '_', '.', ' ']).filter_map(Split::named);
    splits.next().filter(|_| splits.next().is_none())
}

/// The tables in the order of their shards, if all of them are shards of one table.
///
/// # Errors
/// `Invalid` if shards are missing or occur twice.
pub(super) fn ordered(
    folder: &Path,
    tables: &[PathBuf],
    stem: &dyn Fn(&Path) -> String,
) -> Result<Option<Vec<PathBuf>>> {
    let mut shards: Vec<(Shard, &PathBuf)> = Vec::new();
    for table in tables {
        match name(&stem(table)).shard {
            Some(shard) => shards.push((shard, table)),
            None => return Ok(None),
        }
    }
    let Some(&(first, path)) = shards.first() else {
        return Ok(None);
    };
    if shards
        .iter()
        .any(|(shard, other)| shard.count != first.count || other.extension() != path.extension())
    {
        return Ok(None);
    }
    shards.sort_by_key(|(shard, path)| (shard.index, (*path).clone()));
    let names: Vec<String> = shards
        .iter()
        .map(|(_, path)| path.file_name().unwrap_or_default().to_string_lossy().into_owned())
        .collect();
    if let Some(at) = shards.windows(2).position(|pair| pair[0].0.index == pair[1].0.index) {
        let message = format!("{:?} and {:?} are the same shard; remove one", names[at], names[at + 1]);
        return Err(Error::invalid(message).in_file(folder));
    }
    if let Some(count) = first.count
        && count != shards.len() as u64
    {
        let message = format!(
            "{} of {count} are there: {}; download the others",
            counted(shards.len(), "shard"),
            listed(&names)
        );
        return Err(Error::invalid(message).in_file(folder));
    }
    Ok(Some(shards.into_iter().map(|(_, path)| path.clone()).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_and_shards_are_known_by_the_names_of_their_writers() {
        use Split::{Test, Train, Validation};
        let shard = |index, count| Some(Shard { index, count });
        for (stem, split, expected) in [
            ("train", Some(Train), None),
            ("train-00001-of-00002", Some(Train), shard(1, Some(2))),
            ("train-00000-of-00001-8b3f8ac7f0a1b2c3", Some(Train), shard(0, Some(1))),
            ("validation-00000-of-00001", Some(Validation), shard(0, Some(1))),
            ("test_3", Some(Test), shard(3, None)),
            ("0000", None, shard(0, None)),
            ("part-00002-5f3a-c000.snappy", None, shard(2, None)),
            ("data-00000-of-00004", None, shard(0, Some(4))),
            ("train-2020-results", None, None),
            ("training_log", None, None),
            ("notes1", None, None),
        ] {
            assert_eq!(name(stem), Name { split, shard: expected }, "{stem}");
        }
    }
}
