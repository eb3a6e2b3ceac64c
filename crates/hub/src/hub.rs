//! The models that a user's `--hub` arguments stand for.
//!
//! | a source | its models |
//! |---|---|
//! | a folder with `model.onnx`, `onnx/model.onnx`, or one ONNX file | the folder itself |
//! | a folder with several ONNX files | each of them, without configuration, and the folders in it |
//! | a folder of folders | each folder, as above |
//! | an ONNX file | itself, with the configuration beside it if it is its folder's model |
//! | a manifest, `.toml` or `.json` | those it names, see [`Manifest`] |
//! | `hf:ORGANISATION/NAME@REVISION` | the repository's model, downloaded |
//! | `starter:NAME` | those of a list that comes with the program, see [`starter`] |
//!
//! Folders are looked into one level deep, hidden ones not at all. One broken model never stops the others: it is listed under
//! [`Hub::skipped`] with its reason.

use std::collections::BTreeSet;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use crate::{Error, ErrorKind, FileChoice, HubEntry, Location, Manifest, Overrides, RepoId, Snapshot, starter};

/// Where models come from. A new kind of source is one variant here and one arm in [`Hub::open`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Source {
    /// A folder, an ONNX file, or a manifest.
    Path(PathBuf),
    /// `hf:ORGANISATION/NAME@REVISION`, a repository on the Hugging Face hub.
    HuggingFace(String),
    /// `starter:NAME`, a list that comes with the program.
    Starter(String),
}

impl Source {
    /// Whether using the source may take a download, as opposed to a folder or a file.
    pub fn may_download(&self) -> bool {
        match self {
            Self::Path(path) => Manifest::is_manifest(path) && path.is_file(),
            Self::HuggingFace(_) | Self::Starter(_) => true,
        }
    }
}

impl From<&Path> for Source {
    /// A path, unless it begins with `hf:` or `starter:`.
    fn from(path: &Path) -> Self {
        let text = path.to_str().unwrap_or_default();
        match (text.strip_prefix("hf:"), text.strip_prefix("starter:")) {
            (Some(repository), _) => Self::HuggingFace(repository.to_owned()),
            (_, Some(list)) => Self::Starter(list.to_owned()),
            _ => Self::Path(path.to_owned()),
        }
    }
}

impl From<&str> for Source {
    fn from(text: &str) -> Self {
        Self::from(Path::new(text))
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path(path) => write!(f, "{}", path.display()),
            Self::HuggingFace(repository) => write!(f, "hf:{repository}"),
            Self::Starter(list) => write!(f, "starter:{list}"),
        }
    }
}

/// Brings a repository's model onto the disk, as `remote::Remote::fetch` does.
pub type Download<'a> = dyn FnMut(&RepoId, &FileChoice) -> Result<Snapshot, Error> + 'a;

/// Something in a hub that is not among its models, and why.
#[derive(Debug)]
pub struct Skipped {
    /// The name it would have had.
    pub name: String,
    /// Folder or file.
    pub path: PathBuf,
    /// What is wrong with it.
    pub reason: Error,
}

/// Models, sorted by name.
#[derive(Debug, Default)]
pub struct Hub {
    /// The models.
    pub entries: Vec<HubEntry>,
    /// What was found and cannot be used.
    pub skipped: Vec<Skipped>,
}

/// What a source turned out to hold.
#[derive(Default)]
struct Candidate {
    name: String,
    model: PathBuf,
    /// The folder of its configuration.
    dir: Option<PathBuf>,
    overrides: Overrides,
    pinned: Option<RepoId>,
}

impl Candidate {
    fn new(name: String, model: PathBuf, dir: Option<PathBuf>) -> Self {
        Self {
            name,
            model,
            dir,
            ..Self::default()
        }
    }

    fn open(self) -> Result<HubEntry, Skipped> {
        let Self { name, model, dir, .. } = self;
        let mut entry = HubEntry::open(name.clone(), model.clone(), dir).map_err(|reason| Skipped {
            name,
            path: model,
            reason,
        })?;
        entry.pinned = self.pinned;
        Ok(entry.with_overrides(self.overrides))
    }
}

/// A model, or what is wrong.
type Found = Result<Candidate, Skipped>;

