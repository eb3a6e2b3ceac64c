//! `--method auto`: several methods on the same splits, of which the validation samples keep one.
//!
//! ```text
//! linear-probe, stacked, fine-tune, b-tuning, or those that are named ──tune──► auto/METHOD/ ──► logits of the validation samples ──► choice.rs ──► the folder
//! ```
//!
//! The cheap ones come first, so that a short budget has a result. Fine-tuning is kept unless another candidate is better by more than
//! the standard error of the difference and its loss is no larger (`choice.rs`). A candidate that diverges, does not suit the data, or has
//! no time left is a row of the contest with its reason.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use ranktune_core::{Event, Interrupt, Progress, one_line};
use ranktune_data::{Dataset, Task};
use ranktune_features::extract::{CacheOptions, ExtractOptions, FeatureChoice};
use ranktune_report::Training;
use ranktune_report::training::{Contestant, TimeSpent};
use ranktune_train::methods::find;
use ranktune_train::{MethodInfo, Need};

use super::choice::{Tried, choose};
use super::folder::OutputFolder;
use super::judged::judge;
use super::options::{Target, Teachers, TuneOptions, Validation};
use super::selection::{self, check_teachers, make_ranking};
use super::splits::DataSplits;
use super::tune;
use crate::error::{Error, ErrorKind};
use crate::predictor::{Predictor, RunContext};
use crate::sources::Sources;

/// The candidate that is kept unless another is significantly better.
const DEFAULT: &str = "fine-tune";

/// Whether the result of a method is several models.
fn is_of_several(info: &MethodInfo) -> bool {
    info.needs(Need::Stack) || info.needs(Need::Ensemble)
}

/// What a candidate came to.
struct Outcome {
    row: Contestant,
    result: Option<(Training, Tried)>,
}

/// Runs the contest.
///
/// # Errors
/// [`ErrorKind::Arguments`] without validation samples, or for tags of words; where no candidate has a result, the error of the last;
/// [`ErrorKind::Interrupted`] and [`ErrorKind::Output`].
pub(super) fn run(
    sources: &Sources,
    dataset: &Dataset,
    options: &TuneOptions,
    (progress, interrupt): (&dyn Progress, &Interrupt),
) -> Result<Training, Error> {
    let begun = Instant::now();
    let wrong = |message: &str| Err(Error::new(ErrorKind::Arguments, message));
    if options.validation == Validation::None {
        return wrong(
            "auto chooses on validation samples, and there are none; leave --validation out, or name a method",
        );
    }
    if dataset.targets.task() == Task::Tokens {
        return wrong(
            "auto compares predictions of samples, and the targets are tags of words; name a method, such as fine-tune",
        );
    }
    if options.candidates.is_empty() {
        return wrong("auto needs at least one candidate");
    }
    // What no candidate can have is an error before any work; what one cannot have is a row.
    let mut infos = Vec::new();
    for name in &options.candidates {
        let info = find(name)?;
        options.check(info)?;
        infos.push(info);
    }
    let by_rank = |info: &&MethodInfo| info.needs(Need::Teachers) || is_of_several(info);
    let hub = sources.open(progress, interrupt)?;
    if let Target::Named(name) = &options.model {
        selection::find(&hub, name)?;
    }
    if infos.iter().any(by_rank) {
        check_teachers(&hub, options)?;
    }
    let folder = OutputFolder::open(&options.out, options.resume)?;
    let mut options = options.clone();
    let mut time = TimeSpent::default();
    let takes_ranked = infos.iter().any(by_rank) && !matches!(options.teachers, Teachers::Named(_));
    if options.ranking.is_none() && (options.model == Target::Best || takes_ranked) {
        let started = Instant::now();
        options.ranking = Some(make_ranking(sources, dataset, &options, progress, interrupt)?);
        time.ranking = started.elapsed().as_secs_f64();
    }
    let splits = DataSplits::read(dataset, &options, progress)?;
    let deadline = options.budget.map(|budget| Instant::now() + budget);
    let (mut outcomes, mut last_error) = (Vec::new(), None);
    for (place, info) in infos.iter().enumerate() {
        let method = info.name;
        let count = infos.len();
        progress.event(Event::Note(&format!("candidate {} of {count}: {method}", place + 1)));
        let started = Instant::now();
        let left = deadline.map(|deadline| deadline.saturating_duration_since(started));
        let found = match left {
            Some(left) if left.is_zero() => Err(Error::new(ErrorKind::Training, "no time is left of the budget")),
            left => {
                // What a candidate leaves is for those after it.
                let share = left.map(|left| left / u32::try_from(count - place).unwrap_or(1));
                candidate(
                    sources,
                    dataset,
                    &options,
                    (info, share),
                    &splits,
                    (progress, interrupt),
                )
            }
        };
        let elapsed = started.elapsed().as_secs_f64();
        let mut row = Contestant {
            method: method.to_owned(),
            measured: None,
            // A resumed contest takes the results that are there, with their time.
            seconds: found
                .as_ref()
                .map_or(elapsed, |(training, _)| training.seconds.max(elapsed)),
            chosen: false,
            reason: None,
        };
        let result = match found {
            Ok((training, tried)) => {
                let measured = &tried.measured;
                progress.event(Event::Done(&format!(
                    "{method}: validation {} {:.4}, loss {:.4}",
                    measured.metric, measured.value, measured.loss
                )));
                Some((training, tried))
            }
            Err(error) if matches!(error.kind(), ErrorKind::Interrupted | ErrorKind::Output) => return Err(error),
            Err(error) => {
                let reason = one_line(&error);
                progress.event(Event::Note(&format!("{method} is left out: {reason}")));
                row.reason = Some(reason);
                last_error = Some(error);
                None
            }
        };
        outcomes.push(Outcome { row, result });
    }
    let trained = outcomes.iter().filter_map(|outcome| outcome.result.as_ref());
    trained
        .filter_map(|(training, _)| training.time.as_ref())
        .for_each(|own| time.add(own));
    let (training, contest) = decided(outcomes, last_error)?;
    let chosen = folder.join("auto").join(&training.method);
    copy_result(&chosen, &folder)?;
    let seconds = begun.elapsed().as_secs_f64();
    let training = Training {
        contest,
        seconds,
        time: Some(time.of_run(seconds)),
        ..training
    };
    folder.write_document(&training)?;
    Ok(training)
}

