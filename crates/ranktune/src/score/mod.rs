//! Scoring features from files: features and targets, whole or in shards, and statistics that other runs have saved.
//!
//! ```text
//! shards of features and targets ──► one pass ──► statistics (one, or one per group) ──► scores
//! saved statistics ────────────────────────────────┘          └──► saved statistics
//! ```
//!
//! The pass keeps a block of rows and the statistics, whatever the number of rows (`stream`). All rows are read at once (`rows`) where
//! a score needs them, where there are few, and where the statistics turn out to have lost precision that a column needs.

mod document;
mod rows;
mod saved;
mod shards;
mod statistics;
mod stream;

use std::path::PathBuf;
use std::sync::Arc;

use ranktune_data::Task;
use ranktune_data::arrays::ArraySource;
use ranktune_report::Scores;
use ranktune_scores::evidence::Fit;
use ranktune_scores::scores::{DefaultUse, Needs, SCORES, Score, find};
use ranktune_scores::uncertainty::{GroupedScores, Reservoir, SampleData};
use ranktune_scores::{Compat, ErrorKind as Kind, Precision, Statistics};

use crate::error::{Error, ErrorKind};
use crate::scoring::check_scores;
use document::Scored;
use saved::Part;
use shards::Shards;
use stream::{Classes, Wanted};

pub use statistics::SavedStatistics;

/// The files that are scored, any of which may be an array in memory instead.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ScoreFiles<'a> {
    /// Features `[n, d]`, shard by shard.
    pub features: Vec<ArraySource<'a>>,
    /// The targets of each shard.
    pub targets: Vec<ArraySource<'a>>,
    /// The source classifier's probabilities `[n, z]` for each shard; empty without a source classifier.
    pub probabilities: Vec<ArraySource<'a>>,
    /// Statistics saved by earlier runs, to be added.
    pub statistics: Vec<PathBuf>,
    /// Where the statistics of all of the above are saved.
    pub save: Option<PathBuf>,
}

/// Scores, and the fit of LogME if it is among them.
#[derive(Debug)]
pub struct Fitted {
    /// The document.
    pub scores: Scores,
    /// The evidence of every column, and the weights on request.
    pub logme: Option<Arc<Fit>>,
    /// Of classes, labels or target columns; [`column`](ranktune_scores::ColumnEvidence::column) is an index of this list.
    pub names: Vec<String>,
}

/// Which scores are computed, and how.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ScoreFileOptions {
    /// The task. Default: inferred from the targets.
    pub task: Option<Task>,
    /// Scores by name. Default: `logme`; for classes also `loo-accuracy`, and with probabilities `leep` and `nce`.
    pub scores: Vec<String>,
    /// Which variant of LogME. Default: the maximum of the evidence.
    pub compat: Compat,
    /// Whether standard errors are computed, which takes a few times as long as the scores alone. Default: no.
    pub standard_errors: StandardErrors,
    /// Precision of the symmetric product. Default: f64.
    pub precision: Precision,
}

/// Whether standard errors are computed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StandardErrors {
    /// Scores only.
    #[default]
    Without,
    /// By the delete-a-group jackknife.
    Jackknife {
        /// Seed of the groups.
        seed: u64,
    },
}

/// The first-order error of LogME above which the score is computed again.
const REDO_ABOVE: f64 = 1e-8;
/// The same for products in f32.
const FAST_ABOVE: f64 = 1e-4;
/// Bytes up to which all rows are read at once after statistics have lost digits.
const ROWS_BYTES: usize = 4 << 30;
/// Bytes up to which all rows are read at once for a score that is computed by default.
const KEEP_BYTES: usize = 256 << 20;
/// Numbers of features up to which all rows are read at once from the start.
const FEW: usize = 1 << 20;

