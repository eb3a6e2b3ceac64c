//! What trials bring: each data set of a study is left out, and ranked with the record of the others and with trials of a share of the cost
//! of tuning every model.
//!
//!     cargo run --release -p ranktune --example trials -- STUDY SHARE,SHARE,… HUB…
//!
//! STUDY is the folder of a finished `ranktune study` of one method, `fine-tune`, of images. Trials are the beginning of the study's
//! tunings. What tuning every model takes is estimated from a first search, as this machine is now; the study may have run on a machine
//! that did other work too. See `experiments/decision/study.md`.

#![expect(clippy::print_stdout, reason = "a program that reports on stdout")]

use std::collections::BTreeMap;
use std::error::Error;
use std::path::Path;
use std::time::Duration;

use ranktune::record::protocol_of;
use ranktune::{
    CacheOptions, ExtractOptions, Interrupt, LoadOptions, RankOptions, RecordUse, RefineOptions, Silent, Source,
    Sources, Validation, load, refine,
};
use ranktune_report::record::Record;
use ranktune_report::study::{Study, StudyData};
use ranktune_scores::correlation::{top_k_regret, weighted_tau};

/// z of 90 %.
const FACTOR: f64 = 1.644_854;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [folder, shares, hub @ ..] = &arguments[..] else {
        return Err("expected STUDY SHARE,SHARE,… HUB…".into());
    };
    let study: Study = serde_json::from_slice(&std::fs::read(Path::new(folder).join("study.json"))?)?;
    let (record, _) = ranktune_report::record::parse(&std::fs::read_to_string(Path::new(folder).join("record.jsonl"))?);
    let sources = Sources::from(
        hub.iter()
            .map(|source| Source::from(source.as_str()))
            .collect::<Vec<_>>(),
    );
    let mut seconds: BTreeMap<String, f64> = BTreeMap::new();
    println!("share  data             trials    spent  weighted tau  regret  expected regret  inside 90 %  ended");
    for share in shares.split(',') {
        let share: f64 = share.parse()?;
        let (mut taus, mut regrets, mut inside, mut count, mut spent) = (Vec::new(), Vec::new(), 0, 0, 0.0);
        for data in &study.data {
            let all = match seconds.get(&data.name) {
                Some(&all) => all,
                None => one(&study, data, &record, &sources, None)?.seconds_of_all,
            };
            seconds.insert(data.name.clone(), all);
            let found = one(&study, data, &record, &sources, Some(share * all))?;
            println!(
                "{share:<5}  {:<15}  {:>6}  {:>5.1} %  {:>12.3}  {:>6.4}  {:>15.4}  {:>4} of {}  {}",
                data.name,
                found.trials,
                100.0 * found.spent,
                found.tau,
                found.regret,
                found.expected,
                found.inside,
                found.models,
                found.ended
            );
            taus.push(found.tau);
            regrets.push(found.regret);
            inside += found.inside;
            count += found.models;
            spent += found.spent;
        }
        let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
        println!(
            "{share:<5}  all: weighted tau {:.3}, regret {:.4}, inside 90 % intervals {:.0} %, spent {:.1} %",
            mean(&taus),
            mean(&regrets),
            100.0 * f64::from(inside) / f64::from(count),
            100.0 * spent / study.data.len() as f64
        );
    }
    Ok(())
}

struct Found {
    trials: usize,
    /// Share of the time of tuning every model.
    spent: f64,
    /// Estimated seconds of tuning every model.
    seconds_of_all: f64,
    ended: String,
    tau: f64,
    regret: f64,
    expected: f64,
    inside: u32,
    models: u32,
}

fn one(
    study: &Study,
    data: &StudyData,
    record: &Record,
    sources: &Sources,
    budget: Option<f64>,
) -> Result<Found, Box<dyn Error>> {
    let rows = record.rows.iter().filter(|row| row.data != data.name).cloned();
    let known: Vec<_> = rows
        .map(|mut row| {
            row.protocol = protocol_of("fine-tune");
            row
        })
        .collect();
    let number = |name: &str| {
        study
            .settings
            .get(name)
            .and_then(serde_json::Value::as_u64)
            .map(|n| n as usize)
    };
    let all = load(data.path.as_ref(), &LoadOptions::default())?;
    let dataset = match number("max_samples") {
        Some(limit) => all.subsample(limit, 0),
        None => all,
    };
    let folder = tempfile::tempdir()?;
    let mut options = RefineOptions::new(&dataset, folder.path());
    options.budget = budget.map(Duration::from_secs_f64);
    options.tolerance = 0.0;
    options.tune.train.epochs = number("epochs").ok_or("the study does not say its epochs")?;
    options.rungs = [1, 2, 4, 8]
        .into_iter()
        .filter(|rung| *rung < options.tune.train.epochs)
        .collect();
    options.tune.image_size = number("image_size");
    let rates = study
        .settings
        .get("learning_rate")
        .and_then(serde_json::Value::as_array);
    options.tune.learning_rates = rates
        .into_iter()
        .flatten()
        .filter_map(|rate| Some(rate.as_f64()? as f32))
        .collect();
    let validation = study.settings.get("validation").and_then(serde_json::Value::as_f64);
    options.tune.validation = Validation::Share(validation.ok_or("the study does not say its validation share")?);
    let extract = ExtractOptions {
        threads: Some(1),
        cache: CacheOptions::Off,
        ..ExtractOptions::default()
    };
    options.tune.extract = extract.clone();
    let ranking = RankOptions {
        extract,
        record: RecordUse::Own(Record { rows: known }),
        ..RankOptions::default()
    };
    let refined = refine(sources, &dataset, (&ranking, &options), &Silent, &Interrupt::default())?;
    let decision = refined.ranking.decision.as_ref().ok_or("no decision")?;
    let cost = decision.cost.ok_or("trials have a cost")?;
    let (mut said, mut was) = (Vec::new(), Vec::new());
    let mut inside = 0;
    for model in &refined.ranking.models {
        let measured = study
            .accuracies
            .iter()
            .find(|row| row.data == data.name && row.model == model.name);
        let (Some(predicted), Some(measured)) = (&model.predicted, measured) else {
            continue;
        };
        inside += u32::from((predicted.value - measured.value).abs() <= FACTOR * predicted.standard_error);
        said.push(-(model.rank as f64));
        was.push(measured.value);
    }
    Ok(Found {
        trials: decision.trials.len(),
        spent: cost.share,
        seconds_of_all: cost.seconds_of_tuning_all,
        ended: format!("{:?}", decision.ended),
        tau: weighted_tau(&said, &was)?.unwrap_or(f64::NAN),
        regret: top_k_regret(&said, &was, 1)?.unwrap_or(f64::NAN),
        expected: decision.expected_regret.unwrap_or(f64::NAN),
        inside,
        models: said.len() as u32,
    })
}
