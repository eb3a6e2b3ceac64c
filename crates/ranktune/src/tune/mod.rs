//! Tuning a model of a hub on a data set, taught by the best-ranked models.
//!
//! ```text
//! hub, ranking ──selection──► target, teachers     data ──splits──► training, validation and test samples
//!                                 │                                   │
//!               network: new head │  teachers: read-outs, predictions │ (cached)
//!                                 └──────► trials ──► run ◄───────────┘
//!                                             └──► folder: a hub entry ──► metrics by the inference engine
//! ```

mod attention;
mod batch;
mod calibration;
mod choice;
mod contest;
mod ensemble;
mod entity_f1;
mod folder;
mod image_samples;
mod judged;
mod members;
mod method;
mod metrics;
mod network;
mod observer;
mod options;
mod parameters;
pub(crate) mod partial;
mod plan;
mod read_out;
mod refusals;
mod relationship;
mod run;
mod selection;
mod soup;
mod source_soup;
mod splits;
mod stacked;
mod stages;
mod teacher_inputs;
mod teachers;
mod text_samples;
mod trials;
mod word_teachers;

use std::cell::Cell;
use std::time::Instant;

use ranktune_core::{Event, Interrupt, Progress, one_line};
use ranktune_data::{Dataset, DatasetTargets, TagScheme};
use ranktune_features::extract::{ExtractOptions, FeatureChoice};
use ranktune_report::Training;
use ranktune_report::training::{CardFacts, SCHEMA, Teacher};
use ranktune_train::methods::{at_lambda, find};
use ranktune_train::{ClassWeights, MacroF1, MethodInfo, Need, ValidationMetric};
use serde_json::json;

pub use options::{AUTO, Lambda, Target, Teachers, TuneOptions, Validation, training_defaults, usual_rates};
pub use parameters::list_parameters;
pub(crate) use run::decimal;

use crate::error::{Error, ErrorKind};
use crate::models::check_pooling;
use crate::record::data_name;
use crate::sources::Sources;
use entity_f1::EntityF1;
use folder::{COMMAND, OutputFolder};
use method::MethodData;
use network::SourceHead;
use run::{TrialRunner, epoch};
use selection::ModelSelection;
use splits::DataSplits;
use stages::{Labelled, Stage, Stages};
use teacher_inputs::{TeacherInputs, unusable};
use teachers::SelectedTeacher;

