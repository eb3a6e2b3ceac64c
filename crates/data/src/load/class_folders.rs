//! Images in class folders: `class/…/file.jpg`, at any depth within the class.
//!
//! Order: classes by the bytes of their names, files by the bytes of their paths within the class. Links are followed, but a
//! real folder is entered once a class, so loops end. Hidden entries and files that are no images are left out and counted.

use std::collections::{BTreeMap, HashSet};
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use super::LoadOptions;
use crate::error::{counted, listed};
use crate::{Dataset, Error, Inference, Inputs, Result, Targets, Task};

/// What the image decoder reads, by extension.
const IMAGES: [&str; 10] = ["bmp", "gif", "jfif", "jpe", "jpeg", "jpg", "png", "tif", "tiff", "webp"];

pub(super) fn is_image(path: &Path) -> bool {
    let Some(extension) = path.extension().and_then(OsStr::to_str) else {
        return false;
    };
    IMAGES.iter().any(|image| extension.eq_ignore_ascii_case(image))
}

/// Entries that the user did not put there: `.DS_Store`, `._photo.jpg`, `.git`, `__MACOSX`, `Thumbs.db` …
pub(super) fn is_hidden(name: &OsStr) -> bool {
    let hidden = [
        OsStr::new("__MACOSX"),
        OsStr::new("Thumbs.db"),
        OsStr::new("desktop.ini"),
    ];
    name.as_encoded_bytes().starts_with(b".") || hidden.contains(&name)
}

/// Whether an image lies in the folder, at any depth. Stops at the first.
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
        &format!("that are no images this program reads: {}", listed(&extensions)),
    ));
    if !empty.is_empty() {
        notes.push(format!(
            "left out {} without images: {}",
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
    let mut dataset = Dataset::new(path, Inputs::images(files), Targets::Classes { names, labels })?;
    dataset.inferred = inferred;
    dataset.notes = notes;
    Ok(dataset)
}

fn check_options(path: &Path, options: &LoadOptions) -> Result<()> {
    let has = "class folders give one class an image";
    let message = match options {
        LoadOptions { task: Some(task), .. } if *task != Task::Classification => {
            format!("{has}, but task {task} was asked for; it needs a table with a target column")
        }
        LoadOptions { targets, .. } if !targets.is_empty() => {
            format!(
                "{has}, but target column {} was asked for; name the table that has it",
                listed(targets)
            )
        }
        LoadOptions {
            input_column: Some(column),
            ..
        } => format!("{has}, but input column {column:?} was asked for; name the table that has it"),
        LoadOptions {
            label_delimiter: Some(_),
            ..
        } => format!("{has}, but a label delimiter was given; several labels an image need a table"),
        _ => return Ok(()),
    };
    Err(Error::invalid(message).in_file(path))
}

fn note(count: usize, what: &str, which: &str) -> Option<String> {
    (count > 0).then(|| {
        format!("ignored {} {which}", counted(count, what))
            .trim_end()
            .to_owned()
    })
}

/// A name as text; bytes that are not UTF-8 are shown as `\xff`, so that different names stay different.
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

/// Two names that read the same (`\xff` as a byte and as four characters) get numbers.
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
    /// Files that are neither, by extension.
    others: BTreeMap<String, usize>,
    entered: HashSet<PathBuf>,
    only_first: OnlyFirst,
}

impl Walk {
    /// Walks a folder and everything in it.
    fn enter(&mut self, folder: &Path) -> Result<()> {
        // A list of what is left rather than recursion: depth is the user's, the stack is ours.
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

    /// Notes the files of one folder and gives its folders, by name.
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
                match fs::metadata(&path) {
                    Ok(metadata) => kind = metadata.file_type(),
                    // A link to nothing, or a loop of links.
                    Err(_) => {
                        *self.others.entry("broken link".to_owned()).or_default() += 1;
                        continue;
                    }
                }
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
