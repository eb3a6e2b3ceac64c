//! Tuning a model of a hub on a data set, taught by the best-ranked ones.
//!
//! ```text
//! hub, ranking ──cast──► target, teachers        data ──material──► training and validation samples
//!                            │                                          │
//!              network: new head          lessons: what the teachers say of every view (cached)
//!                            └──────────────► train ◄───────────────────┘
//!                                               └──► folder: a hub entry, measured by the inference engine
//! ```

mod calibration;
mod cast;
mod folder;
mod grid;
mod images;
mod judge;
mod lessons;
mod material;
mod method;
mod network;
mod options;
mod parameters;
mod posterior;
mod run;
mod search;
mod texts;
mod watch;
mod word_lessons;

use std::time::Instant;

use ranktune_core::{Event, Interrupt, Progress};
use ranktune_data::{Dataset, TagScheme, Targets, Task};
use ranktune_features::extract::{CacheOptions, ExtractOptions, FeatureChoice};
use ranktune_report::Training;
use ranktune_report::training::{Metrics, SCHEMA, Teacher, TrainingData};
use ranktune_train::Judge;
use serde_json::{Map, Value};

pub use options::{Lambda, Target, Teachers, TuneOptions, Validation, training_defaults, usual_rates};
pub use parameters::list_parameters;

use crate::error::{Error, ErrorKind};
use crate::evaluate::{Predictor, logits, measure};
use crate::evaluate_words;
use crate::models::check_pooling;
use crate::sources::Sources;
use folder::Folder;
use lessons::Classroom;
use material::Material;

/// Tunes a model of `sources` on `dataset` and writes it to the folder `options.out`, which then is a model of a hub.
///
/// # Errors
/// [`ErrorKind::Arguments`]: an unknown method or model, settings that do not fit each other. [`ErrorKind::Data`]: a class
/// without a training sample, too many unreadable samples, validation data of other classes. [`ErrorKind::Hub`]: a model that
/// cannot be trained, or not at that size (the node is named), or a teacher for another kind of data.
/// [`ErrorKind::Output`]: the folder holds something else, or cannot be written to. [`ErrorKind::Diverged`]: the loss exploded.
/// [`ErrorKind::Training`]: a checkpoint is of another run. [`ErrorKind::Interrupted`]: stopped; the text says where the checkpoint is.
pub fn tune(
    sources: &Sources,
    dataset: &Dataset,
    options: &TuneOptions,
    progress: &dyn Progress,
    interrupt: &Interrupt,
) -> Result<Training, Error> {
    let begun = Instant::now();
    let needs = method::needs(&options.method)?;
    // With no weight on what they say, nobody has to be asked.
    let unheard = options.method == "b-tuning" && options.lambda == Lambda::Fixed(0.0);
    let taught = needs == method::Needs::Teachers && !unheard;
    options.check()?;
    let is_text = dataset.kind().is_text();
    if let (true, Some(count)) = (is_text, options.views) {
        let message = format!("{count} views were asked for, and texts have one; leave --views out");
        return Err(Error::new(ErrorKind::Arguments, message));
    }
    check_pooling(&options.extract, dataset.kind())?;
    let folder = Folder::open(&options.out, options.resume)?;
    for note in &dataset.notes {
        progress.event(Event::Note(note));
    }
    let material = Material::gather(dataset, options, progress)?;
    let cast = cast::choose(sources, dataset, options, taught, progress, interrupt)?;
    let target = &cast.target;
    let names = dataset.targets.names();
    let samples = material.training(target, progress)?;
    let start = network::start(&material.train.dataset.targets);
    let network = network::network(target, (names.len(), start), options.train.seed, samples.as_ref())?;

    let classroom = Classroom {
        all: &material.all,
        all_digests: &material.all_digests,
        rows: &material.train_rows,
        dataset: &material.train.dataset,
        digests: &material.train.digests,
        options: &ExtractOptions {
            feature: FeatureChoice::Auto,
            ..options.extract.clone()
        },
        progress,
        interrupt,
    };
    let count = options.views.unwrap_or(options::VIEWS);
    let mut teaching = None;
    let mut teachers: Vec<Teacher> = Vec::new();
    if taught {
        let (list, lessons) = classroom.lessons(&cast.teachers, &material.views, count, options.temperature)?;
        for teacher in &list {
            progress.event(Event::Note(&format!(
                "teacher {}: share {:.3}",
                teacher.name, teacher.weight
            )));
        }
        teachers = list;
        let (own, read_out) = match options.method.as_str() {
            "b-tuning" => {
                let (posterior, weight) = classroom.own(target, options.read_out)?;
                (posterior.weights, weight)
            }
            _ => (Vec::new(), 0.0),
        };
        if read_out > 0.0 {
            progress.event(Event::Note(&format!(
                "the read-out of {} joins its head with weight {read_out:.1}",
                target.name()
            )));
        }
        teaching = Some(method::Teaching { lessons, own, read_out });
    }
    let validation = material.validation(target, progress)?;
    let entities = judge::Entities { names };
    let by_entity = matches!(&dataset.targets, Targets::Tags { scheme, .. } if *scheme != TagScheme::Plain);
    let job = run::Job {
        target,
        network: &network,
        samples: samples.as_ref(),
        validation: validation.as_deref(),
        judge: by_entity.then_some(&entities as &dyn Judge),
        material: &material,
        teaching: teaching.as_ref(),
        options,
        folder: &folder,
        progress,
        interrupt,
    };
    let search::Finished {
        trained,
        rate_curve,
        lambda_curve,
        settings,
    } = search::run(&job)?;

    folder.write_model(&trained.model, target, cast.entry.dir.as_deref(), dataset)?;
    let metrics = measured(&folder, &material, options, progress, interrupt)?;
    #[expect(clippy::cast_precision_loss, reason = "a count of steps")]
    let per_step = trained.step_seconds / (trained.steps_timed.max(1) as f64);
    let training = Training {
        schema: SCHEMA.to_owned(),
        model: target.name().to_owned(),
        model_digest: target.digest().to_owned(),
        method: options.method.clone(),
        teachers,
        task: dataset.targets.task().name().to_owned(),
        data: TrainingData {
            path: dataset.path.display().to_string(),
            samples: material.train.dataset.targets.n_predicted(),
            validation_samples: material
                .held_out
                .as_ref()
                .map_or(0, |part| part.dataset.targets.n_predicted()),
            classes: names.to_vec(),
            digest: material.digest(),
        },
        settings,
        seed: options.train.seed,
        epochs: options.train.epochs,
        chosen_epoch: trained.chosen_epoch + 1,
        metrics,
        history: trained.epochs.iter().map(run::epoch).collect(),
        rate_curve,
        lambda_curve,
        seconds: begun.elapsed().as_secs_f64(),
        seconds_per_step: per_step,
        steps: trained.steps,
        unreadable: material.unreadable.clone(),
    };
    folder.write_training(&training)?;
    Ok(training)
}

