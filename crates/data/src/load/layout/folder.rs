//! What lies in a folder: entries by kind, splits, and inner data sets.

use std::fs;
use std::path::{Path, PathBuf};

use super::Split;
use crate::error::{counted, listed};
use crate::load::data_files::is_description;
use crate::load::{brat, class_folders, shards, table};
use crate::{Error, Result};

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum EntryKind {
    Folder,
    Table,
    Image,
    Other,
}

pub(super) struct Entry {
    pub(super) name: String,
    pub(super) path: PathBuf,
    pub(super) kind: EntryKind,
}

impl Entry {
    pub(super) fn stem(&self) -> String {
        stem_of(&self.path)
    }

    /// Whether the table shows how predictions are handed in to a competition of Kaggle.
    pub(super) fn shows_submission(&self) -> bool {
        let stem: String = self.stem().chars().filter(char::is_ascii_alphabetic).collect();
        stem.ends_with("submission")
    }
}

/// The name of a file without its ending, also `.csv.gz`, in lower case.
pub(super) fn stem_of(path: &Path) -> String {
    let stem = Path::new(path.file_stem().unwrap_or_default());
    let is_packed = path
        .extension()
        .is_some_and(|extension| extension.eq_ignore_ascii_case("gz"));
    let stem = if is_packed {
        stem.file_stem().unwrap_or_default()
    } else {
        stem.as_os_str()
    };
    stem.to_string_lossy().to_lowercase()
}

/// The entries of a folder, sorted by name, without hidden ones.
pub(super) struct Folder {
    pub(super) path: PathBuf,
    pub(super) entries: Vec<Entry>,
}

impl Folder {
    pub(super) fn read(path: &Path) -> Result<Self> {
        let error = |source| Error::io("cannot read the folder", path, source);
        let mut entries = Vec::new();
        for entry in fs::read_dir(path).map_err(error)? {
            let entry = entry.map_err(error)?;
            let name = entry.file_name();
            if class_folders::is_hidden(&name) {
                continue;
            }
            let path = entry.path();
            // Follows links; broken links are ignored.
            let Ok(metadata) = fs::metadata(&path) else { continue };
            let kind = if metadata.is_dir() {
                EntryKind::Folder
            } else if !metadata.is_file() {
                EntryKind::Other
            } else if table::is_table(&path) && !is_description(&name.to_string_lossy()) {
                EntryKind::Table
            } else if class_folders::is_image(&path) {
                EntryKind::Image
            } else {
                EntryKind::Other
            };
            entries.push(Entry {
                name: name.to_string_lossy().into_owned(),
                path,
                kind,
            });
        }
        entries.sort_by(|a, b| a.path.as_os_str().cmp(b.path.as_os_str()));
        Ok(Self {
            path: path.to_owned(),
            entries,
        })
    }

