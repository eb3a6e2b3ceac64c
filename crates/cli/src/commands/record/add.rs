//! `ranktune record add`

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail, ensure};
use clap::Args;
use ranktune::record::{protocol_of, row_of_training};
use ranktune::{DEFAULT_METHOD, RecordRow, Training};
use ranktune_report::record::{import_csv, parse};

use super::{FileArguments, append, say_notes};
use crate::exit::Exit;

/// `ranktune record add`
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// Folders of tuned models, their training.json, or records (.jsonl)
    #[arg(value_name = "DIR|training.json|record.jsonl", conflicts_with_all = ["model", "data", "value"])]
    files: Vec<PathBuf>,
    #[command(flatten)]
    row: RowArguments,
    /// Print what would be added, and add nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    file: FileArguments,
}

/// One result.
#[derive(Debug, Args)]
#[command(next_help_heading = "One result")]
struct RowArguments {
    /// Name of the model
    #[arg(long, value_name = "NAME", required_unless_present = "files")]
    model: Option<String>,
    /// Name of the data set
    #[arg(long, value_name = "NAME", required_unless_present = "files")]
    data: Option<String>,
    /// The value: a share such as 0.912, or 91.2%
    #[arg(long, value_name = "X|X%", required_unless_present = "files")]
    value: Option<String>,
    /// Metric
    #[arg(long, value_name = "NAME", default_value = "accuracy")]
    metric: String,
    /// How it was measured [default: by ranktune tune with its default method]
    #[arg(long, value_name = "TEXT")]
    protocol: Option<String>,
    /// Digest of the model's files, as in ranking.json
    #[arg(long, value_name = "HEX")]
    digest: Option<String>,
    /// Repository of the model
    #[arg(long, value_name = "hf:ORG/NAME")]
    hub_id: Option<String>,
    /// Family of the model, such as resnet: results of a family count for its other members, too
    #[arg(long, value_name = "NAME")]
    family: Option<String>,
    /// Where the value is from
    #[arg(long, value_name = "TEXT", default_value = "")]
    source: String,
    /// The day, such as 2026-03-01
    #[arg(long, value_name = "DATE", default_value = "")]
    date: String,
}

const EXAMPLES: &str = "\
Examples:
  ranktune record add tuned/                                         the result of a finished tuning
  ranktune record add study/record.jsonl colleague.jsonl             the results of a study, and of another record
  ranktune record add --model resnet50 --data flowers5 --value 91.3%
  ranktune record add --model vit --hub-id hf:Xenova/vit-base-patch16-224 --data birds --value 0.88 --protocol 'fine-tune, 30 epochs'";

pub(super) fn run(arguments: &Arguments) -> anyhow::Result<Exit> {
    let (mut rows, mut has_rejected) = (Vec::new(), false);
    for path in &arguments.files {
        let (found, is_rejected) = of_file(path)?;
        rows.extend(found);
        has_rejected |= is_rejected;
    }
    if arguments.files.is_empty() {
        rows.push(arguments.row.row()?);
    }
    append(&arguments.file.file()?, &rows, arguments.dry_run)?;
    Ok(if has_rejected { Exit::Skipped } else { Exit::Done })
}

/// The rows of a file, and whether a line was left out.
fn of_file(path: &Path) -> anyhow::Result<(Vec<RecordRow>, bool)> {
    let path = if path.is_dir() {
        path.join("training.json")
    } else {
        path.to_owned()
    };
    let name = path.display().to_string();
    let text = fs::read_to_string(&path).with_context(|| format!("{name}: this file cannot be read"))?;
    if path.extension().is_some_and(|ending| ending == "jsonl") {
        let (record, notes) = parse(&text);
        let is_rejected = say_notes(&name, &notes);
        return Ok((record.rows, is_rejected));
    }
    let training: Training = serde_json::from_str(&text)
        .with_context(|| format!("{name}: expected a training.json that tune wrote, or a record (.jsonl)"))?;
    let Some(row) = row_of_training(&training, None) else {
        bail!("{name}: this tuning has no metric of held-out or test samples; nothing can be remembered of it");
    };
    Ok((vec![row], false))
}

impl RowArguments {
    fn row(&self) -> anyhow::Result<RecordRow> {
        let (Some(model), Some(data), Some(text)) = (&self.model, &self.data, &self.value) else {
            bail!("expected --model, --data and --value, or a file");
        };
        let protocol = self.protocol.clone().unwrap_or_else(|| protocol_of(DEFAULT_METHOD));
        let mut row = RecordRow::new(model, data, &self.metric, value(text, &self.metric)?, &protocol);
        row.digest.clone_from(&self.digest);
        row.hub_id = self.hub_id.as_ref().map(|id| match id.strip_prefix("hf:") {
            Some(_) => id.clone(),
            None => format!("hf:{id}"),
        });
        row.family.clone_from(&self.family);
        row.source.clone_from(&self.source);
        row.date.clone_from(&self.date);
        Ok(row)
    }
}

/// A value by the rules of tables, where 91.3 and 91.3% are percentages of metrics that are shares.
fn value(text: &str, metric: &str) -> anyhow::Result<f64> {
    let quoted = |cell: &str| format!("\"{}\"", cell.replace('"', "\"\""));
    let table = format!("model,data,metric,value\nm,d,{},{}\n", quoted(metric), quoted(text));
    let (record, notes) = import_csv(&table, &ranktune_report::record::ImportOptions::default())?;
    let row = record.rows.first();
    ensure!(
        row.is_some(),
        "--value: {}",
        notes.first().map_or("expected a number", |note| {
            let message = note.message.trim_end_matches("; left out");
            message.strip_prefix("column value: ").unwrap_or(message)
        })
    );
    Ok(row.map_or(f64::NAN, |row| row.value))
}
