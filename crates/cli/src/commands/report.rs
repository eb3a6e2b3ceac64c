//! `ranktune report`, and `--report` of other commands.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;
use ranktune_report::html::{Document, page};

use crate::exit::Exit;
use crate::output;

mod thumbnails;

/// `--report` of a command, and what belongs to it.
#[derive(Debug, Args)]
pub(crate) struct ReportArguments {
    /// Write the result as an HTML page: one file with tables and pictures
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// Small pictures of the images that the page names: the hardest samples, and wrong predictions
    #[arg(long, requires = "report")]
    thumbnails: bool,
}

impl ReportArguments {
    /// Refuses a path that no file can have, before there is any work.
    pub(crate) fn check(&self) -> anyhow::Result<()> {
        self.report.as_deref().map_or(Ok(()), check)
    }

    /// Writes the page of a document that was just made, if there is to be one; and of the `more` documents that are there.
    pub(crate) fn write(&self, document: &impl serde::Serialize, more: &[&Path]) -> anyhow::Result<()> {
        let Some(path) = &self.report else { return Ok(()) };
        let mut texts = vec![ranktune_report::to_json(document)?];
        texts.extend(more.iter().filter_map(|file| fs::read_to_string(file).ok()));
        let documents = texts.into_iter().map(|text| read(text, self.thumbnails));
        write(path, &documents.collect::<anyhow::Result<Vec<_>>>()?)
    }
}

/// `ranktune report`
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// What rank, tune, eval, compare and study wrote as JSON, or folders with their ranking.json, training.json and study.json
    #[arg(value_name = "FILE|DIR", required = true)]
    documents: Vec<PathBuf>,
    /// The HTML file
    #[arg(long, value_name = "FILE", default_value = "report.html")]
    out: PathBuf,
    /// Small pictures of the images that the documents name, where their files still are
    #[arg(long)]
    thumbnails: bool,
}

const EXAMPLES: &str = "\
Examples:
  ranktune report ranking/                           the ranking in ranking/ranking.json
  ranktune report ranking/ tuned/ --out report.html  the ranking and the tuned model on one page
  ranktune report run-1/ run-2/ run-3/               several tuned models beside each other";

/// Names of documents in a folder.
const NAMES: [&str; 4] = ["ranking.json", "training.json", "evaluation.json", "study.json"];

/// Runs the command.
pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<Exit> {
    check(&arguments.out)?;
    let mut documents = Vec::new();
    for path in &arguments.documents {
        for file in files(path)? {
            let text =
                fs::read_to_string(&file).with_context(|| format!("{}: this file cannot be read", file.display()))?;
            documents.push(
                read(text, arguments.thumbnails)
                    .with_context(|| format!("{}: no report can be made of it", file.display()))?,
            );
        }
    }
    write(&arguments.out, &documents)?;
    Ok(Exit::Done)
}

/// The documents that a path names.
fn files(path: &Path) -> anyhow::Result<Vec<PathBuf>> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let found: Vec<PathBuf> = NAMES
        .iter()
        .map(|name| path.join(name))
        .filter(|file| file.is_file())
        .collect();
    anyhow::ensure!(
        !found.is_empty(),
        "{}: expected {} in this folder; name the folder that --out of rank, tune or study named, or a JSON file",
        path.display(),
        NAMES.join(" or ")
    );
    Ok(found)
}

/// Refuses a path that no file can have, before there is any work.
pub(crate) fn check(path: &Path) -> anyhow::Result<()> {
    anyhow::ensure!(
        !path.is_dir() && path.file_name().is_some(),
        "{}: expected the path of an HTML file, found a folder; add a name, such as {}",
        path.display(),
        path.join("report.html").display()
    );
    Ok(())
}

/// Writes the page of a document that was just made.
pub(crate) fn write_one(path: &Path, document: &impl serde::Serialize) -> anyhow::Result<()> {
    write(path, &[read(ranktune_report::to_json(document)?, false)?])
}

/// The document in this JSON, with small pictures if they are wanted.
fn read(text: String, with_thumbnails: bool) -> anyhow::Result<Document> {
    let text = if with_thumbnails { thumbnails::add(&text)? } else { text };
    Ok(Document::read(&text)?)
}

fn write(path: &Path, documents: &[Document]) -> anyhow::Result<()> {
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        fs::create_dir_all(folder).with_context(|| format!("{}: this folder cannot be made", folder.display()))?;
    }
    ranktune_core::files::write_atomically(path, page(documents).as_bytes())
        .with_context(|| format!("{}: this file cannot be written", path.display()))?;
    output::say(&format!("the report is in {}", path.display()));
    Ok(())
}