/// The kept candidate, and all rows.
fn decided(mut outcomes: Vec<Outcome>, last_error: Option<Error>) -> Result<(Training, Vec<Contestant>), Error> {
    let with_result = |outcomes: &[Outcome]| -> Vec<usize> {
        let each = outcomes.iter().enumerate();
        each.filter(|(_, outcome)| outcome.result.is_some())
            .map(|(place, _)| place)
            .collect()
    };
    let places = with_result(&outcomes);
    let default = places.iter().position(|&place| outcomes[place].row.method == DEFAULT);
    let mut tried: Vec<&mut Tried> = outcomes
        .iter_mut()
        .filter_map(|outcome| outcome.result.as_mut().map(|(_, tried)| tried))
        .collect();
    let none = || Error::new(ErrorKind::Training, "no candidate has a result");
    let Some(kept) = choose(&mut tried, default) else {
        return Err(last_error.unwrap_or_else(none));
    };
    let kept = places[kept];
    let mut training = None;
    let mut rows = Vec::new();
    for (place, outcome) in outcomes.into_iter().enumerate() {
        let mut row = outcome.row;
        row.chosen = place == kept;
        if let Some((own, tried)) = outcome.result {
            row.measured = Some(tried.measured);
            if row.chosen {
                training = Some(own);
            }
        }
        rows.push(row);
    }
    Ok((training.ok_or_else(none)?, rows))
}

/// Tunes by `method` in a folder of its own, or takes the result that is there, and measures it on the validation samples.
fn candidate(
    sources: &Sources,
    dataset: &Dataset,
    options: &TuneOptions,
    (info, budget): (&MethodInfo, Option<Duration>),
    splits: &DataSplits,
    (progress, interrupt): (&dyn Progress, &Interrupt),
) -> Result<(Training, Tried), Error> {
    let mut own = options.clone();
    own.method = info.name.to_owned();
    own.out = options.out.join("auto").join(info.name);
    own.budget = budget;
    if is_of_several(info) {
        own.model = Target::Best;
    }
    let finished = own.out.join("training.json");
    let kept = if options.resume { fs::read(&finished).ok() } else { None };
    let training = match kept.and_then(|bytes| serde_json::from_slice(&bytes).ok()) {
        Some(training) => training,
        None => tune(sources, dataset, &own, progress, interrupt)?,
    };
    let validation = splits.validation.as_ref();
    let validation = validation.ok_or_else(|| Error::new(ErrorKind::Data, "there are no validation samples"))?;
    let extract = ExtractOptions {
        feature: FeatureChoice::Auto,
        cache: CacheOptions::Off,
        ..options.extract.clone()
    };
    let context = RunContext {
        options: &extract,
        progress,
        interrupt,
    };
    let predictor = Predictor::open(&Sources::from(own.out.as_path()), Some(splits.all.kind()), context)?;
    let found = predictor.logits(&validation.dataset, &validation.digests, context)?;
    let tried = judge(
        &found.values,
        found.columns,
        &validation.dataset.targets,
        options.train.seed,
    )?;
    Ok((training, tried))
}

/// Copies what a candidate has written, without what only its own run needs.
fn copy_result(from: &Path, folder: &OutputFolder) -> Result<(), Error> {
    let failed = |error: std::io::Error| {
        let message = format!("{}: the result cannot be copied: {error}", from.display());
        Error::new(ErrorKind::Output, message)
    };
    let mut work = vec![from.to_owned()];
    while let Some(path) = work.pop() {
        for entry in fs::read_dir(&path).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if ["checkpoints", "grid", "training.json"].contains(&name.as_str()) {
                continue;
            }
            let own = entry.path();
            let to = folder.path.join(own.strip_prefix(from).unwrap_or(&own));
            if own.is_dir() {
                fs::create_dir_all(&to).map_err(failed)?;
                work.push(own);
            } else {
                fs::copy(&own, &to).map_err(failed)?;
            }
        }
    }
    Ok(())
}
