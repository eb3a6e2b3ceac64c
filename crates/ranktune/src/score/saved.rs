//! Files of statistics: those of one run, to be added to those of others.
//!
//! A file holds one block of statistics for every group of the jackknife (a single one without standard errors), each preceded by its
//! length and accompanied by the task and the names of the classes. Groups of different files are added pairwise: the first groups of
//! all files form the first group of the whole, which is as random as each of them.

use std::borrow::Cow;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use ranktune_core::counted;
use ranktune_core::files::write_atomically_with;
use ranktune_data::{Task, arrays};
use ranktune_scores::Statistics;
use ranktune_scores::uncertainty::total;
use serde_json::{Value, json};

use crate::error::{Error, ErrorKind};

/// Statistics, their task and the names of their columns.
#[derive(Clone)]
pub(super) struct Part {
    pub task: Task,
    pub names: Vec<String>,
    /// Of the groups, where there are several.
    pub seed: Option<u64>,
    /// At least one.
    pub groups: Vec<Statistics>,
    /// Of every class by itself, by number, where they are kept.
    pub classes: Option<Vec<Statistics>>,
}

const TASKS: [Task; 3] = [Task::Classification, Task::MultiLabel, Task::Regression];

fn at(path: &Path, message: impl std::fmt::Display) -> Error {
    Error::new(ErrorKind::Data, format!("{}: {message}", path.display()))
}

impl Part {
    /// The statistics of all groups together.
    pub(super) fn total(&self) -> Result<Cow<'_, Statistics>, Error> {
        Ok(total(&self.groups)?)
    }

    /// Writes the file, as a whole or not at all.
    pub(super) fn write(&self, path: &Path) -> Result<(), Error> {
        write_atomically_with(path, |file| self.write_to(file))
            .map_err(|source| at(path, format!("cannot be written: {source}")))
    }

    /// Writes the content of the file.
    pub(super) fn write_to(&self, out: &mut dyn Write) -> io::Result<()> {
        let description = json!({
            "task": self.task.name(),
            "names": self.names,
            "groups": self.groups.len(),
            "seed": self.seed,
            "classes": self.classes.as_ref().map(Vec::len),
        })
        .to_string();
        for group in self.groups.iter().chain(self.classes.iter().flatten()) {
            let bytes = group.to_bytes(&description);
            let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
            out.write_all(&length.to_le_bytes())?;
            out.write_all(&bytes)?;
        }
        Ok(())
    }

    fn read(path: &Path) -> Result<Self, Error> {
        let bytes = fs::read(path).map_err(|source| at(path, format!("cannot be read: {source}")))?;
        Self::from_bytes(&bytes, path)
    }

    /// The statistics of a file with this content; errors name `path`.
    pub(super) fn from_bytes(bytes: &[u8], path: &Path) -> Result<Self, Error> {
        let mut rest = bytes;
        let mut groups = Vec::new();
        let mut first: Option<String> = None;
        while !rest.is_empty() {
            let cut = || at(path, "the saved statistics are cut short; save them again");
            let (length, tail) = rest.split_at_checked(8).ok_or_else(cut)?;
            if groups.is_empty() && !tail.starts_with(b"RANKSTAT") {
                return Err(at(
                    path,
                    "not a file of saved statistics; make one with --save-statistics",
                ));
            }
            let length = u64::from_le_bytes(length.try_into().map_err(|_| cut())?);
            let length = usize::try_from(length).map_err(|_| cut())?;
            let (block, tail) = tail.split_at_checked(length).ok_or_else(cut)?;
            let (statistics, description) = Statistics::from_bytes(block).map_err(|error| at(path, error))?;
            if first.as_ref().is_some_and(|first| *first != description) {
                return Err(at(
                    path,
                    "is put together from different files; save the statistics again",
                ));
            }
            first.get_or_insert(description);
            groups.push(statistics);
            rest = tail;
        }
        let description: Value = first
            .and_then(|text| serde_json::from_str(&text).ok())
            .ok_or_else(|| at(path, "not a file of saved statistics; make one with --save-statistics"))?;
        let count = |key: &str| description[key].as_u64().and_then(|count| usize::try_from(count).ok());
        let n_groups = count("groups").filter(|&count| count > 0 && count <= groups.len());
        let expected = n_groups.map(|groups| groups + count("classes").unwrap_or(0));
        let (Some(n_groups), true) = (n_groups, expected == Some(groups.len())) else {
            let message = format!(
                "holds {} blocks of statistics instead of those it lists: it is cut short",
                groups.len()
            );
            return Err(at(path, message));
        };
        let classes = groups.split_off(n_groups);
        let task = TASKS
            .into_iter()
            .find(|task| description["task"] == task.name())
            .ok_or_else(|| {
                at(
                    path,
                    format!("holds statistics of an unknown task, {}", description["task"]),
                )
            })?;
        let names: Vec<String> = serde_json::from_value(description["names"].clone())
            .map_err(|_| at(path, "does not say what its columns are"))?;
        if names.len() != groups[0].n_columns() || groups[0].is_classes() != (task == Task::Classification) {
            return Err(at(path, "says other columns than it holds; save the statistics again"));
        }
        Ok(Self {
            task,
            names,
            seed: description["seed"].as_u64(),
            classes: description["classes"].is_u64().then_some(classes),
            groups,
        })
    }
}

