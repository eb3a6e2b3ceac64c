//! What a search found.

use super::search_page::Gate;
use crate::{License, RepoId};

/// A repository with a usable ONNX file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundRepository {
    /// The repository at its commit.
    pub id: RepoId,
    /// The ONNX file that would be downloaded.
    pub file: String,
    /// The task as the hub names it.
    pub task: Option<String>,
    /// The licenses that its card states; empty if the license is unknown.
    pub licenses: Vec<License>,
    /// Number of weights.
    pub parameters: Option<Parameters>,
    /// Length of all files that would be used; `None` if the hub does not state it.
    pub bytes: Option<u64>,
    /// Length of those of them that are not in the cache.
    pub missing_bytes: Option<u64>,
    /// Downloads in the last 30 days.
    pub downloads: Option<u64>,
    /// Whether conditions have to be accepted first.
    pub gate: Option<Gate>,
    /// Whether only some accounts see it.
    pub is_private: bool,
}

/// A number of weights, and where it comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parameters {
    /// The hub states it.
    Stated(u64),
    /// Length of the ONNX file and its weights over the bytes of one weight.
    Estimated(u64),
}

impl Parameters {
    /// The number.
    pub fn count(self) -> u64 {
        match self {
            Self::Stated(count) | Self::Estimated(count) => count,
        }
    }
}

/// A repository that the hub found and that is not used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SkippedRepository {
    /// Its name, as the hub states it.
    pub name: String,
    /// Why it is not used.
    pub reason: String,
}

/// What a search found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SearchResult {
    /// In the order of the query.
    pub found: Vec<FoundRepository>,
    /// In the same order.
    pub skipped: Vec<SkippedRepository>,
    /// What the user should know about how the query was answered.
    pub notes: Vec<String>,
}
