//! `search:WORDS`: the repositories that a search on the hub finds, with the options of [`SearchQuery`] among the words.
//!
//! The answer changes from day to day, so whoever opens the source searches once, and opens the repositories at the commits that
//! were found ([`Source::query`](super::Source::query)).

use std::path::Path;

use super::{SourceKind, after_scheme};
use crate::{Error, SearchQuery};

pub(super) const KIND: SourceKind = SourceKind {
    recognizes: |source| after_scheme(source, SCHEME).is_some(),
    repositories: Some(|source| Err(not_searched(source))),
    find: |source, _| Err(not_searched(source)),
};

const SCHEME: &str = "search:";

/// The query of a source of this kind.
pub(super) fn query(source: &Path) -> Option<Result<SearchQuery, Error>> {
    let line = after_scheme(source, SCHEME)?;
    Some(
        line.parse()
            .map_err(|error: Error| error.about(&source.display().to_string())),
    )
}

fn not_searched(source: &Path) -> Error {
    let text = format!(
        "{}: searches are not available here; name the repositories instead",
        source.display()
    );
    Error::unsupported(text)
}