/// Scores features for targets, from files, from saved statistics, or both.
///
/// # Errors
/// [`ErrorKind::Data`]: a file that cannot be read, or does not fit the others. [`ErrorKind::Arguments`]: an unknown score, or one
/// that the task, the missing probabilities or the missing rows do not allow. [`ErrorKind::Scores`]: a score that is not defined for
/// these numbers.
///
/// # Examples
/// ```
/// use std::path::PathBuf;
///
/// use ranktune::{CacheOptions, ExtractOptions, Interrupt, LoadOptions, ScoreFiles, ScoreFileOptions, Silent, Sources};
///
/// let folder = tempfile::tempdir()?;
/// let features = folder.path().join("glove.safetensors");
/// let data = ranktune::load("../../examples/data/topics".as_ref(), &LoadOptions::default())?;
/// let model = Sources::from("../../examples/hub/glove-50d-10k");
/// let extract = ExtractOptions { cache: CacheOptions::Off, ..ExtractOptions::default() };
/// ranktune::export_features(&model, &data, &features, &extract, &Silent, &Interrupt::default())?;
///
/// // One array of a file with several is named behind a colon.
/// let targets = PathBuf::from(format!("{}:labels", features.display())).into();
/// let files = ScoreFiles { features: vec![features.into()], targets: vec![targets], ..ScoreFiles::default() };
/// let scores = ranktune::score(&files, &ScoreFileOptions::default())?;
/// assert_eq!((scores.samples, scores.features, scores.columns), (96, 50, 4));
/// assert!(scores.scores["logme"]["value"].is_number());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// Statistics of parts are saved, and then merged into the score of the whole:
/// ```
/// use std::path::PathBuf;
///
/// use ranktune::{CacheOptions, ExtractOptions, Interrupt, LoadOptions, ScoreFiles, ScoreFileOptions, Silent, Sources, Split};
///
/// let folder = tempfile::tempdir()?;
/// let model = Sources::from("../../examples/hub/glove-50d-1k");
/// let extract = ExtractOptions { cache: CacheOptions::Off, ..ExtractOptions::default() };
/// let mut merged = ScoreFiles::default();
/// for split in [Split::Train, Split::Test] {
///     let load = LoadOptions { split: Some(split), ..LoadOptions::default() };
///     let data = ranktune::load("../../examples/data/topics".as_ref(), &load)?;
///     let features = folder.path().join("part.safetensors");
///     ranktune::export_features(&model, &data, &features, &extract, &Silent, &Interrupt::default())?;
///     let statistics = folder.path().join(format!("{split:?}.stats"));
///     let targets = PathBuf::from(format!("{}:labels", features.display())).into();
///     let save = Some(statistics.clone());
///     let part = ScoreFiles { features: vec![features.into()], targets: vec![targets], save, ..ScoreFiles::default() };
///     ranktune::score(&part, &ScoreFileOptions::default())?;
///     merged.statistics.push(statistics);
/// }
/// assert_eq!(ranktune::score(&merged, &ScoreFileOptions::default())?.samples, 96 + 24);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn score(files: &ScoreFiles<'_>, options: &ScoreFileOptions) -> Result<Scores, Error> {
    Ok(fit(files, options)?.scores)
}

/// As [`score`], with LogME's fit: the same document, and the weights of the linear model behind it.
///
/// # Errors
/// As [`score`].
///
/// # Examples
/// ```
/// use ranktune::{MemoryArray, ScoreFileOptions, ScoreFiles};
///
/// // Four samples of one feature, in two classes.
/// let features: Vec<u8> = [1.0_f32, 1.1, 2.0, 2.2].iter().flat_map(|number| number.to_le_bytes()).collect();
/// let array = |name: &str, dtype: &str, shape, bytes| MemoryArray {
///     name: name.into(), dtype: dtype.into(), column_major: false, shape, bytes,
/// };
/// let files = ScoreFiles {
///     features: vec![array("F", "<f4", vec![4, 1], &features).into()],
///     targets: vec![array("y", "|u1", vec![4], &[0, 0, 1, 1]).into()],
///     ..ScoreFiles::default()
/// };
/// let fitted = ranktune::fit(&files, &ScoreFileOptions::default())?;
/// let logme = fitted.logme.expect("it is computed by default");
/// assert_eq!(logme.weights().len(), 2, "a weight of the feature for each class");
/// # Ok::<(), ranktune::Error>(())
/// ```
pub fn fit(files: &ScoreFiles<'_>, options: &ScoreFileOptions) -> Result<Fitted, Error> {
    let mut hint = None;
    let mut scores = scored(files, options, &mut hint)?;
    if let Some(hint) = hint {
        scores.first_note(hint);
    }
    Ok(scores.fitted())
}

