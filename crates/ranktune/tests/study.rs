//! `study` as a library: two small models on the topics of the repository.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use ranktune::{
    CacheOptions, ErrorKind, Event, Interrupt, LoadOptions, Progress, Silent, Source, Sources, Study, StudyInput,
    StudyOptions, StudyRun, Task, study,
};
use ranktune_report::{RecordRow, record};
use serde_json::Value;

fn examples(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples").join(path)
}

fn hub(models: &[&str]) -> Sources {
    let list: Vec<Source> = models
        .iter()
        .map(|model| Source::from(examples(&format!("hub/{model}")).to_str().unwrap()))
        .collect();
    Sources::from(list)
}

const TEXT_MODELS: [&str; 2] = ["glove-50d-1k", "glove-50d-10k"];

/// The topics, and a table of half of them under another name: two data sets, the second without a test split.
fn two_data_sets(place: &Path) -> Vec<StudyInput> {
    let text = fs::read_to_string(examples("data/topics/train.jsonl")).unwrap();
    let half: Vec<&str> = text.lines().step_by(2).collect();
    let table = place.join("half.jsonl");
    fs::write(&table, half.join("\n")).unwrap();
    vec![StudyInput::from(&*examples("data/topics")), StudyInput::from(&*table)]
}

fn options(out: PathBuf) -> StudyOptions {
    let mut options = StudyOptions::new(out);
    options.seeds = 2;
    options.epochs = Some(1);
    options.learning_rates = vec![0.001, 0.01];
    options.extract.cache = CacheOptions::Off;
    options
}

fn run(options: &StudyOptions, data: &[StudyInput]) -> Study {
    study(&hub(&TEXT_MODELS), data, options, &Silent, &Interrupt::default()).unwrap()
}

/// A document without times.
fn without_times(value: &mut Value) {
    match value {
        Value::Object(object) => {
            object.retain(|key, _| !key.contains("seconds") && key != "path");
            object.values_mut().for_each(without_times);
        }
        Value::Array(values) => values.iter_mut().for_each(without_times),
        _ => {}
    }
}

fn document(folder: &Path) -> Value {
    let mut value = serde_json::from_slice(&fs::read(folder.join("study.json")).unwrap()).unwrap();
    without_times(&mut value);
    value
}

/// Asks to stop at the event of this number.
struct StopAt<'a> {
    at: usize,
    seen: AtomicUsize,
    interrupt: &'a Interrupt,
}

impl Progress for StopAt<'_> {
    fn event(&self, _: Event<'_>) {
        if self.seen.fetch_add(1, Ordering::Relaxed) == self.at {
            self.interrupt.raise();
        }
    }
}

#[test]
fn an_interrupted_study_that_goes_on_has_the_same_documents() {
    let place = tempfile::tempdir().unwrap();
    let data = two_data_sets(place.path());
    let whole = options(place.path().join("whole"));
    let study_of_whole = run(&whole, &data);
    assert_eq!((study_of_whole.measured, study_of_whole.failures.len()), (8, 0));

    let parts = options(place.path().join("parts"));
    let mut interruptions = 0;
    for at in (5..).step_by(15) {
        let interrupt = Interrupt::default();
        let stop = StopAt {
            at,
            seen: AtomicUsize::new(0),
            interrupt: &interrupt,
        };
        match study(&hub(&TEXT_MODELS), &data, &parts, &stop, &interrupt) {
            Ok(_) => break,
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Interrupted, "{error}");
                assert!(error.to_string().contains("run the same command again"), "{error}");
                interruptions += 1;
            }
        }
    }
    assert!(interruptions > 1, "{interruptions}");
    assert_eq!(document(&whole.out), document(&parts.out));
    for name in ["claims", "tuning"] {
        assert!(!parts.out.join(name).exists(), "{name} is left");
    }
    // A finished study only reads its parts.
    assert_eq!(run(&parts, &data).accuracies, run(&parts, &data).accuracies);
}

#[test]
fn processes_on_one_folder_share_the_work() {
    let place = tempfile::tempdir().unwrap();
    let data = two_data_sets(place.path());
    let options = options(place.path().join("study"));
    let tuned = AtomicUsize::new(0);
    struct Count<'a>(&'a AtomicUsize);
    impl Progress for Count<'_> {
        fn event(&self, event: Event<'_>) {
            if matches!(event, Event::Done(text) if text.starts_with('[')) {
                self.0.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let interrupt = Interrupt::default();
                let run = StudyRun::open(&hub(&TEXT_MODELS), &data, &options, &Silent, &interrupt).unwrap();
                run.begin().unwrap();
                run.work(&Count(&tuned), &interrupt).unwrap();
            });
        }
    });
    // No tuning was done twice.
    assert_eq!(tuned.into_inner(), 8);
    assert_eq!(run(&options, &data).measured, 8);
}