impl Hub {
    /// Finds the models of `sources` on the disk. A model that is reached twice is there once; two models of one name get a
    /// number.
    ///
    /// # Errors
    /// [`ErrorKind::Io`]: a source does not exist or cannot be read. [`ErrorKind::Malformed`]: a manifest that is none.
    /// [`ErrorKind::NotFound`]: no source, or no model in any of them. [`ErrorKind::Unsupported`]: a source that would have to be
    /// downloaded, if there is no other.
    pub fn open(sources: &[Source]) -> Result<Self, Error> {
        Self::open_with(sources, &mut |id, _| {
            let text = format!("{id}: nothing is downloaded here; download the model to a folder, and name the folder");
            Err(Error::unsupported(text))
        })
    }

    /// As [`Hub::open`], and downloads what is on another hub. One that cannot be had is skipped with the reason.
    ///
    /// # Errors
    /// As there; and `download`'s, if there is no other model.
    pub fn open_with(sources: &[Source], download: &mut Download<'_>) -> Result<Self, Error> {
        if sources.is_empty() {
            return Err(Error::new(
                ErrorKind::NotFound,
                "no hub given: expected a folder of models, or ONNX files",
            ));
        }
        let mut found = Vec::new();
        for source in sources {
            match source {
                Source::Path(path) if Manifest::is_manifest(path) && path.is_file() => {
                    manifest(Manifest::read(path)?, download, &mut found);
                }
                Source::Path(path) => search(path, &mut found)?,
                Source::HuggingFace(name) => {
                    let id = RepoId::parse(name)?;
                    found.push(repository(&id, &FileChoice::default(), download));
                }
                Source::Starter(name) => manifest(starter::list(name)?, download, &mut found),
            }
        }
        let mut hub = Self::default();
        let (mut known, mut names) = (BTreeSet::new(), BTreeSet::new());
        for found in found {
            let mut candidate = match found {
                Ok(candidate) => candidate,
                Err(skipped) => {
                    hub.skipped.push(skipped);
                    continue;
                }
            };
            let file = fs::canonicalize(&candidate.model).unwrap_or_else(|_| candidate.model.clone());
            // One file with two sets of overrides is two models.
            if !known.insert((file, format!("{:?}", candidate.overrides))) {
                continue;
            }
            candidate.name = distinct(candidate.name, &mut names);
            match candidate.open() {
                Ok(entry) => hub.entries.push(entry),
                Err(skipped) => hub.skipped.push(skipped),
            }
        }
        hub.entries.sort_by(|a, b| a.name.cmp(&b.name));
        hub.skipped.sort_by(|a, b| (&a.name, &a.path).cmp(&(&b.name, &b.path)));
        if hub.entries.is_empty() {
            return Err(nothing(sources, &mut hub.skipped));
        }
        Ok(hub)
    }

    /// The repositories that opening `sources` would have downloaded, each once, in their order: what a caller may fetch
    /// beforehand, several at a time.
    ///
    /// # Errors
    /// [`ErrorKind::Malformed`]: a name or a manifest that is none; [`ErrorKind::Io`]: a manifest that cannot be read;
    /// [`ErrorKind::NotFound`]: a list that does not exist.
    pub fn repositories(sources: &[Source]) -> Result<Vec<(RepoId, FileChoice)>, Error> {
        let mut found: Vec<(RepoId, FileChoice)> = Vec::new();
        for source in sources {
            let manifest = match source {
                Source::HuggingFace(name) => {
                    found.push((RepoId::parse(name)?, FileChoice::default()));
                    continue;
                }
                Source::Path(path) if source.may_download() => Manifest::read(path)?,
                Source::Path(_) => continue,
                Source::Starter(name) => starter::list(name)?,
            };
            found.extend(manifest.models.into_iter().filter_map(|model| match model.location {
                Location::Repository { id, choice } => Some((id, choice)),
                Location::Path(_) => None,
            }));
        }
        let mut unique: Vec<(RepoId, FileChoice)> = Vec::new();
        for repository in found {
            if !unique.contains(&repository) {
                unique.push(repository);
            }
        }
        Ok(unique)
    }

    /// The model called `name`.
    pub fn get(&self, name: &str) -> Option<&HubEntry> {
        self.entries.iter().find(|entry| entry.name == name)
    }
}

