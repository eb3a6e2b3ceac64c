//! Entry points for what parses a hub's answers. For fuzz targets; no part of the interface.

use super::listing::Listing;
use super::search_page;
use crate::Error;

/// The names of the files of a listing.
///
/// # Errors
/// [`ErrorKind::Untrusted`](crate::ErrorKind::Untrusted): it is not a listing, or a name leads out of the repository.
pub fn listing(answer: &[u8]) -> Result<Vec<String>, Error> {
    Listing::parse(answer, "main").map(|listing| listing.files.into_keys().collect())
}

/// The names of the repositories of a page and of the files in them.
///
/// # Errors
/// [`ErrorKind::Untrusted`](crate::ErrorKind::Untrusted): it is not a list.
pub fn search(answer: &[u8]) -> Result<Vec<String>, Error> {
    let found = search_page::parse(answer)?;
    let names = found
        .into_iter()
        .flatten()
        .flat_map(|repository| [repository.id.name().to_owned()].into_iter().chain(repository.files));
    Ok(names.collect())
}

/// The path and query of the next page.
pub fn next_page(link: &str) -> Option<String> {
    search_page::next_page(link)
}