/// As [`score`]; `hint` is what the user should know of how the task was inferred.
fn scored(files: &ScoreFiles<'_>, options: &ScoreFileOptions, hint: &mut Option<String>) -> Result<Scored, Error> {
    if files.features.is_empty() && files.statistics.is_empty() {
        return Err(Error::new(
            ErrorKind::Arguments,
            "nothing to score; give --features and --targets, or --statistics",
        ));
    }
    let mut saved = saved::read_all(&files.statistics)?;
    let mut shards = if files.features.is_empty() {
        None
    } else {
        Some(Shards::open(
            files,
            options.task.or(saved.first().map(|part| part.task)),
        )?)
    };
    *hint = shards.as_ref().and_then(|shards| shards.hint.clone());
    let names = score_names(options, files, shards.as_ref())?;
    check(&names, shards.as_ref(), &saved, options)?;
    let mut draw = None;
    if let Some(shards) = &mut shards {
        if saved.is_empty() && reads_rows(shards, &names, options) {
            let found = rows::score(shards, &names, options, files.save.as_deref());
            return saved_at_least(found, files, || Scored::of_shards(shards), &names);
        }
        let saving = if files.save.is_some() { Saving::Yes } else { Saving::No };
        let wanted = wanted(shards, &names, options, saving);
        let (part, kept) = stream::part(shards, wanted)?;
        // Saved statistics have no rows, and a draw of some of the samples is none of all.
        draw = kept.filter(|_| saved.is_empty());
        saved.insert(0, part);
    }
    let part = saved::merge(saved)?;
    if let Some(path) = &files.save {
        part.write(path)?;
    }
    match from_part(&part, draw.as_ref(), shards.as_ref(), &names, options) {
        Ok(scores) if !needs_more(&scores, options) => Ok(scores),
        Ok(scores) => again(files, shards, &names, options, Some(scores)),
        Err(error) if is_precision(&error) => match again(files, shards, &names, options, None) {
            Err(other) if other.kind() == ErrorKind::Arguments => Err(error),
            other => other,
        },
        Err(error) => saved_at_least(Err(error), files, || Scored::of_part(&part), &names),
    }
}

/// One class is too few for a score, but not for statistics that others will be added to: then the document states why there is no
/// score.
fn saved_at_least(
    found: Result<Scored, Error>,
    files: &ScoreFiles<'_>,
    scored: impl FnOnce() -> Scored,
    names: &[String],
) -> Result<Scored, Error> {
    match found {
        Err(error) if files.save.is_some() && error.scores_kind() == Some(Kind::TooFewClasses) => {
            let mut scored = scored();
            scored.no_scores(names, &error.to_string());
            Ok(scored)
        }
        other => other,
    }
}

/// Whether statistics are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Saving {
    No,
    Yes,
}

/// Size up to which the statistics of every class are saved even if no score of this run needs them.
const CLASS_BYTES: usize = 64 << 20;

fn wanted(shards: &Shards<'_>, names: &[String], options: &ScoreFileOptions, saving: Saving) -> Wanted {
    let asked = names
        .iter()
        .any(|name| find(name).is_ok_and(|score| score.needs == Needs::ClassRows));
    let (d, count) = (shards.n_features(), shards.names.len());
    let rows = shards.n_samples().saturating_mul(d).saturating_mul(4);
    let squares = count.saturating_mul(d).saturating_mul(d).saturating_mul(8);
    let small = rows.min(squares).saturating_add(count.saturating_mul(d) * 32) <= CLASS_BYTES;
    Wanted {
        errors: options.standard_errors,
        precision: precision(options, names),
        classes: if asked || (saving == Saving::Yes && small) {
            Classes::Apart
        } else {
            Classes::Together
        },
        keeps_draw: names
            .iter()
            .any(|name| find(name).is_ok_and(|score| score.needs == Needs::RowsOrGroups)),
    }
}

