//! Images in class folders: `class/…/file.jpg`, at any depth within the class.
//!
//! Classes are sorted by the bytes of their names, files by the bytes of their paths within the class. Links are followed, but a
//! real folder is entered only once for each class, so loops end. Hidden entries and other files are ignored and counted.

use std::collections::{BTreeMap, HashSet};
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use super::options::LoadOptions;
use crate::error::{counted, listed};
use crate::image::EXTENSIONS;
use crate::{Dataset, DatasetTargets, Error, Inference, Inputs, Result, Task};

pub(super) fn is_image(path: &Path) -> bool {
    let Some(extension) = path.extension().and_then(OsStr::to_str) else {
        return false;
    };
    EXTENSIONS.iter().any(|image| extension.eq_ignore_ascii_case(image))
}

/// Entries that systems and tools create: `.DS_Store`, `._photo.jpg`, `.git`, `__MACOSX`, `Thumbs.db` …
pub(super) fn is_hidden(name: &OsStr) -> bool {
    let hidden = [
        OsStr::new("__MACOSX"),
        OsStr::new("Thumbs.db"),
        OsStr::new("desktop.ini"),
    ];
    name.as_encoded_bytes().starts_with(b".") || hidden.contains(&name)
}

/// Whether the folder holds an image, at any depth. Stops at the first.
pub(super) fn holds_images(folder: &Path) -> bool {
    let mut walk = Walk {
        only_first: OnlyFirst::Yes,
        ..Walk::default()
    };
    walk.enter(folder).is_ok() && !walk.images.is_empty()
}

pub(super) fn read(path: &Path, options: &LoadOptions, mut notes: Vec<String>) -> Result<Dataset> {
    check_options(path, options)?;
    let mut outer = Walk::default();
    let folders = outer.list(path)?;
    let walks: Vec<Walk> = folders
        .par_iter()
        .map(|folder| {
            let mut walk = Walk::default();
            walk.enter(folder)?;
            walk.images
                .sort_by(|a, b| a.as_os_str().as_encoded_bytes().cmp(b.as_os_str().as_encoded_bytes()));
            Ok(walk)
        })
        .collect::<Result<_>>()?;

    let (mut hidden, mut others, mut empty) = (outer.hidden, outer.others, Vec::new());
    let mut classes: Vec<(String, Vec<PathBuf>)> = Vec::new();
    for (folder, walk) in folders.iter().zip(walks) {
        let name = readable(folder.file_name().unwrap_or_default());
        hidden += walk.hidden;
        for (extension, count) in walk.others {
            *others.entry(extension).or_default() += count;
        }
        if walk.images.is_empty() {
            empty.push(name);
        } else {
            classes.push((name, walk.images));
        }
    }
    distinguish(&mut classes);
    classes.sort_by(|a, b| a.0.cmp(&b.0));

    notes.extend(note(outer.images.len(), "image", "outside the class folders"));
    notes.extend(note(hidden, "hidden file", ""));
    let ignored: usize = others.values().sum();
    let extensions: Vec<&str> = others.keys().map(String::as_str).collect();
    notes.extend(note(
        ignored,
        "file",
        &format!(
            "{} of a supported format: {}",
            if ignored == 1 {
                "that is not an image"
            } else {
                "that are not images"
            },
            listed(&extensions)
        ),
    ));
    if !empty.is_empty() {
        notes.push(format!(
            "ignored {} without images: {}",
            counted(empty.len(), "class folder"),
            listed(&empty)
        ));
    }

    let names: Vec<String> = classes.iter().map(|(name, _)| name.clone()).collect();
    if names.len() < 2 {
        let message = format!(
            "fewer than two classes: expected at least two folders that hold images, found {}: {}",
            names.len(),
            listed(&names)
        );
        return Err(Error::invalid(message).in_file(path));
    }
    let (mut files, mut labels) = (Vec::new(), Vec::new());
    for (label, (_, images)) in (0_u32..).zip(classes) {
        labels.resize(labels.len() + images.len(), label);
        files.extend(images);
    }
    let inferred = Inference {
        task: Task::Classification,
        reason: format!("there are {} class folders of images", names.len()),
    };
    let mut dataset = Dataset::new(path, Inputs::images(files), DatasetTargets::Classes { names, labels })?;
    dataset.inferred = inferred;
    dataset.notes = notes;
    Ok(dataset)
}