/// Reads all files; [`merge`] compares them.
pub(super) fn read_all(paths: &[PathBuf]) -> Result<Vec<Part>, Error> {
    let parts: Vec<Part> = paths.iter().map(|path| Part::read(path)).collect::<Result<_, _>>()?;
    for (part, path) in parts.iter().zip(paths) {
        fits(
            &parts[0],
            part,
            &path.display().to_string(),
            &paths[0].display().to_string(),
        )?;
    }
    Ok(parts)
}

pub(super) fn fits(first: &Part, part: &Part, name: &str, first_name: &str) -> Result<(), Error> {
    let (d, expected) = (part.groups[0].n_features(), first.groups[0].n_features());
    let message = if part.task != first.task {
        format!(
            "{name}: statistics of {}, expected {} as in {first_name}",
            part.task, first.task
        )
    } else if d != expected {
        format!(
            "{name}: statistics of {}, expected {expected} as in {first_name}",
            counted(d, "feature")
        )
    } else if part.task != Task::Classification && part.names != first.names {
        format!("{name}: statistics of other target columns than {first_name}")
    } else {
        return Ok(());
    };
    Err(Error::new(ErrorKind::Data, message))
}

/// Adds all parts, of which there is at least one; classes are numbered anew by the union of their names.
pub(super) fn merge(mut parts: Vec<Part>) -> Result<Part, Error> {
    for part in &parts[1..] {
        fits(&parts[0], part, "saved statistics", "the features given")?;
    }
    if parts[0].task == Task::Classification && parts.len() > 1 {
        let lists: Vec<&[String]> = parts.iter().map(|part| part.names.as_slice()).collect();
        let (names, numbers) = arrays::unite_names(&lists)?;
        for (part, numbers) in parts.iter_mut().zip(numbers) {
            part.names.clone_from(&names);
            for group in part.groups.iter_mut().chain(part.classes.iter_mut().flatten()) {
                group.renumber(&numbers, names.len())?;
            }
            if let Some(classes) = &mut part.classes {
                *classes = by_number(classes, &numbers, names.len(), &part.groups[0])?;
            }
        }
    }
    let pairwise = parts.iter().all(|part| part.groups.len() == parts[0].groups.len());
    let mut parts = parts.into_iter();
    let Some(mut whole) = parts.next() else {
        return Err(Error::new(ErrorKind::Arguments, "there are no statistics"));
    };
    if !pairwise {
        whole.groups = vec![whole.total()?.into_owned()];
        whole.seed = None;
    }
    for part in parts {
        whole.classes = match (whole.classes.take(), &part.classes) {
            (Some(mut own), Some(others)) => {
                for (own, other) in own.iter_mut().zip(others) {
                    own.merge(other)?;
                }
                Some(own)
            }
            _ => None,
        };
        if pairwise {
            for (own, other) in whole.groups.iter_mut().zip(&part.groups) {
                own.merge(other)?;
            }
        } else {
            let total = part.total()?;
            whole.groups[0].merge(&total)?;
        }
    }
    Ok(whole)
}

/// Statistics of classes at their new numbers, none of them missing.
pub(super) fn by_number(
    classes: &[Statistics],
    numbers: &[u32],
    count: usize,
    like: &Statistics,
) -> Result<Vec<Statistics>, ranktune_scores::Error> {
    let mut all = (0..count)
        .map(|_| Statistics::for_classes(like.n_features(), count))
        .collect::<Result<Vec<_>, _>>()?;
    for (class, &number) in classes.iter().zip(numbers) {
        if let Some(own) = usize::try_from(number).ok().and_then(|number| all.get_mut(number)) {
            own.clone_from(class);
        }
    }
    Ok(all)
}
