//! Tensor data that lies in files beside the model.
//!
//! A model file is foreign input, so `location` may only name a file inside the model's folder: absolute paths, `..`,
//! and links that lead out of the folder are refused. Each file is opened once and shared by all tensors in it.

use std::collections::HashMap;
use std::path::{Component, Path, PathBuf};

use bytes::Bytes;
use ranktune_core::files::stays_inside;

use super::file::open;
use crate::proto::TensorProto;
use crate::{Error, ErrorKind};

/// The external files of one model.
pub struct ExternalFiles {
    folder: Option<PathBuf>,
    open: HashMap<String, Bytes>,
}

impl ExternalFiles {
    /// Files beside the model at `path`; without a path, external data is refused.
    pub fn beside(path: Option<&Path>) -> Self {
        let folder = path.map(|path| match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
            _ => PathBuf::from("."),
        });
        Self {
            folder,
            open: HashMap::new(),
        }
    }

    /// The bytes of `tensor`, which are `expected` many.
    ///
    /// # Errors
    /// `Invalid` for a location outside the folder or a range outside the file; `Io` when the file cannot be read.
    pub fn data(&mut self, tensor: &TensorProto, expected: usize) -> Result<Bytes, Error> {
        let entry = |key: &str| {
            let found = tensor
                .external_data
                .iter()
                .find(|entry| entry.key.as_deref() == Some(key));
            found.and_then(|entry| entry.value.as_deref())
        };
        let number = |key: &str| match entry(key) {
            None => Ok(None),
            Some(text) => match text.trim().parse::<usize>() {
                Ok(number) => Ok(Some(number)),
                Err(_) => Err(invalid(format!(
                    "external data: expected a number as {key}, found {text:?}"
                ))),
            },
        };
        let location = entry("location").ok_or_else(|| invalid("external data names no location".to_owned()))?;
        let offset = number("offset")?.unwrap_or(0);
        let length = number("length")?.unwrap_or(expected);
        if length != expected {
            return Err(invalid(format!(
                "external data in {location:?}: the shape takes {expected} bytes, found a length of {length}"
            )));
        }
        let file = self.file(location)?;
        let end = offset.checked_add(length).filter(|&end| end <= file.len());
        let end = end.ok_or_else(|| {
            let size = file.len();
            invalid(format!(
                "external data in {location:?}: expected {length} bytes at offset {offset}, but the file has {size} \
                 bytes; the download may be incomplete"
            ))
        })?;
        Ok(file.slice(offset..end))
    }

    fn file(&mut self, location: &str) -> Result<&Bytes, Error> {
        let folder = self.folder.as_deref().ok_or_else(|| {
            invalid(format!(
                "external data in {location:?} cannot be found, as the model was not read from a file"
            ))
        })?;
        if !self.open.contains_key(location) {
            let bytes = open(&inside(folder, location)?)?;
            self.open.insert(location.to_owned(), bytes);
        }
        Ok(&self.open[location])
    }
}

/// The path of `location` in `folder`, where it stays inside.
fn inside(folder: &Path, location: &str) -> Result<PathBuf, Error> {
    let outside = || {
        invalid(format!(
            "external data in {location:?}: the location must be a relative path inside the model's folder"
        ))
    };
    // A backslash separates folders on one platform and is part of a name on another; models use `/`.
    let parts: Vec<Component> = Path::new(location).components().collect();
    let plain = parts
        .iter()
        .all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
    if parts.is_empty() || !plain || location.contains(['\\', '\0']) {
        return Err(outside());
    }
    let path = folder.join(location);
    // Links are followed only as far as they stay inside; a missing file is reported when it is opened.
    if !stays_inside(folder, &path) {
        return Err(outside());
    }
    Ok(path)
}

fn invalid(message: String) -> Error {
    Error::new(ErrorKind::Invalid, message)
}