/// Metrics of the written model, by the inference engine, on every part of the data.
fn measured(
    folder: &Folder,
    material: &Material,
    options: &TuneOptions,
    progress: &dyn Progress,
    interrupt: &Interrupt,
) -> Result<Metrics, Error> {
    let extract = ExtractOptions {
        feature: FeatureChoice::Auto,
        cache: CacheOptions::Off,
        ..options.extract.clone()
    };
    let source = Sources::from(folder.path.as_path());
    if material.all.targets.task() == Task::Tokens {
        let run = evaluate_words::Run {
            options: &extract,
            progress,
            interrupt,
        };
        let tagger = evaluate_words::Tagger::open(&source, run)?;
        let part = |part: Option<&material::Part>| match part {
            Some(part) => tagger.measure(&part.dataset, run),
            None => Ok(Map::new()),
        };
        return Ok(Metrics {
            train: part(Some(&material.train))?,
            validation: part(material.held_out.as_ref())?,
            test: part(material.test.as_ref())?,
        });
    }
    let predictor = Predictor::open(&source, &extract, progress, interrupt)?;
    let part = |part: Option<&material::Part>| -> Result<Map<String, Value>, Error> {
        let Some(part) = part else { return Ok(Map::new()) };
        let found = logits(
            &predictor.model,
            &part.dataset,
            &part.digests,
            &extract,
            progress,
            interrupt,
        )?;
        measure(&found.values, found.columns, &part.dataset.targets)
    };
    Ok(Metrics {
        train: part(Some(&material.train))?,
        validation: part(material.held_out.as_ref())?,
        test: part(material.test.as_ref())?,
    })
}