/// Products in f32 are only for scores with a bound of their error (LogME); other scores of the same statistics take f64.
fn precision(options: &ScoreFileOptions, names: &[String]) -> Precision {
    let are_bounded = names
        .iter()
        .all(|name| find(name).is_ok_and(|score| score.bounds_error || score.needs == Needs::Probabilities));
    if are_bounded {
        options.precision
    } else {
        Precision::Double
    }
}

fn is_precision(error: &Error) -> bool {
    error.scores_kind() == Some(Kind::Precision)
}

/// Whether the error bound from statistics is too large.
fn needs_more(scores: &Scored, options: &ScoreFileOptions) -> bool {
    let limit = match options.precision {
        Precision::Fast => FAST_ABOVE,
        _ => REDO_ABOVE,
    };
    scores.error_bound.is_some_and(|bound| bound > limit)
}

/// Computes scores of which the error bound is too large again: with products in f64 after products in f32, and from the rows after
/// products in f64.
fn again(
    files: &ScoreFiles<'_>,
    shards: Option<Shards<'_>>,
    names: &[String],
    options: &ScoreFileOptions,
    first: Option<Scored>,
) -> Result<Scored, Error> {
    let nothing_better = || Error::new(ErrorKind::Arguments, "the rows are not available");
    let Some(mut shards) = shards.filter(|_| files.statistics.is_empty()) else {
        return first.ok_or_else(nothing_better);
    };
    if options.precision == Precision::Fast {
        let options = ScoreFileOptions {
            precision: Precision::Double,
            ..options.clone()
        };
        let mut scores = scored(files, &options, &mut None)?;
        scores.note("f32 products would have cost too many digits, so the products are in f64");
        return Ok(scores);
    }
    if shards.n_samples().saturating_mul(shards.n_features()) > ROWS_BYTES / 4 {
        return first.ok_or_else(nothing_better);
    }
    rows::score(&mut shards, names, options, None)
}

/// Whether all rows are read at once rather than streamed.
fn reads_rows(shards: &Shards<'_>, names: &[String], options: &ScoreFileOptions) -> bool {
    let (n, d) = (shards.n_samples(), shards.n_features());
    let needs = |wanted: Needs| {
        names
            .iter()
            .any(|name| find(name).is_ok_and(|score| score.needs == wanted))
    };
    // Who asks for a score by name gets it from all rows where they fit in memory; by default a draw does where there are many.
    let whole = if options.scores.is_empty() {
        KEEP_BYTES / 4
    } else {
        ROWS_BYTES / 4
    };
    let has_no_other_way = names
        .iter()
        .any(|name| find(name).is_ok_and(|score| score.needs.is_of_rows() && score.needs != Needs::ClassRows));
    let with_errors = options.standard_errors != StandardErrors::Without;
    (needs(Needs::ClassRows) && (with_errors || n.saturating_mul(d) <= ROWS_BYTES / 16))
        || has_no_other_way
        || (needs(Needs::RowsOrGroups) && n.saturating_mul(d) <= whole)
        || (with_errors && needs(Needs::Probabilities))
        || n <= d.saturating_mul(2)
        || n.saturating_mul(d) <= FEW
}

