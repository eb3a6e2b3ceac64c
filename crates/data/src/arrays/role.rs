//! Selects an array in a file that holds several.

use std::path::{Path, PathBuf};

use ranktune_core::names::did_you_mean;

use crate::error::listed;
use crate::{Error, Result};

/// The use of an array. It decides which array of a file is read.
pub(crate) struct Role {
    /// Its name in errors.
    pub(crate) what: &'static str,
    /// Usual names of such an array, the most usual first.
    pub(crate) names: &'static [&'static str],
    /// Accepted numbers of dimensions.
    pub(crate) dimensions: &'static [usize],
}

pub(crate) const FEATURES: Role = Role {
    what: "features",
    names: &["features", "embeddings", "X", "x"],
    dimensions: &[2],
};
pub(crate) const PROBABILITIES: Role = Role {
    what: "probabilities",
    names: &["probabilities", "probs", "source_probabilities"],
    dimensions: &[2],
};
pub(crate) const TARGETS: Role = Role {
    what: "targets",
    names: &["labels", "targets", "label", "target", "Y", "y"],
    dimensions: &[1],
};

/// A file, and the array or column in it if the user named one: `file.npz:name`.
pub(crate) struct ArrayPath {
    pub(crate) file: PathBuf,
    pub(crate) member: Option<String>,
}

impl ArrayPath {
    /// An existing path is a file, even if it has a colon. Else the text after the last colon is the name of an array.
    pub(crate) fn parse(path: &Path) -> Self {
        let whole = Self {
            file: path.to_owned(),
            member: None,
        };
        if path.exists() {
            return whole;
        }
        match path.to_str().and_then(|text| text.rsplit_once(':')) {
            Some((file, member)) if !member.is_empty() && Path::new(file).is_file() => Self {
                file: PathBuf::from(file),
                member: Some(member.to_owned()),
            },
            _ => whole,
        }
    }
}

/// The index of the array with the requested name, or else with a usual name or a fitting number of dimensions.
pub(crate) fn choose(
    names: &[String],
    shape: impl Fn(usize) -> Option<Vec<usize>>,
    asked: Option<&str>,
    role: &Role,
) -> Result<usize> {
    if let Some(asked) = asked {
        let asked = asked.strip_suffix(".npy").unwrap_or(asked);
        return names.iter().position(|name| name == asked).ok_or_else(|| {
            let message = format!("no array {asked:?}; there are {}", listed(names));
            Error::not_found(message + &did_you_mean(asked, names.iter().map(String::as_str)))
        });
    }
    for name in role.names {
        if let Some(index) = names.iter().position(|found| found == name) {
            return Ok(index);
        }
    }
    let mut fitting: Vec<usize> = (0..names.len())
        .filter(|&index| shape(index).is_some_and(|shape| role.dimensions.contains(&shape.len())))
        .collect();
    if fitting.is_empty() && names.len() == 1 {
        // The reader reports what is wrong with the only array.
        fitting.push(0);
    }
    match fitting.as_slice() {
        [index] => Ok(*index),
        [] => {
            let message = format!(
                "no array for {}: expected {:?} or one of {} dimensions; there are {}",
                role.what,
                role.names[0],
                role.dimensions[0],
                listed(names)
            );
            Err(Error::not_found(message))
        }
        several => {
            let names: Vec<&str> = several.iter().map(|&index| names[index].as_str()).collect();
            let message = format!(
                "{} could all be the {}; name one of them, as in FILE:{}",
                listed(&names),
                role.what,
                names[0]
            );
            Err(Error::not_found(message))
        }
    }
}
