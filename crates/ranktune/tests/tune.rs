//! `tune` as a library: every method of the list on the small hub and the digits of the repository.

use std::path::{Path, PathBuf};
use std::sync::Mutex;

use ranktune::{
    CacheOptions, DEFAULT_METHOD, Dataset, Error, ErrorKind, Event, Interrupt, Lambda, LoadOptions, METHODS, Need,
    Progress, Sources, Split, Target, Teachers, Training, TuneOptions, load, load_test_split, tune,
};

const MODEL: &str = "mtcnn-onet-face";

fn examples(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples").join(path)
}

fn digits() -> Dataset {
    let all = load(&examples("data/digits"), &LoadOptions::default()).expect("the digits of the repository");
    all.subsample(60, 1)
}

/// One epoch of `method` with the only model of the repository that tunes in a second, taught by itself.
fn options(method: &str, out: &Path) -> TuneOptions {
    let mut options = TuneOptions::new(out);
    options.method = method.to_owned();
    options.model = Target::Named(MODEL.to_owned());
    options.teachers = Teachers::Named(vec![MODEL.to_owned()]);
    options.train.epochs = 1;
    options.extract.cache = CacheOptions::Off;
    options
}

/// Keeps the lines that a person would see.
#[derive(Default)]
struct Lines(Mutex<Vec<String>>);

impl Progress for Lines {
    fn event(&self, event: Event<'_>) {
        let line = match event {
            Event::Stage { number, count, name } => format!("[{number}/{count}] {name}"),
            Event::ModelFinished { model, .. } | Event::TrainingFinished { model, .. } => format!("done: {model}"),
            Event::Note(text) | Event::Done(text) => text.to_owned(),
            _ => return,
        };
        self.0.lock().expect("no test panicked").push(line);
    }
}

impl Lines {
    fn starting_with(&self, start: &str) -> Vec<String> {
        let lines = self.0.lock().expect("no test panicked");
        lines.iter().filter(|line| line.starts_with(start)).cloned().collect()
    }
}

fn run(options: &TuneOptions) -> Result<(Training, Lines), Error> {
    let lines = Lines::default();
    let hub = Sources::from(examples("hub").as_path());
    let training = tune(&hub, &digits(), options, &lines, &Interrupt::default())?;
    Ok((training, lines))
}

#[test]
fn every_method_of_the_list_tunes_by_its_name_and_reports_what_it_needed() {
    for method in METHODS {
        let out = tempfile::tempdir().unwrap();
        let (training, lines) = run(&options(method.name, out.path())).unwrap();
        assert_eq!(training.method, method.name);
        assert_eq!(
            !training.teachers.is_empty(),
            method.needs(Need::Teachers),
            "{}",
            method.name
        );
        let settings = ["temperature", "lambda", "read_out"].map(|name| training.settings.contains_key(name));
        let needs = [Need::Teachers, Need::Lambda, Need::ReadOut].map(|need| method.needs(need));
        assert_eq!(settings, needs, "{}", method.name);
        let expected: &[&str] = if method.needs(Need::Teachers) {
            &[
                "[1/4] teacher read-outs",
                "[2/4] teacher views",
                "[3/4] training",
                "[4/4] evaluation",
            ]
        } else {
            &["[1/2] training", "[2/2] evaluation"]
        };
        assert_eq!(lines.starting_with("["), expected, "{}", method.name);
        let done = lines.starting_with("done: ");
        let is_labelled = |line: &String| {
            ["read-out, ", "teacher views, ", "training ", "evaluation on "]
                .iter()
                .any(|label| line["done: ".len()..].starts_with(label))
        };
        assert!(!done.is_empty() && done.iter().all(is_labelled), "{done:?}");
    }
}

#[test]
fn without_weight_on_its_teachers_the_default_method_needs_none_and_trains_as_fine_tuning_does() {
    let weights = |method: &str, lambda: f64| {
        let out = tempfile::tempdir().unwrap();
        let mut options = options(method, out.path());
        options.lambda = Lambda::Fixed(lambda);
        // A teacher that does not exist: it is not asked for.
        options.teachers = Teachers::Named(vec!["nobody".to_owned()]);
        let (training, _) = run(&options).unwrap();
        assert!(training.teachers.is_empty());
        std::fs::read(out.path().join("model.onnx")).unwrap()
    };
    assert!(weights(DEFAULT_METHOD, 0.0) == weights("fine-tune", 0.0));
}

#[test]
fn an_unknown_method_suggests_the_nearest_and_writes_nothing() {
    let out = tempfile::tempdir().unwrap();
    let error = run(&options("linear-prob", out.path())).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Arguments);
    assert!(error.to_string().contains("did you mean \"linear-probe\"?"), "{error}");
    assert_eq!(std::fs::read_dir(out.path()).unwrap().count(), 0);
}

#[test]
fn a_test_split_beside_the_training_data_is_found_and_evaluated() {
    let test = load_test_split(&examples("data/digits"), &LoadOptions::default()).unwrap();
    let test = test.expect("digits have a folder test/ beside train/");
    assert_eq!(test.n_samples(), 200);
    let out = tempfile::tempdir().unwrap();
    let mut options = options("linear-probe", out.path());
    options.test = Some(test.subsample(40, 1));
    let (training, lines) = run(&options).unwrap();
    assert!(training.metrics.test["accuracy"].is_number());
    assert_eq!(lines.starting_with("done: evaluation on test").len(), 1);
}

#[test]
fn no_test_split_is_found_where_there_is_none_or_it_is_trained_on() {
    let digits = examples("data/digits");
    let none = |path: &Path, split| {
        let options = LoadOptions {
            split,
            ..LoadOptions::default()
        };
        load_test_split(path, &options).unwrap().is_none()
    };
    assert!(none(&digits, Some(Split::Test)));
    assert!(none(&digits.join("train"), None));
    assert!(!none(&digits, Some(Split::Train)));
}