#[test]
fn the_documents_read_back_and_agree_with_each_other() {
    let place = tempfile::tempdir().unwrap();
    let data = two_data_sets(place.path());
    let options = options(place.path().join("study"));
    let study = run(&options, &data);
    let read = |name: &str| fs::read_to_string(options.out.join(name)).unwrap();
    assert_eq!(serde_json::from_str::<Study>(&read("study.json")).unwrap(), study);

    let (record, notes) = record::parse(&read("record.jsonl"));
    assert_eq!(notes, []);
    let (full, begun): (Vec<&RecordRow>, Vec<&RecordRow>) = record.rows.iter().partition(|row| row.rung.is_none());
    // Every model is tuned for one epoch, whose validation is what a trial of one epoch says.
    assert!(begun.len() == 4 && begun.iter().all(|row| row.rung.as_deref() == Some("1 of 1 epochs")));
    assert_eq!(full.len(), 4);
    for (row, accuracy) in full.into_iter().zip(&study.accuracies) {
        assert_eq!(
            (&row.model, &row.data, row.value),
            (&accuracy.model, &accuracy.data, accuracy.value)
        );
        assert_eq!(
            row.protocol,
            "fine-tune, all samples, 1 epoch, learning rate 0.001 or 0.01"
        );
        assert!(row.digest.is_some() && row.scores.contains_key("logme") && row.scores.contains_key("etran"));
        let mean = accuracy.values.iter().sum::<f64>() / 2.0;
        assert!((row.value - mean).abs() < 1e-12);
    }
    let lines = |name: &str| read(name).lines().count();
    assert_eq!((lines("accuracies.csv"), lines("scores.csv")), (9, 5));
    let report = read("study.md");
    for part in [
        "# Study",
        "| glove-50d-10k |",
        "## Cost",
        "own split",
        "held out",
        "## Decisions",
    ] {
        assert!(report.contains(part), "{part:?} is missing in {report}");
    }
    let agreement = &study.agreement[0];
    assert_eq!(
        (agreement.metric.as_str(), agreement.scores[0].score.as_str()),
        ("accuracy", "logme")
    );
    for set in &agreement.scores[0].data {
        // Of two models the order is right or wrong.
        assert!(set.models == 2 && set.weighted_tau.is_none_or(|tau| (tau.abs() - 1.0).abs() < 1e-12));
    }
    assert!(
        study
            .decisions
            .iter()
            .all(|row| (row.data_sets, row.predictions) == (2, 4))
    );
    assert!(study.cost.ranking_seconds > 0.0 && study.cost.tuning_seconds > 0.0);
}

#[test]
fn a_tuning_that_diverges_is_a_row_with_its_reason() {
    let place = tempfile::tempdir().unwrap();
    let data = [StudyInput::from(&*examples("data/topics"))];
    let mut options = options(place.path().join("study"));
    options.seeds = 1;
    options.epochs = Some(3);
    options.learning_rates = vec![1e30];
    options.scores = vec!["logme".to_owned()];
    let study = run(&options, &data);
    assert_eq!((study.measured, study.failures.len()), (0, 2));
    for failure in &study.failures {
        assert_eq!((failure.method.as_deref(), failure.seed), (Some("fine-tune"), Some(0)));
        assert!(failure.reason.contains("learning rate"), "{}", failure.reason);
    }
    let table = fs::read_to_string(options.out.join("accuracies.csv")).unwrap();
    assert!(table.lines().nth(1).unwrap().contains("learning rate"), "{table}");
}

#[test]
fn one_model_has_no_order_and_the_report_says_so() {
    let place = tempfile::tempdir().unwrap();
    let data = [StudyInput::from(&*examples("data/topics"))];
    let mut options = options(place.path().join("study"));
    options.seeds = 1;
    options.learning_rates = vec![0.01];
    let sources = hub(&TEXT_MODELS[..1]);
    let study = study(&sources, &data, &options, &Silent, &Interrupt::default()).unwrap();
    assert!(
        study.agreement[0]
            .scores
            .iter()
            .all(|score| score.weighted_tau.is_none() && score.interval.is_none())
    );
    let said = study.notes.join("\n");
    for part in ["only glove-50d-1k takes it", "there is one", "one seed"] {
        assert!(said.contains(part), "{part:?} is missing in {said}");
    }
}