fn check_options(path: &Path, options: &LoadOptions) -> Result<()> {
    let refuse = |what: String| {
        let message = format!("class folders have one class an image and no columns, but {what}");
        Err(Error::invalid(message).in_file(path))
    };
    if let Some(task) = options.task.filter(|task| *task != Task::Classification) {
        return refuse(format!(
            "task {task} was requested; it needs a table with a target column"
        ));
    }
    if !options.targets.is_empty() {
        let targets = listed(&options.targets);
        return refuse(format!(
            "target column {targets} was requested; name the table that has it"
        ));
    }
    if let Some(column) = &options.input_column {
        return refuse(format!(
            "input column {column:?} was requested; name the table that has it"
        ));
    }
    if options.label_delimiter.is_some() {
        return refuse("a label delimiter was given; several labels an image need a table".to_owned());
    }
    Ok(())
}

fn note(count: usize, what: &str, which: &str) -> Option<String> {
    (count > 0).then(|| {
        format!("ignored {} {which}", counted(count, what))
            .trim_end()
            .to_owned()
    })
}

/// A name as text; bytes that are not UTF-8 become `\xff`, so that different names stay different.
fn readable(name: &OsStr) -> String {
    let mut text = String::new();
    for chunk in name.as_encoded_bytes().utf8_chunks() {
        text += chunk.valid();
        for byte in chunk.invalid() {
            text += &format!("\\x{byte:02x}");
        }
    }
    text
}

/// Numbers names that have the same text (`\xff` as a byte and as four characters).
fn distinguish(classes: &mut [(String, Vec<PathBuf>)]) {
    let mut taken: HashSet<String> = HashSet::new();
    for (name, _) in classes {
        let base = name.clone();
        let mut number = 1;
        while !taken.insert(name.clone()) {
            number += 1;
            *name = format!("{base} ({number})");
        }
    }
}

#[derive(Default, PartialEq)]
enum OnlyFirst {
    Yes,
    #[default]
    No,
}

#[derive(Default)]
struct Walk {
    images: Vec<PathBuf>,
    hidden: usize,
    /// Other files, counted by extension.
    others: BTreeMap<String, usize>,
    entered: HashSet<PathBuf>,
    only_first: OnlyFirst,
}

impl Walk {
    /// Walks a folder and all folders within it.
    fn enter(&mut self, folder: &Path) -> Result<()> {
        // A list instead of recursion: the user's folders may be deeper than the stack.
        let mut left = vec![folder.to_owned()];
        while let Some(folder) = left.pop() {
            let real =
                fs::canonicalize(&folder).map_err(|source| Error::io("cannot read the folder", &folder, source))?;
            if !self.entered.insert(real) {
                continue;
            }
            let mut inner = self.list(&folder)?;
            if self.only_first == OnlyFirst::Yes && !self.images.is_empty() {
                return Ok(());
            }
            inner.reverse();
            left.append(&mut inner);
        }
        Ok(())
    }

    /// Records the files of one folder and returns its folders, sorted by name.
    fn list(&mut self, folder: &Path) -> Result<Vec<PathBuf>> {
        let error = |source| Error::io("cannot read the folder", folder, source);
        let mut folders = Vec::new();
        for entry in fs::read_dir(folder).map_err(error)? {
            let entry = entry.map_err(error)?;
            let path = entry.path();
            if is_hidden(&entry.file_name()) {
                self.hidden += 1;
                continue;
            }
            let mut kind = entry.file_type().map_err(error)?;
            if kind.is_symlink() {
                let Ok(metadata) = fs::metadata(&path) else {
                    // The target does not exist, or the links form a loop.
                    *self.others.entry("broken link".to_owned()).or_default() += 1;
                    continue;
                };
                kind = metadata.file_type();
            }
            if kind.is_dir() {
                folders.push(path);
            } else if kind.is_file() && is_image(&path) {
                self.images.push(path);
            } else {
                // Pipes and sockets too: opening one could wait for ever.
                let extension = path
                    .extension()
                    .map(|extension| format!(".{}", extension.to_string_lossy().to_lowercase()));
                *self
                    .others
                    .entry(extension.unwrap_or_else(|| "no extension".to_owned()))
                    .or_default() += 1;
            }
        }
        folders.sort_by(|a, b| a.as_os_str().as_encoded_bytes().cmp(b.as_os_str().as_encoded_bytes()));
        Ok(folders)
    }
}
