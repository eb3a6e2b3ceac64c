//! `ranktune hub search`

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail, ensure};
use clap::{Args, ValueEnum};
use ranktune::{License, SearchQuery, SearchSort};
use ranktune_core::files::write_atomically;

use crate::commands::filter::{count, license};
use crate::commands::next::NextCommand;
use crate::commands::sources::RemoteArguments;
use crate::output::{self, ListFormat, StyleArguments};
use crate::{interrupt, progress};

/// `--format`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum SearchFormat {
    /// A table that fits the terminal
    #[default]
    Table,
    /// A JSON document
    Json,
    /// Rows with all columns and all digits
    Csv,
    /// A table in Markdown
    Markdown,
    /// A manifest for --hub
    Toml,
}

/// `--sort`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum SortName {
    /// Most downloads in the last 30 days
    #[default]
    Downloads,
    /// Most likes
    Likes,
    /// Changed most recently
    Updated,
    /// What the hub calls trending
    Trending,
}

impl From<SortName> for SearchSort {
    fn from(name: SortName) -> Self {
        match name {
            SortName::Downloads => Self::Downloads,
            SortName::Likes => Self::Likes,
            SortName::Updated => Self::Updated,
            SortName::Trending => Self::Trending,
        }
    }
}

pub(super) const EXAMPLES: &str = "\
Examples:
  ranktune hub search bird --task image-classification --max-parameters 30M --license apache-2.0,mit
  ranktune hub search --task feature-extraction --limit 5 --out models.toml
  ranktune rank --hub models.toml --data photos/";

/// `ranktune hub search`
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Words in the names of repositories; where no name has all of them, each is searched for on its own
    #[arg(value_name = "WORDS")]
    words: Vec<String>,
    /// The task as the hub names it, such as image-classification, feature-extraction or token-classification
    #[arg(long, value_name = "TASK")]
    task: Option<String>,
    /// Leave out repositories with more weights, such as 30M
    #[arg(long, value_name = "N", value_parser = count)]
    max_parameters: Option<u64>,
    /// Leave out repositories with another license, or an unknown one
    #[arg(long, value_name = "LICENSE", value_delimiter = ',', value_parser = license)]
    license: Vec<License>,
    /// What comes first
    #[arg(long, value_enum, default_value_t)]
    sort: SortName,
    /// Number of repositories
    #[arg(long, value_name = "N", default_value_t = 20)]
    limit: usize,
    /// Write a manifest for --hub
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Output format on stdout
    #[arg(long, value_enum, default_value_t)]
    format: SearchFormat,
    #[command(flatten)]
    style: StyleArguments,
    #[command(flatten)]
    remote: RemoteArguments,
}

/// Runs the command.
pub(super) fn run(arguments: &Arguments, reporter: &progress::Reporter) -> anyhow::Result<()> {
    arguments.out.as_deref().map(check).transpose()?;
    let query = SearchQuery {
        text: arguments.words.join(" "),
        task: arguments.task.clone(),
        max_parameters: arguments.max_parameters,
        licenses: arguments.license.clone(),
        sort: arguments.sort.into(),
        limit: arguments.limit,
    };
    let listing = ranktune::search(&query, &arguments.remote.remote()?, reporter, interrupt::flag())?;
    if listing.models.is_empty() {
        let reasons: Vec<String> = listing
            .skipped
            .iter()
            .take(5)
            .map(|model| format!("\n  {}: {}", model.name, model.reason))
            .collect();
        let found = match listing.skipped.len() {
            0 => "no repository with ONNX files is found; use fewer or other words, or --task alone".to_owned(),
            count => format!("none of {count} repositories can be used:{}", reasons.concat()),
        };
        bail!("{}: {found}", listing.query);
    }
    if let Some(file) = &arguments.out {
        write_atomically(file, listing.manifest().as_bytes())
            .with_context(|| format!("{}: this file cannot be written", file.display()))?;
    }
    let format = match arguments.format {
        SearchFormat::Table => ListFormat::Table,
        SearchFormat::Json => ListFormat::Json,
        SearchFormat::Csv => ListFormat::Csv,
        SearchFormat::Markdown => ListFormat::Markdown,
        SearchFormat::Toml => return output::write(&listing.manifest()),
    };
    arguments.style.print(format, &listing)?;
    if format == ListFormat::Table {
        let hub = match &arguments.out {
            Some(file) => file.to_string_lossy().into_owned(),
            None => format!("search:{}", listing.query),
        };
        NextCommand::new("rank").option("hub", [hub]).then(" --data DIR").say();
    }
    Ok(())
}

/// Refuses a name that `--hub` would not take for a manifest.
fn check(file: &Path) -> anyhow::Result<()> {
    let is_toml = file
        .extension()
        .is_some_and(|extension| extension.eq_ignore_ascii_case("toml"));
    ensure!(
        is_toml,
        "--out {}: expected a file whose name ends in .toml",
        file.display()
    );
    Ok(())
}