/// Tunes a model of `sources` on `dataset` and writes it to the folder `options.out`, which is then a model of a hub.
///
/// # Errors
/// [`ErrorKind::Arguments`]: an unknown method or model, options that do not fit each other. [`ErrorKind::Data`]: a class
/// without a training sample, too many unreadable samples, validation data of other classes. [`ErrorKind::Hub`]: a model that
/// cannot be trained, or not at that size (the node is named), or a teacher for another kind of data.
/// [`ErrorKind::Output`]: the folder holds something else, or cannot be written to. [`ErrorKind::Diverged`]: the loss exploded.
/// [`ErrorKind::Training`]: a checkpoint is of another run. [`ErrorKind::Interrupted`]: stopped; the text says where the checkpoint is.
///
/// # Examples
/// ```
/// use ranktune::{CacheOptions, Interrupt, LoadOptions, Silent, Sources, Target, TuneOptions};
///
/// let folder = tempfile::tempdir()?;
/// let hub = Sources::from("../../examples/hub");
/// let data = ranktune::load("../../examples/data/digits".as_ref(), &LoadOptions::default())?.subsample(60, 0);
/// let mut options = TuneOptions::new(folder.path().join("tuned"));
/// options.model = Target::Named("mtcnn-onet-face".to_owned());
/// options.method = "fine-tune".to_owned();
/// options.train.epochs = 1;
/// options.extract.cache = CacheOptions::Off;
/// let training = ranktune::tune(&hub, &data, &options, &Silent, &Interrupt::default())?;
///
/// assert_eq!((training.history.len(), training.data.validation_samples), (1, 6));
/// // The folder is a model of a hub, with a head for the ten digits.
/// let listing = ranktune::list(&Sources::from(options.out.as_path()), &Silent, &Interrupt::default())?;
/// assert_eq!(listing.models[0].outputs[0].r#type, "f32[batch, 10]");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn tune(
    sources: &Sources,
    dataset: &Dataset,
    options: &TuneOptions,
    progress: &dyn Progress,
    interrupt: &Interrupt,
) -> Result<Training, Error> {
    let begun = Instant::now();
    let by = (progress, interrupt);
    if options.method == AUTO {
        return contest::run(sources, dataset, options, by);
    }
    let method = find(&options.method)?;
    // What a grid of λ needs, the method needs, though one of its values may be 0.
    let needing = match options.lambda {
        Lambda::Fixed(lambda) => at_lambda(method, lambda),
        Lambda::Grid(_) => method,
    };
    let needs_teachers = needing.needs(Need::Teachers);
    let selects_teachers = needs_teachers || needing.needs(Need::Homogeneous);
    options.check(method)?;
    refusals::check(method, dataset, options)?;
    if let (true, Some(count)) = (dataset.kind().is_text(), options.views) {
        let message = format!("{count} views were asked for, and texts have one; leave --views out");
        return Err(Error::new(ErrorKind::Arguments, message));
    }
    check_pooling(&options.extract, dataset.kind())?;
    if method.needs(Need::Stack) {
        return stacked::run(sources, dataset, options, by);
    }
    if method.needs(Need::Ensemble) {
        return ensemble::run(sources, dataset, options, by);
    }
    let folder = OutputFolder::open(&options.out, options.resume)?;
    for note in &dataset.notes {
        progress.event(Event::Note(note));
    }
    let splits = DataSplits::read(dataset, options, progress)?;
    let has_features = [Need::ReadOut, Need::SourceClasses, Need::Attention]
        .into_iter()
        .any(|need| needing.needs(need));
    let has_read_outs = needs_teachers || has_features;
    let planned = [
        (Stage::Ranking, selection::makes_ranking(options, selects_teachers)),
        (feature_stage(needing), has_read_outs),
        (Stage::Views, needs_teachers),
        (Stage::Training, true),
        (Stage::Evaluation, true),
    ];
    let planned = planned.into_iter().filter(|(_, is_planned)| *is_planned);
    let stages = Stages::new(planned.map(|(stage, _)| stage).collect(), progress);
    let selection = selection::select(
        sources,
        dataset,
        options,
        selects_teachers,
        &stages,
        progress,
        interrupt,
    )?;
    let target = &selection.target;
    refusals::check_model(method, target)?;
    let names = dataset.targets.names();
    let samples = splits.training(target, progress)?;
    let bias = network::initial_bias(&splits.train.dataset.targets);
    let source = if method.needs(Need::SourceClasses) {
        SourceHead::Kept
    } else {
        SourceHead::Removed
    };
    let mut network = network::network(
        target,
        (names.len(), bias.clone()),
        (options.train.seed, source),
        samples.as_ref(),
    )?;
    let mut averaged = Vec::new();
    if method.needs(Need::Homogeneous) {
        let head = (bias.as_slice(), options.train.seed);
        (network, averaged) = source_soup::start(&selection, &network, head, (&splits, dataset))?;
    }

    let mut data = MethodData::default();
    let mut teachers: Vec<Teacher> = Vec::new();
    let extract = ExtractOptions {
        feature: FeatureChoice::Auto,
        ..options.extract.clone()
    };
    let inputs = TeacherInputs {
        all: &splits.all,
        all_digests: &splits.all_digests,
        rows: &splits.train_rows,
        dataset: &splits.train.dataset,
        digests: &splits.train.digests,
        options: &extract,
        progress,
        interrupt,
    };
    let teaching: &[_] = if needs_teachers { &selection.teachers } else { &[] };
    plan::announce(&inputs, (method, teaching), options)?;
    if has_read_outs {
        (teachers, data) = method_data(needing, &inputs, &selection, &splits, options, &stages)?;
    }
    let validation = splits.validation(target, progress)?;
    let entity_f1 = EntityF1 { names };
    let by_entity = matches!(&dataset.targets, DatasetTargets::Tags { scheme, .. } if *scheme != TagScheme::Plain);
    let metric: Option<&dyn ValidationMetric> = if by_entity {
        Some(&entity_f1)
    } else if options.train.class_weights == ClassWeights::Balanced {
        Some(&MacroF1)
    } else {
        None
    };
    let runner = TrialRunner {
        target,
        network: &network,
        samples: samples.as_ref(),
        validation: validation.as_deref(),
        metric,
        splits: &splits,
        method,
        data: &data,
        options,
        folder: &folder,
        pause_after: None,
        deadline: options.budget.map(|budget| Instant::now() + budget),
        step_seconds: Cell::new(0.0),
        runs_left: Cell::new(1),
        progress,
        interrupt,
    };
    stages.start(Stage::Training);
    // Not before: arguments that cannot be used leave nothing in the folder.
    if let Some(command) = options.command.as_ref().filter(|_| !options.resume) {
        folder.write(COMMAND, command.as_bytes())?;
    }
    let mut found = trials::run(&runner)?;
    if !averaged.is_empty() {
        found.settings.insert("sources".to_owned(), json!(averaged));
    }
    let trained = &found.trained;
    folder.write_model(&trained.model, target, selection.entry.dir.as_deref(), dataset)?;
    stages.start(Stage::Evaluation);
    let metrics = metrics::of_splits(&folder, &splits, options, progress, interrupt)?;
    #[expect(clippy::cast_precision_loss, reason = "a count of steps")]
    let per_step = trained.step_seconds / (trained.steps_timed.max(1) as f64);
    let seconds = begun.elapsed().as_secs_f64();
    let mut time = stages.time_spent();
    time.steps = runner.step_seconds.get();
    time.validation = (time.validation - time.steps).max(0.0);
    let training = Training {
        schema: SCHEMA.to_owned(),
        model: target.name().to_owned(),
        model_digest: target.digest().to_owned(),
        source: selection.entry.pinned.as_ref().map(ToString::to_string),
        method: options.method.clone(),
        teachers,
        task: dataset.targets.task().name().to_owned(),
        data: splits.describe(dataset),
        settings: found.settings,
        seed: options.train.seed,
        epochs: options.train.epochs,
        chosen_epoch: trained.chosen_epoch + 1,
        metrics,
        history: trained.epochs.iter().map(epoch).collect(),
        rate_curve: found.rate_curve,
        lambda_curve: found.lambda_curve,
        seconds,
        time: Some(time.of_run(seconds)),
        seconds_per_step: per_step,
        steps: trained.steps,
        stopped: trained.stopped.map(|stopped| stopped.name().to_owned()),
        members: Vec::new(),
        contest: Vec::new(),
        unreadable: splits.unreadable.clone(),
    };
    let licenses: Vec<String> = selection.entry.licenses.iter().map(ToString::to_string).collect();
    let facts = CardFacts {
        kind: dataset.kind().noun(),
        data: &data_name(&training.data.path),
        licenses: &licenses,
        parameters: trained.model.parameters(),
    };
    folder.write_training(&training, &facts)?;
    Ok(training)
}