    pub(super) fn of(&self, kind: EntryKind) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(move |entry| entry.kind == kind)
    }

    /// The annotations of brat with a text beside them.
    pub(super) fn documents(&self) -> impl Iterator<Item = &Entry> {
        self.of(EntryKind::Other).filter(|entry| brat::is_document(&entry.path))
    }

    pub(super) fn split_tables(&self) -> Vec<(Split, &Entry)> {
        let named = self.of(EntryKind::Table);
        let named: Vec<_> = named
            .filter_map(|table| Some((shards::name(&table.stem()).split?, table)))
            .collect();
        if !named.is_empty() {
            return named;
        }
        // `sst2_train.csv` beside `sst2_test.csv`.
        let tables = self.of(EntryKind::Table).filter(|table| !table.shows_submission());
        let all: Option<Vec<_>> = tables
            .map(|table| Some((shards::split_word(&table.stem())?, table)))
            .collect();
        // One table such as `train_labels.csv` needs folders of its files: `train_images` and `test_images`.
        let has_folders = || {
            self.of(EntryKind::Folder)
                .any(|folder| shards::split_word(&folder.name).is_some())
        };
        all.filter(|tables| tables.len() > 1 || (tables.len() == 1 && has_folders()))
            .unwrap_or_default()
    }

    /// The only folder in this one that holds a data set, where nothing else does: `data`, or the one configuration of a data
    /// set of the Hugging Face hub, or a folder that an archive was unpacked to.
    ///
    /// # Errors
    /// `Invalid` if several do.
    pub(super) fn only_inner(&self) -> Result<Option<PathBuf>> {
        // So many folders are classes, and looking into all of them takes long.
        const MOST: usize = 100;
        let folders = self.of(EntryKind::Folder).count();
        let has = |kind: EntryKind| self.of(kind).next().is_some();
        if has(EntryKind::Table) || has(EntryKind::Image) || folders > MOST {
            return Ok(None);
        }
        let is_set = |entry: &&Entry| {
            Self::read(&entry.path).is_ok_and(|inner| {
                let holds = |folder: &&Entry| class_folders::holds_images(&folder.path);
                let has_images = inner.of(EntryKind::Folder).filter(holds).count();
                let has_data = inner.of(EntryKind::Table).next().is_some() || inner.documents().next().is_some();
                has_data || !inner.split_folders().is_empty() || has_images > 1
            })
        };
        let sets: Vec<&Entry> = self.of(EntryKind::Folder).filter(is_set).collect();
        match sets.as_slice() {
            [only] => {
                // Beside other folders of images it is a class with folders in it.
                let others = self.of(EntryKind::Folder).filter(|entry| entry.path != only.path);
                let is_class = folders > 1 && others.into_iter().any(|entry| class_folders::holds_images(&entry.path));
                Ok((!is_class).then(|| only.path.clone()))
            }
            several if several.len() > 1 && several.iter().all(|set| !class_folders::holds_images(&set.path)) => {
                let names: Vec<&str> = several.iter().map(|set| set.name.as_str()).collect();
                let message = format!("holds {} data sets: {}; name one of them", names.len(), listed(&names));
                Err(Error::invalid(message).in_file(&self.path))
            }
            _ => Ok(None),
        }
    }

    /// Folders named like splits, if at least one of them holds class folders or a table. Else they are classes that happen to
    /// have such a name.
    pub(super) fn split_folders(&self) -> Vec<(Split, &Entry)> {
        let named: Vec<_> = self
            .of(EntryKind::Folder)
            .filter_map(|folder| Some((Split::named(&folder.name)?, folder)))
            .collect();
        let is_split = |(_, folder): &(Split, &Entry)| {
            Self::read(&folder.path).is_ok_and(|folder| {
                folder.of(EntryKind::Table).next().is_some()
                    || folder.documents().next().is_some()
                    || folder
                        .of(EntryKind::Folder)
                        .any(|inner| class_folders::holds_images(&inner.path))
            })
        };
        // A single folder "train" of images is a class, or an error that is reported later.
        if named.iter().any(is_split) { named } else { Vec::new() }
    }

    /// Folders that have splits are data sets, not classes.
    pub(super) fn refuse_data_sets(&self) -> Result<()> {
        let has_splits = |entry: &&Entry| {
            Self::read(&entry.path)
                .is_ok_and(|inner| !inner.split_tables().is_empty() || !inner.split_folders().is_empty())
        };
        let sets: Vec<&str> = self
            .of(EntryKind::Folder)
            .filter(has_splits)
            .map(|entry| entry.name.as_str())
            .collect();
        if sets.is_empty() {
            return Ok(());
        }
        let message = format!(
            "{} hold splits, so they are data sets, not classes; name one of them",
            listed(&sets)
        );
        Err(Error::invalid(message).in_file(&self.path))
    }

    pub(super) fn without_data(&self) -> Error {
        let images = self.of(EntryKind::Image).count();
        let message = if images > 0 {
            let parent = self.path.parent().and_then(|parent| Self::read(parent).ok());
            let beside = parent.and_then(|parent| {
                let tables: Vec<&str> = parent.of(EntryKind::Table).map(|table| table.name.as_str()).collect();
                (!tables.is_empty()).then(|| format!(" (the folder above has {})", listed(&tables)))
            });
            format!(
                "holds {} but no class folders, so the images have no labels; put the images of each class into its own folder, \
                 or name a table with a column of files and a target column{}",
                counted(images, "image"),
                beside.unwrap_or_default()
            )
        } else if self.entries.is_empty() {
            "the folder is empty; expected class folders of images, train/ and test/ of such, or a table".to_owned()
        } else {
            let names: Vec<&str> = self.entries.iter().map(|entry| entry.name.as_str()).collect();
            format!(
                "holds no data set: expected class folders of images, train/ and test/ of such, or a table ({}); found {}{}",
                table::extensions(),
                listed(&names),
                self.what_is_there()
            )
        };
        Error::invalid(message).in_file(&self.path)
    }
}
