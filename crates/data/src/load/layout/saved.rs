//! Folders that `save_to_disk` of the library `datasets` writes: `state.json` lists their files in order.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::{Error, Result};

/// The files that `state.json` lists, in their order; `None` without such a list.
///
/// # Errors
/// `Invalid`: a name that leads out of the folder. `NotFound`: a file that is not there.
pub(super) fn saved(folder: &Path) -> Result<Option<Vec<PathBuf>>> {
    let Ok(text) = fs::read(folder.join("state.json")) else {
        return Ok(None);
    };
    let state: Option<Value> = serde_json::from_slice(&text).ok();
    let Some(files) = state.as_ref().and_then(|state| state.get("_data_files")?.as_array()) else {
        return Ok(None);
    };
    let names = files.iter().filter_map(|file| file.get("filename")?.as_str());
    let mut paths = Vec::new();
    for name in names {
        if Path::new(name).file_name() != Some(name.as_ref()) {
            let message = format!("state.json lists {name:?}, which is no file of this folder");
            return Err(Error::invalid(message).in_file(folder));
        }
        let path = folder.join(name);
        if !path.is_file() {
            return Err(Error::not_found(format!("state.json lists {name:?}, which is not there")).in_file(folder));
        }
        paths.push(path);
    }
    Ok((!paths.is_empty()).then_some(paths))
}