/// The error for a hub without any model: what was looked for, where, and what is wrong with what was there.
fn nothing(sources: &[Source], skipped: &mut Vec<Skipped>) -> Error {
    // One thing that is there and broken says more than that nothing is there.
    if skipped.len() == 1
        && let Some(only) = skipped.pop()
    {
        return only.reason;
    }
    let paths: Vec<String> = sources.iter().map(Source::to_string).collect();
    let mut text = format!(
        "no model found in {}: expected an ONNX file, or folders that hold model.onnx, onnx/model.onnx or one ONNX file",
        paths.join(", ")
    );
    for skipped in skipped.iter().take(3) {
        text += &format!("; {}: {}", skipped.name, skipped.reason);
    }
    if skipped.len() > 3 {
        text += &format!("; and {} more", skipped.len() - 3);
    }
    Error::new(ErrorKind::NotFound, text)
}

/// The models that a manifest names.
fn manifest(manifest: Manifest, download: &mut Download<'_>, found: &mut Vec<Found>) {
    for model in manifest.models {
        let candidate = match &model.location {
            Location::Repository { id, choice } => repository(id, choice, download),
            Location::Path(path) => one(path).map_err(|reason| Skipped {
                name: model.name.clone().unwrap_or_else(|| name_of(path)),
                path: path.clone(),
                reason,
            }),
        };
        found.push(candidate.map(|mut candidate| {
            candidate.name = model.name.unwrap_or(candidate.name);
            candidate.overrides = model.overrides;
            candidate
        }));
    }
}

/// The model of a repository, called as the repository is.
fn repository(id: &RepoId, choice: &FileChoice, download: &mut Download<'_>) -> Found {
    let name = id.name().rsplit('/').next().unwrap_or_default().to_owned();
    match download(id, choice) {
        Ok(snapshot) => Ok(Candidate {
            pinned: Some(snapshot.id),
            ..Candidate::new(name, snapshot.model, Some(snapshot.dir))
        }),
        Err(reason) => Err(Skipped {
            name,
            path: id.to_string().into(),
            reason,
        }),
    }
}

/// The one model that a manifest's path stands for.
fn one(path: &Path) -> Result<Candidate, Error> {
    if path.is_dir() {
        let listing = Listing::read(path)?;
        let model = listing.model().ok_or_else(|| listing.no_model().in_file(path))?;
        return Ok(Candidate::new(name_of(path), model, Some(path.to_owned())));
    }
    if !path.is_file() {
        let text = "there is no such folder or file; a manifest's paths begin at its own folder";
        return Err(Error::new(ErrorKind::NotFound, text).in_file(path));
    }
    Ok(single_file(path))
}

fn search(path: &Path, found: &mut Vec<Found>) -> Result<(), Error> {
    let meta = fs::metadata(path).map_err(|e| {
        let text = "cannot open the hub: expected a folder of models, or an ONNX file";
        Error::new(ErrorKind::Io, text).caused_by(e).in_file(path)
    })?;
    if !meta.is_dir() {
        found.push(Ok(single_file(path)));
        return Ok(());
    }
    let listing = Listing::read(path)?;
    if let Some(model) = listing.model() {
        found.push(Ok(Candidate::new(name_of(path), model, Some(path.to_owned()))));
        return Ok(());
    }
    let file = |file: &PathBuf| Candidate::new(stem_of(file), file.clone(), None);
    found.extend(listing.onnx.iter().map(|path| Ok(file(path))));
    for folder in &listing.folders {
        let name = name_of(folder);
        let listing = Listing::read(folder);
        let reason = match &listing {
            Ok(listing) => match listing.model() {
                Some(model) => {
                    found.push(Ok(Candidate::new(name, model, Some(folder.clone()))));
                    continue;
                }
                None => listing.no_model().in_file(folder),
            },
            Err(_) => Error::new(ErrorKind::Io, "cannot list the folder").in_file(folder),
        };
        let path = folder.clone();
        found.push(Err(Skipped { name, path, reason }));
    }
    Ok(())
}

