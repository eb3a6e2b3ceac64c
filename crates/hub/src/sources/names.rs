//! Names of models, from their paths.

use std::fs;
use std::path::Path;

/// The last part of a path, also of `.` and `..`.
pub(super) fn name_of(path: &Path) -> String {
    let name = |path: &Path| path.file_name().map(|name| name.to_string_lossy().into_owned());
    name(path)
        .or_else(|| name(&fs::canonicalize(path).ok()?))
        .unwrap_or_else(|| path.display().to_string())
}

/// The last part of a path without its extension.
pub(super) fn stem_of(path: &Path) -> String {
    path.file_stem()
        .map_or_else(|| name_of(path), |stem| stem.to_string_lossy().into_owned())
}
