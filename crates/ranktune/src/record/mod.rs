//! What is remembered of models: results of earlier tunings, from which a ranking predicts the best model.
//!
//! The record of a user is a file of JSON lines ([`ranktune_report::record`]). `rank` reads it, `tune` appends to it through
//! [`RecordFile::append`], and nothing writes it unasked. Beside it stands the record that the program ships with ([`shipped`]).
//!
//! | module | what it holds |
//! |---|---|
//! | `file` | the file: where it lies, reading, appending and deleting under a lock |
//! | `training` | a row from a finished tuning |
//! | `selection` | rows by model, data set, metric and protocol |
//! | `shipped` | the record of the program |
//! | `day` | today's date |

mod day;
mod file;
mod selection;
mod shipped;
mod training;

pub(crate) use day::today;
pub use file::{ReadRecord, RecordFile};
pub use selection::Selection;
pub use shipped::shipped;
pub use training::row_of_training;

/// How a metric is measured by [`tune`](crate::tune()) with a method, as rows of a record say it.
///
/// # Examples
/// ```
/// assert_eq!(ranktune::record::protocol_of("b-tuning"), "ranktune b-tuning");
/// ```
pub fn protocol_of(method: &str) -> String {
    format!("ranktune {method}")
}

/// Names of folders and files that say which part of a data set they are, not which data set.
const PARTS: [&str; 9] = [
    "train",
    "training",
    "test",
    "valid",
    "validation",
    "val",
    "data",
    "images",
    ".",
];

/// Endings of files with data.
const ENDINGS: [&str; 10] = [
    "csv", "tsv", "json", "jsonl", "parquet", "txt", "conll", "conllu", "train", "iob",
];

/// The name of a data set in a record: the last part of its path that is not the name of a split, without the ending of a file.
///
/// # Examples
/// ```
/// use ranktune::record::data_name;
/// assert_eq!(data_name("photos/flowers5/train"), "flowers5");
/// assert_eq!(data_name("houses.csv"), "houses");
/// assert_eq!(data_name("train.csv"), "train");
/// assert_eq!(data_name("photos-2.0/"), "photos-2.0");
/// assert_eq!(data_name("hf:datasets/stanfordnlp/imdb@e6281661/default"), "imdb");
/// assert_eq!(data_name("hf:datasets/nyu-mll/glue@main/sst2"), "glue-sst2");
/// ```
pub fn data_name(path: &str) -> String {
    if let Some(name) = path.strip_prefix("hf:datasets/") {
        return of_hub(name);
    }
    let parts: Vec<&str> = path.split(['/', '\\']).filter(|part| !part.is_empty()).collect();
    let plain = |part: &str| match part.rsplit_once('.') {
        Some((name, ending)) if !name.is_empty() && ENDINGS.contains(&ending) => name.to_owned(),
        _ => part.to_owned(),
    };
    let named = parts.iter().rev().map(|part| plain(part));
    let mut telling = named.filter(|name| !PARTS.contains(&name.to_lowercase().as_str()));
    telling
        .next()
        .unwrap_or_else(|| parts.last().map_or_else(|| path.to_owned(), |part| plain(part)))
}

/// `NAME` of `ORGANISATION/NAME@REVISION`, and `NAME-CONFIGURATION` where there is one.
fn of_hub(name: &str) -> String {
    let (name, config) = match name.split_once('@') {
        Some((name, rest)) => (name, rest.split_once('/').map_or("", |(_, config)| config)),
        None => (name, ""),
    };
    let name = name.rsplit('/').next().unwrap_or(name);
    match config {
        "" | "default" => name.to_owned(),
        config => format!("{name}-{config}"),
    }
}

/// A repository without its commit: `hf:org/name` of `hf:org/name@commit`.
pub(crate) fn hub_id(source: &str) -> String {
    source.split('@').next().unwrap_or(source).to_owned()
}