#[test]
fn what_cannot_be_studied_is_refused_before_anything_is_written() {
    let place = tempfile::tempdir().unwrap();
    let topics = StudyInput::from(&*examples("data/topics"));
    let of = |sources: &Sources, data: &[StudyInput], options: &StudyOptions| {
        let run = StudyRun::open(sources, data, options, &Silent, &Interrupt::default());
        let error = run.err().expect("the study is refused");
        (error.kind(), error.to_string())
    };
    let texts = hub(&TEXT_MODELS);
    let plain = options(place.path().join("study"));
    let (kind, text) = of(&texts, &[], &plain);
    assert!(
        kind == ErrorKind::Arguments && text.contains("at least one data set"),
        "{text}"
    );

    let digits = StudyInput::from(&*examples("data/digits"));
    let (kind, text) = of(&texts, &[topics.clone(), digits], &plain);
    assert!(
        kind == ErrorKind::Hub && text.contains("no model of the hub takes images"),
        "{text}"
    );
    assert!(
        text.contains("digits") && text.contains("glove-50d-1k: not applicable"),
        "{text}"
    );

    let mut scores = plain.clone();
    scores.scores = vec!["logmee".to_owned()];
    let (kind, text) = of(&texts, std::slice::from_ref(&topics), &scores);
    assert!(
        kind == ErrorKind::Arguments && text.contains("did you mean \"logme\"?"),
        "{text}"
    );

    let missing = StudyInput {
        path: place.path().join("nowhere"),
        load: LoadOptions {
            task: Some(Task::Classification),
            ..LoadOptions::default()
        },
    };
    assert_eq!(of(&texts, &[missing], &plain).0, ErrorKind::Data);
    assert!(!plain.out.exists());
}

#[test]
fn another_configuration_of_the_folder_is_refused_with_what_differs() {
    let place = tempfile::tempdir().unwrap();
    let data = [StudyInput::from(&*examples("data/topics"))];
    let first = options(place.path().join("study"));
    let open =
        |options: &StudyOptions| StudyRun::open(&hub(&TEXT_MODELS), &data, options, &Silent, &Interrupt::default());
    open(&first).unwrap().begin().unwrap();
    open(&first).unwrap().begin().unwrap();
    let mut other = first.clone();
    other.epochs = Some(2);
    other.seeds = 1;
    let error = open(&other).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Output);
    for part in [
        "another configuration",
        "seeds: [0,1] there, [0] here",
        "epochs: 1 there, 2 here",
    ] {
        assert!(error.to_string().contains(part), "{part:?} is missing in {error}");
    }
}

#[test]
fn methods_are_compared_and_those_with_teachers_use_the_ranking_of_the_study() {
    let place = tempfile::tempdir().unwrap();
    let data = [StudyInput::from(&*examples("data/topics"))];
    let mut options = options(place.path().join("study"));
    options.methods = vec!["fine-tune".to_owned(), "b-tuning".to_owned()];
    options.seeds = 1;
    options.learning_rates = vec![0.01];
    options.scores = vec!["logme".to_owned()];
    let run = StudyRun::open(&hub(&TEXT_MODELS), &data, &options, &Silent, &Interrupt::default()).unwrap();
    let plan = run.plan();
    assert_eq!((plan.cells, plan.finished, plan.estimated_seconds), (4, 0, None));
    run.time(&Interrupt::default()).unwrap();
    assert!(run.plan().estimated_seconds > Some(0.0));
    assert!(!options.out.exists(), "a plan writes nothing");
    run.begin().unwrap();
    run.work(&Silent, &Interrupt::default()).unwrap();
    assert_eq!((run.plan().finished, run.plan().estimated_seconds), (4, Some(0.0)));
    let study = run.finish().unwrap();
    assert_eq!((study.measured, study.failures.len()), (4, 0));
    let [first, second] = &study.methods[0].methods[..] else {
        panic!("two methods")
    };
    assert_eq!(
        (first.method.as_str(), second.method.as_str()),
        ("fine-tune", "b-tuning")
    );
    assert!(first.difference.is_none() && second.standard_error.is_some());
    assert_eq!(study.agreement.len(), 2);
}
