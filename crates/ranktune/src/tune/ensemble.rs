//! The best-ranked models, each tuned by itself, and their mean prediction.

use std::time::Instant;

use ranktune_core::{Event, Interrupt, Progress, Silent};
use ranktune_data::{Dataset, Task};
use ranktune_report::Training;
use ranktune_report::training::{Member as MemberRow, SCHEMA};
use serde_json::{Map, json};

use super::folder::OutputFolder;
use super::members::{self, Member, joined};
use super::metrics;
use super::network::{self, SourceHead};
use super::options::{Target, TuneOptions};
use super::splits::DataSplits;
use super::stages::{Stage, Stages};
use super::tune;
use crate::ensemble::{Combination, EnsembleFile, FILE, member_folder, member_path};
use crate::error::{Error, ErrorKind};
use crate::sources::Sources;

/// Tunes every member and writes the ensemble.
///
/// # Errors
/// As [`tune`](super::tune()): a member that fails ends it, since an ensemble of fewer is another one.
pub(super) fn run(
    sources: &Sources,
    dataset: &Dataset,
    options: &TuneOptions,
    (progress, interrupt): (&dyn Progress, &Interrupt),
) -> Result<Training, Error> {
    let begun = Instant::now();
    let folder = OutputFolder::open(&options.out, options.resume)?;
    let planned = [
        (Stage::Ranking, members::makes_ranking(options)),
        (Stage::Training, true),
        (Stage::Evaluation, true),
    ];
    let planned = planned.into_iter().filter(|(_, is_planned)| *is_planned);
    let stages = Stages::new(planned.map(|(stage, _)| stage).collect(), progress);
    let members = members::select(sources, dataset, options, &stages, (progress, interrupt))?;
    let splits = DataSplits::read(dataset, options, progress)?;
    // A member that cannot be trained is found before an hour of training the others.
    for member in &members {
        check_trains(member, &splits, options)?;
    }
    stages.start(Stage::Training);
    let (mut names, mut trained) = (Vec::new(), Vec::new());
    let deadline = options.budget.map(|budget| Instant::now() + budget);
    for (place, member) in members.iter().enumerate() {
        progress.event(Event::Note(&format!(
            "member {} of {}: {}",
            place + 1,
            members.len(),
            member.name()
        )));
        let name = member_folder(member.name());
        let mut own = options.clone();
        own.method = "fine-tune".to_owned();
        own.model = Target::Named(member.name().to_owned());
        own.out = member_path(&folder.path, &name);
        own.test = None;
        // What is left is shared by the members that are left.
        let left = u32::try_from(members.len() - place).unwrap_or(1);
        own.budget = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()) / left);
        trained.push(tune(sources, dataset, &own, progress, interrupt)?);
        names.push(name);
    }
    let combination = if dataset.targets.task() == Task::Regression {
        Combination::Values
    } else {
        Combination::Probabilities
    };
    folder.write_ensemble(FILE, &EnsembleFile::new(combination, names))?;
    stages.start(Stage::Evaluation);
    let metrics = metrics::of_splits(&folder, &splits, options, progress, interrupt)?;
    let of_members: Map<_, _> = trained
        .iter()
        .map(|one| (one.model.clone(), json!(one.settings)))
        .collect();
    let steps: u64 = trained.iter().map(|one| one.steps).sum();
    let step_seconds: f64 = trained.iter().map(|one| one.seconds_per_step * one.steps as f64).sum();
    let weight = 1.0 / members.len().max(1) as f64;
    let seconds = begun.elapsed().as_secs_f64();
    let mut time = stages.time_spent();
    // The stage of training is that of the members, which have their own parts of it.
    time.validation = 0.0;
    trained
        .iter()
        .filter_map(|one| one.time.as_ref())
        .for_each(|own| time.add(own));
    let training = Training {
        schema: SCHEMA.to_owned(),
        model: joined(members.iter().map(Member::name)),
        model_digest: joined(members.iter().map(|member| member.candidate.model.digest())),
        source: None,
        method: options.method.clone(),
        teachers: Vec::new(),
        task: dataset.targets.task().name().to_owned(),
        data: splits.describe(dataset),
        settings: Map::from_iter([("members".to_owned(), json!(of_members))]),
        seed: options.train.seed,
        epochs: options.train.epochs,
        chosen_epoch: 0,
        metrics,
        history: Vec::new(),
        rate_curve: Vec::new(),
        lambda_curve: Vec::new(),
        seconds,
        time: Some(time.of_run(seconds)),
        seconds_per_step: step_seconds / steps.max(1) as f64,
        steps,
        stopped: trained.iter().find_map(|one| one.stopped.clone()),
        members: members
            .iter()
            .map(|member| MemberRow {
                name: member.name().to_owned(),
                weight,
            })
            .collect(),
        contest: Vec::new(),
        unreadable: splits.unreadable.clone(),
    };
    folder.write_document(&training)?;
    Ok(training)
}

/// Checks that a member trains on the samples at the size that the options ask for.
fn check_trains(member: &Member, splits: &DataSplits, options: &TuneOptions) -> Result<(), Error> {
    let own = &member.candidate.model;
    let sized = match options.image_size {
        Some(edge) => Some(
            own.at_size(edge)
                .map_err(|error| Error::new(ErrorKind::Arguments, error))?,
        ),
        None => None,
    };
    let target = sized.as_ref().unwrap_or(own);
    let samples = splits.training(target, &Silent)?;
    let columns = splits.train.dataset.targets.names().len();
    let head = (columns, Vec::new());
    network::network(
        target,
        head,
        (options.train.seed, SourceHead::Removed),
        samples.as_ref(),
    )
    .map(|_| ())
}