/// A file that was named itself. Configuration files beside it are its own only if it is what its folder stands for; the outer
/// folder first, because of `onnx/model.onnx`.
fn single_file(path: &Path) -> Candidate {
    let canonical = fs::canonicalize(path).ok();
    let is_model_of = |dir: &&Path| {
        let model = Listing::read(dir).ok().and_then(|listing| listing.model());
        model
            .and_then(|model| fs::canonicalize(model).ok())
            .is_some_and(|model| Some(model) == canonical)
    };
    let parents: Vec<&Path> = canonical
        .iter()
        .flat_map(|path| path.ancestors().skip(1).take(2))
        .collect();
    match parents.into_iter().rev().find(is_model_of) {
        Some(dir) => {
            let name = if stem_of(path) == "model" {
                name_of(dir)
            } else {
                stem_of(path)
            };
            Candidate::new(name, path.to_owned(), Some(dir.to_owned()))
        }
        None => Candidate::new(stem_of(path), path.to_owned(), None),
    }
}

/// What is in a folder, sorted.
struct Listing {
    dir: PathBuf,
    onnx: Vec<PathBuf>,
    folders: Vec<PathBuf>,
}

impl Listing {
    fn read(dir: &Path) -> Result<Self, Error> {
        let io = |e: std::io::Error| {
            Error::new(ErrorKind::Io, "cannot list the folder")
                .caused_by(e)
                .in_file(dir)
        };
        let (mut onnx, mut folders) = (Vec::new(), Vec::new());
        for item in fs::read_dir(dir).map_err(io)? {
            let item = item.map_err(io)?;
            let path = item.path();
            if item.file_name().to_string_lossy().starts_with('.') {
                continue;
            }
            if path.is_dir() {
                folders.push(path);
            } else if is_onnx(&path) {
                onnx.push(path);
            }
        }
        onnx.sort();
        folders.sort();
        let dir = dir.to_owned();
        Ok(Self { dir, onnx, folders })
    }

    /// The ONNX file that the folder stands for, if it is clear which.
    fn model(&self) -> Option<PathBuf> {
        let in_onnx = || {
            let dir = self.dir.join("onnx");
            let files = if dir.is_dir() {
                Self::read(&dir).map(|inner| inner.onnx).unwrap_or_default()
            } else {
                Vec::new()
            };
            (dir, files)
        };
        let pick = |dir: &Path, files: &[PathBuf]| {
            let named = dir.join("model.onnx");
            if files.contains(&named) { Some(named) } else { None }
        };
        let only = |files: &[PathBuf]| if let [only] = files { Some(only.clone()) } else { None };
        pick(&self.dir, &self.onnx).or_else(|| {
            let (dir, files) = in_onnx();
            let inner = pick(&dir, &files).or_else(|| only(&files).filter(|_| self.onnx.is_empty()));
            inner.or_else(|| only(&self.onnx))
        })
    }

    fn no_model(&self) -> Error {
        let names: Vec<String> = self.onnx.iter().take(5).map(|file| name_of(file)).collect();
        let text = if names.is_empty() {
            "no model: expected model.onnx, onnx/model.onnx or one ONNX file".to_owned()
        } else {
            let (n, names) = (self.onnx.len(), names.join(", "));
            format!("expected model.onnx or one ONNX file, found {n} ({names}); name the one to use model.onnx")
        };
        Error::new(ErrorKind::NotFound, text)
    }
}

fn is_onnx(path: &Path) -> bool {
    path.extension()
        .is_some_and(|extension| extension.eq_ignore_ascii_case("onnx"))
}

/// The last part of a path, also of `.` and `..`.
fn name_of(path: &Path) -> String {
    let name = |path: &Path| path.file_name().map(|name| name.to_string_lossy().into_owned());
    name(path)
        .or_else(|| name(&fs::canonicalize(path).ok()?))
        .unwrap_or_else(|| path.display().to_string())
}

fn stem_of(path: &Path) -> String {
    path.file_stem()
        .map_or_else(|| name_of(path), |stem| stem.to_string_lossy().into_owned())
}

/// `name`, or the first of `name-2`, `name-3`, … that is free.
fn distinct(name: String, taken: &mut BTreeSet<String>) -> String {
    let mut unique = name.clone();
    let mut number = 2;
    while !taken.insert(unique.clone()) {
        unique = format!("{name}-{number}");
        number += 1;
    }
    unique
}