/// The stage in which the features that `method` needs are computed.
fn feature_stage(method: &MethodInfo) -> Stage {
    if method.needs(Need::Teachers) || method.needs(Need::ReadOut) {
        Stage::ReadOuts
    } else {
        Stage::Features
    }
}

/// The teachers, and the data that `method` needs. A new [`Need`] does not compile until this function provides it.
fn method_data(
    method: &MethodInfo,
    inputs: &TeacherInputs<'_>,
    selection: &ModelSelection,
    splits: &DataSplits,
    options: &TuneOptions,
    stages: &Stages<'_>,
) -> Result<(Vec<Teacher>, MethodData), Error> {
    let (target, candidates) = (&selection.target, &selection.teachers);
    let progress = inputs.progress;
    let mut data = MethodData::default();
    stages.start(feature_stage(method));
    let read_out_progress = Labelled {
        label: "read-out",
        progress,
    };
    let read_out_inputs = inputs.with_progress(&read_out_progress);
    let teachers = if method.needs(Need::Teachers) {
        teachers::select(&read_out_inputs, candidates, options.temperature)?
    } else {
        Vec::new()
    };
    for need in method.needs {
        match need {
            // Their predictions are computed last, in a stage of their own.
            Need::Teachers => {}
            Need::ReadOut => {
                let own = teachers::own_read_out(&read_out_inputs, target, options.read_out)?;
                if own.head_weight > 0.0 {
                    progress.event(Event::Note(&format!(
                        "the read-out of {} is combined with its head, with weight {:.1}",
                        target.name(),
                        own.head_weight
                    )));
                }
                data.read_out = Some(own);
            }
            // A number of the trial, not data.
            Need::Lambda => {}
            // The task and the options were checked before.
            Need::Classes | Need::Search => {}
            Need::SourceClasses => {
                let DatasetTargets::Classes { names, labels } = &inputs.dataset.targets else {
                    return Err(Error::new(ErrorKind::Data, "expected one class per sample"));
                };
                let found = relationship::relationship(&read_out_inputs, target, labels, names.len())?;
                data.relationship = Some(found);
            }
            Need::Attention => {
                let plain = read_out_inputs.plain_features(target)?;
                let found = attention::attention(&plain).map_err(|error| unusable(target, &one_line(&error)))?;
                data.attention = Some(found);
            }
            // These have drivers of their own.
            Need::Stack | Need::Ensemble | Need::Homogeneous => {}
        }
    }
    if teachers.is_empty() {
        return Ok((Vec::new(), data));
    }
    let described: Vec<Teacher> = teachers.iter().map(SelectedTeacher::describe).collect();
    for teacher in &described {
        progress.event(Event::Note(&format!(
            "teacher {}: share {:.3}",
            teacher.name, teacher.weight
        )));
    }
    stages.start(Stage::Views);
    let view_progress = Labelled {
        label: "teacher views",
        progress,
    };
    let views = (&splits.views, options.n_views());
    data.teachers = Some(teachers::predictions(
        &inputs.with_progress(&view_progress),
        &teachers,
        views,
    )?);
    Ok((described, data))
}
