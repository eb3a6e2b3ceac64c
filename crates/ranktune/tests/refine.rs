//! Trials of the two models of texts in the repository, which train in seconds.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Duration;

use ranktune::{
    CacheOptions, Dataset, Event, Interrupt, LoadOptions, Progress, RankOptions, RefineOptions, Refined, Sources,
    Target, Validation, load, refine, tune,
};
use ranktune_report::ranking::{Decision, DecisionEnd};
use ranktune_report::trial::TrialStatus;

fn examples(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples").join(path)
}

fn topics() -> Dataset {
    let all = load(&examples("data/topics"), &LoadOptions::default()).expect("the topics of the repository");
    all.subsample(90, 1)
}

/// Trials of one and two epochs of five, without a limit but the trials themselves.
fn options(folder: &Path) -> RefineOptions {
    let mut options = RefineOptions::new(&topics(), folder);
    options.tolerance = 0.0;
    options.budget = Some(Duration::from_secs(100_000));
    options.rungs = vec![1, 2];
    options.tune.validation = Validation::Share(0.3);
    options.tune.extract.cache = CacheOptions::Off;
    options
}

/// Keeps lines, and interrupts at a step of training.
#[derive(Default)]
struct Watch {
    lines: Mutex<Vec<String>>,
    stop_at: Option<usize>,
    steps: Mutex<usize>,
    interrupt: Interrupt,
}

impl Progress for Watch {
    fn event(&self, event: Event<'_>) {
        match event {
            Event::Note(text) | Event::Done(text) => self.lines.lock().expect("no panic").push(text.to_owned()),
            Event::Samples { model, .. } if model.starts_with("training ") => {
                let mut steps = self.steps.lock().expect("no panic");
                *steps += 1;
                if self.stop_at == Some(*steps) {
                    self.interrupt.raise();
                }
            }
            _ => {}
        }
    }
}

impl Watch {
    fn has(&self, part: &str) -> bool {
        self.lines
            .lock()
            .expect("no panic")
            .iter()
            .any(|line| line.contains(part))
    }
}

fn run(options: &RefineOptions, watch: &Watch) -> Refined {
    let hub = Sources::from(examples("hub").as_path());
    let mut ranking = RankOptions::default();
    ranking.extract.cache = CacheOptions::Off;
    refine(&hub, &topics(), (&ranking, options), watch, &watch.interrupt).expect("trials do not end the command")
}

fn decision(refined: &Refined) -> &Decision {
    refined.ranking.decision.as_ref().expect("there are two models")
}

/// The values of trials by model and epochs.
fn values(refined: &Refined) -> BTreeMap<(String, usize), Option<u64>> {
    let trials = decision(refined).trials.iter();
    trials
        .map(|trial| ((trial.model.clone(), trial.epochs), trial.value.map(f64::to_bits)))
        .collect()
}

#[test]
fn tune_goes_on_from_the_trial_of_the_best_model_to_the_weights_of_a_run_without_a_pause() {
    let place = tempfile::tempdir().unwrap();
    let options = options(&place.path().join("trials"));
    let watch = Watch::default();
    let refined = run(&options, &watch);
    let decision = decision(&refined);
    assert!(!decision.trials.is_empty());
    for trial in &decision.trials {
        assert_eq!(trial.status, TrialStatus::Done, "{trial:?}");
        assert_eq!(trial.metric.as_deref(), Some("accuracy"));
    }
    assert!(
        decision.cost.is_some_and(|cost| cost.share > 0.0 && cost.share < 1.0),
        "{:?}",
        decision.cost
    );
    assert_eq!(refined.rows.len(), decision.trials.len());
    assert!(
        refined
            .rows
            .iter()
            .all(|row| row.rung.as_deref().is_some_and(|rung| rung.ends_with(" of 5 epochs")))
    );
    assert!(watch.has("is the likely best: P(best)") && watch.has("next trial: ") && watch.has("trials ended: "));
    assert!(watch.has("hardly tell models apart"), "27 validation samples are few");

    let best = &refined.ranking.models[0].name;
    let tuned = |out: &Path, resume: bool| {
        let mut tuning = options.tune.clone();
        tuning.model = Target::Named(best.clone());
        tuning.out = out.to_owned();
        tuning.resume = resume;
        let hub = Sources::from(examples("hub").as_path());
        tune(&hub, &topics(), &tuning, &Watch::default(), &Interrupt::default()).unwrap();
        std::fs::read(out.join("model.onnx")).unwrap()
    };
    let folder = refined.best_folder.expect("the best model had a trial");
    assert!(tuned(&folder, true) == tuned(&place.path().join("anew"), false));
}

#[test]
fn trials_are_found_again_and_what_a_killed_one_has_done_is_not_done_twice() {
    let place = tempfile::tempdir().unwrap();
    let first = run(&options(place.path()), &Watch::default());
    let watch = Watch::default();
    let second = run(&options(place.path()), &watch);
    assert_eq!(*watch.steps.lock().unwrap(), 0, "nothing is trained again");
    assert_eq!(decision(&first).trials, decision(&second).trials);
    // As if killed between the last checkpoint and the document.
    for entry in std::fs::read_dir(place.path()).unwrap() {
        std::fs::remove_file(entry.unwrap().path().join("trial.json")).unwrap();
    }
    let watch = Watch::default();
    let third = run(&options(place.path()), &watch);
    assert!(watch.has("resumed after step"));
    for (trial, value) in values(&third) {
        assert!(
            values(&first).get(&trial).is_none_or(|known| *known == value),
            "{trial:?}"
        );
    }
}

#[test]
fn an_interrupted_search_keeps_its_ranking_and_goes_on_to_the_same_values() {
    let place = tempfile::tempdir().unwrap();
    let whole = run(&options(&place.path().join("whole")), &Watch::default());
    let stopped = place.path().join("stopped");
    let watch = Watch {
        stop_at: Some(8),
        ..Watch::default()
    };
    let part = run(&options(&stopped), &watch);
    assert_eq!(decision(&part).ended, DecisionEnd::Interrupted);
    assert_eq!(part.ranking.models.len(), 2);
    let rest = run(&options(&stopped), &Watch::default());
    let (expected, found) = (values(&whole), values(&rest));
    let common: Vec<_> = found
        .iter()
        .filter(|(trial, _)| expected.contains_key(*trial))
        .collect();
    assert!(!common.is_empty());
    for (trial, value) in common {
        assert_eq!(expected[trial], *value, "{trial:?}");
    }
}

#[test]
fn models_that_diverge_are_listed_and_the_ranking_is_still_made() {
    let place = tempfile::tempdir().unwrap();
    let mut options = options(place.path());
    options.tune.learning_rates = vec![1e9, 1e10];
    options.tune.train.clip = None;
    let refined = run(&options, &Watch::default());
    let trials = &decision(&refined).trials;
    assert!(!trials.is_empty());
    for trial in trials {
        assert_eq!((trial.status, trial.value), (TrialStatus::Diverged, None), "{trial:?}");
        assert!(
            trial.reason.as_ref().is_some_and(|reason| reason.contains("diverged")),
            "{trial:?}"
        );
    }
    assert!(refined.rows.is_empty());
    assert_eq!(refined.ranking.models.len(), 2);
}