fn score_names(
    options: &ScoreFileOptions,
    files: &ScoreFiles<'_>,
    shards: Option<&Shards<'_>>,
) -> Result<Vec<String>, Error> {
    if options.scores.is_empty() {
        let is_of_classes = shards.is_some_and(|shards| shards.columns.is_classes());
        // Saved statistics have no rows, and products in f32 are for LogME alone.
        let has_rows = files.statistics.is_empty() && options.precision == Precision::Double;
        let by_default = |score: &&Score| match (score.default_use, score.needs) {
            (DefaultUse::EveryTask, _) => true,
            (DefaultUse::Classes, Needs::Probabilities) => is_of_classes && !files.probabilities.is_empty(),
            (DefaultUse::Classes, Needs::RowsOrGroups) => is_of_classes && has_rows,
            _ => false,
        };
        let names = SCORES.iter().filter(by_default).map(|score| score.name.to_owned());
        return Ok(names.collect());
    }
    Ok(options.scores.clone())
}

/// Refuses scores that the inputs do not allow.
fn check(
    names: &[String],
    shards: Option<&Shards<'_>>,
    saved: &[Part],
    options: &ScoreFileOptions,
) -> Result<(), Error> {
    match (shards, saved.first()) {
        (Some(shards), _) => check_scores(names, shards.task)?,
        (None, Some(part)) => check_scores(names, part.task)?,
        (None, None) => {}
    }
    for name in names {
        let needs = find(name)?.needs;
        let message = match needs {
            Needs::Probabilities if !saved.is_empty() => {
                format!(
                    "{name} needs the probabilities of every sample, which saved statistics do not hold; leave {name} out"
                )
            }
            Needs::Probabilities if shards.is_none_or(|shards| shards.probabilities.is_none()) => format!(
                "{name} needs a source classifier's probabilities; give them with --probabilities, or leave {name} out"
            ),
            needs if needs.is_of_rows() && needs != Needs::ClassRows && !saved.is_empty() => {
                format!("{name} needs the rows of features, which saved statistics do not hold; leave {name} out")
            }
            Needs::ClassRows if saved.iter().any(|part| part.classes.is_none()) => format!(
                "{name} needs statistics of every class, which the saved ones do not hold; save them with --scores {name}"
            ),
            _ => continue,
        };
        return Err(Error::new(ErrorKind::Arguments, message));
    }
    if options.compat == Compat::Published && options.precision == Precision::Fast {
        return Err(Error::new(
            ErrorKind::Arguments,
            "the published value is computed in f64 only; leave out --precision fast",
        ));
    }
    Ok(())
}

/// All scores from statistics, and from labels and probabilities where they are available.
fn from_part(
    part: &Part,
    draw: Option<&Reservoir>,
    shards: Option<&Shards<'_>>,
    names: &[String],
    options: &ScoreFileOptions,
) -> Result<Scored, Error> {
    let settings = document::settings(options);
    let samples: usize = part.groups.iter().map(Statistics::n_samples).sum();
    let kept = match shards {
        Some(shards) if shards.n_samples() == samples => Some(SampleData {
            targets: shards.columns.view()?,
            probabilities: shards.probabilities_view()?,
            groups: None,
        }),
        _ => None,
    };
    let mut scores = GroupedScores::new(&part.groups, kept)?;
    if let Some(classes) = &part.classes {
        scores = scores.with_classes(classes);
    }
    if let Some((features, targets)) = draw.map(Reservoir::view).transpose()?.flatten() {
        scores = scores.with_draw(features, targets)?;
    }
    let total = scores.total()?;
    let mut scored = Scored::new(part.task, samples, total.n_features(), total.n_columns(), &part.names);
    for name in names {
        let score = find(name)?;
        let outcome = scores.compute(score, &settings)?;
        scored.add(name, &outcome, options.precision);
        if outcome.evidence.is_some() {
            scored.fit = Some(scores.solution(settings.compat)?);
        }
        if options.standard_errors == StandardErrors::Without {
            continue;
        }
        let error = if !score.is_of_statistics() {
            scored.note(&format!("the standard error of {name} needs the rows, and is left out"));
            None
        } else if part.groups.len() > 1 {
            Some(scores.jackknife(score, &settings)?.standard_error)
        } else {
            scored.note("the saved statistics hold no groups, so there are no standard errors; save them with --standard-errors");
            None
        };
        scored.standard_error(name, error, part.groups.len());
    }
    Ok(scored)
}
