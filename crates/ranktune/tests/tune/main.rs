//! `tune` as a library: every method of the list on the small hub and the digits of the repository.

#![expect(clippy::unwrap_used, reason = "a test fails where this panics")]

use std::path::{Path, PathBuf};
use std::sync::Mutex;

use ranktune::{
    AUTO, CacheOptions, DEFAULT_METHOD, Dataset, Error, ErrorKind, Evaluation, Event, ExtractOptions, Interrupt,
    Lambda, LoadOptions, METHODS, Need, Progress, Sources, Split, Target, Teachers, Training, TuneOptions, Validation,
    evaluate, load, load_test_split, predict, tune,
};

mod work;

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
    let info = METHODS.iter().find(|info| info.name == method);
    let is_of_several = info.is_some_and(|info| info.needs(Need::Stack) || info.needs(Need::Ensemble));
    if !is_of_several {
        options.model = Target::Named(MODEL.to_owned());
    }
    if info.is_some_and(|info| info.needs(Need::Search)) {
        options.learning_rates = vec![1e-3, 1e-2];
    }
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

/// The sum of the parts of a run's time.
fn total(training: &Training) -> f64 {
    let parts = serde_json::to_value(training.time).unwrap();
    let parts = parts.as_object().unwrap().values();
    parts.map(|seconds| seconds.as_f64().unwrap()).sum()
}

/// The tuned model in `out`, on the digits it was tuned on.
fn evaluation(out: &Path) -> Evaluation {
    let extract = ExtractOptions {
        cache: CacheOptions::Off,
        ..ExtractOptions::default()
    };
    evaluate(
        &Sources::from(out),
        &digits(),
        &extract,
        &Lines::default(),
        &Interrupt::default(),
    )
    .unwrap()
}

/// Two models of the hub, as a result of several takes them.
fn two_models(method: &str, out: &Path) -> TuneOptions {
    let mut options = options(method, out);
    options.teachers = Teachers::Named(vec![MODEL.to_owned(), "ppocr-text-orientation".to_owned()]);
    options
}

#[test]
fn a_stacked_head_is_evaluated_as_it_was_fitted_and_an_ensemble_is_the_mean_of_its_members() {
    let out = tempfile::tempdir().unwrap();
    let (training, _) = run(&two_models("stacked", out.path())).unwrap();
    assert_eq!(training.members.len(), 2);
    let kind = training.settings["head"].as_str().unwrap();
    let fitted = training.settings["heads"][kind]["value"].as_f64().unwrap();
    // The written members by the inference engine, against the head on the extracted features.
    assert_eq!(training.metrics.validation["accuracy"].as_f64(), Some(fitted));
    assert!(
        evaluation(out.path()).metrics["accuracy"].as_f64() > Some(0.5),
        "chance is 0.1"
    );

    let out = tempfile::tempdir().unwrap();
    run(&two_models("ensemble", out.path())).unwrap();
    let digit = [examples("data/digits/test/3")];
    let extract = ExtractOptions::default();
    let shares = |model: &Path| {
        let predictions = predict(
            &Sources::from(model),
            &digit,
            &extract,
            &Lines::default(),
            &Interrupt::default(),
        );
        let first = predictions.unwrap().predictions.swap_remove(0);
        first
            .probabilities
            .values()
            .map(|value| value.as_f64().unwrap())
            .collect::<Vec<f64>>()
    };
    let [a, b] = [MODEL, "ppocr-text-orientation"].map(|name| shares(&out.path().join("members").join(name)));
    for ((found, a), b) in shares(out.path()).iter().zip(a).zip(b) {
        assert!(
            (found - 0.5 * (a + b)).abs() < 1e-4,
            "{found}, expected the mean of {a} and {b}"
        );
    }
}

/// A hub of a model of the repository, and of the same one with other weights in its last layers.
fn two_of_one_architecture(place: &Path) -> Sources {
    let from = examples("hub").join(MODEL);
    for (name, factor) in [("one", 1.0), ("other", 0.5)] {
        let to = place.join("hub").join(name);
        std::fs::create_dir_all(&to).unwrap();
        for entry in std::fs::read_dir(&from).unwrap().flatten() {
            if entry.path().is_file() {
                std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
            }
        }
        let path = to.join("model.onnx");
        let mut model = ranktune_onnx::Model::load(&path).unwrap();
        let weight = model.graph.initializers.get_mut("dense5.weight").unwrap();
        let values: Vec<f32> = weight
            .to_f32_vec()
            .unwrap()
            .iter()
            .map(|value| factor * value)
            .collect();
        *weight = ranktune_onnx::Tensor::from_f32(&weight.dims.clone(), &values).unwrap();
        model.save(&path).unwrap();
    }
    Sources::from(place.join("hub").as_path())
}

#[test]
fn the_soup_that_is_written_is_the_one_that_validates_best() {
    let out = tempfile::tempdir().unwrap();
    let mut soup = options("soup", out.path());
    soup.train.epochs = 2;
    let (training, _) = run(&soup).unwrap();
    let rows = &training.settings["soup"];
    let written = rows["written"].as_str().unwrap();
    let of = |kind: &str, key: &str| rows[kind][key].as_f64().unwrap();
    for kind in ["single", "greedy", "uniform"] {
        let (value, loss) = (of(kind, "value"), of(kind, "loss"));
        let best = (of(written, "value"), of(written, "loss"));
        assert!(best.0 > value || (best.0 == value && best.1 <= loss), "{kind}: {rows}");
    }
    assert!(of("greedy", "value") >= of("single", "value"), "{rows}");
    let uniform = rows["uniform"]["members"].as_array().unwrap();
    assert_eq!(
        uniform.len(),
        training.rate_curve.len(),
        "every run is in the uniform soup"
    );
    // The inference engine on the written model, against the trainable graph on the average.
    assert_eq!(
        training.metrics.validation["accuracy"].as_f64(),
        Some(of(written, "value"))
    );
}

#[test]
fn a_soup_of_source_weights_starts_from_their_average_and_needs_one_architecture() {
    let place = tempfile::tempdir().unwrap();
    let hub = two_of_one_architecture(place.path());
    let mut soup = options("source-soup", &place.path().join("out"));
    soup.model = Target::Named("one".to_owned());
    soup.teachers = Teachers::Named(vec!["one".to_owned(), "other".to_owned()]);
    soup.train.learning_rate = 1e-12;
    let training = tune(&hub, &digits(), &soup, &Lines::default(), &Interrupt::default()).unwrap();
    assert_eq!(training.settings["sources"], serde_json::json!(["one", "other"]));
    let weight = |path: PathBuf| {
        let model = ranktune_onnx::Model::load(&path.join("model.onnx")).unwrap();
        model.graph.initializers["dense5.weight"].to_f32_vec().unwrap()
    };
    let (one, tuned) = (weight(place.path().join("hub/one")), weight(place.path().join("out")));
    for (one, tuned) in one.iter().zip(&tuned) {
        assert!((0.75 * one - tuned).abs() < 1e-6, "{tuned}, expected 0.75 of {one}");
    }
    // Another architecture is refused with the first node that differs.
    let mut wrong = options("source-soup", &place.path().join("wrong"));
    wrong.teachers = Teachers::Named(vec!["ppocr-text-orientation".to_owned()]);
    let error = run(&wrong).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Arguments);
    let text = error.to_string();
    assert!(
        text.contains("first different node") && text.contains("use b-tuning"),
        "{text}"
    );
}

#[test]
fn auto_keeps_one_candidate_and_a_diverging_one_is_a_row() {
    let out = tempfile::tempdir().unwrap();
    let mut diverging = options(AUTO, out.path());
    // Fine-tuning and B-Tuning explode at this rate; the joint head has none.
    diverging.train.learning_rate = 1e6;
    diverging.train.clip = None;
    diverging.train.epochs = 3;
    let (training, _) = run(&diverging).unwrap();
    let names: Vec<&str> = training.contest.iter().map(|row| row.method.as_str()).collect();
    assert_eq!(names, ["linear-probe", "stacked", "fine-tune", "b-tuning"]);
    let row = |method: &str| training.contest.iter().find(|row| row.method == method).unwrap();
    for method in ["fine-tune", "b-tuning"] {
        let reason = row(method).reason.as_deref().unwrap_or_default();
        assert!(
            reason.contains("diverged") && row(method).measured.is_none(),
            "{method}: {reason}"
        );
    }
    assert!(row("stacked").measured.is_some());
    assert_eq!(training.contest.iter().filter(|row| row.chosen).count(), 1);
    assert!((total(&training) - training.seconds).abs() < 1e-6);
    assert!(row(&training.method).chosen);
    assert!(evaluation(out.path()).metrics["accuracy"].is_number());
}

#[test]
fn what_a_method_cannot_have_is_refused_before_any_work_with_what_would_do() {
    let place = tempfile::tempdir().unwrap();
    let out = place.path().join("out");
    let refused = |options: &TuneOptions, part: &str| {
        let error = run(options).err().unwrap();
        assert_eq!(error.kind(), ErrorKind::Arguments, "{error}");
        assert!(error.to_string().contains(part), "{part}: {error}");
        assert!(!out.join("training.json").exists());
    };
    let mut soup = options("soup", &out);
    soup.learning_rates.clear();
    refused(&soup, "--learning-rate auto");
    let mut stacked = options("stacked", &out);
    stacked.model = Target::Named(MODEL.to_owned());
    refused(&stacked, "--teachers");
    let mut many = options("b-tuning", &out);
    many.teachers = Teachers::Top(40);
    refused(&many, "the hub has 6 models");
    let mut patient = options("fine-tune", &out);
    patient.train.patience = Some(3);
    patient.validation = Validation::None;
    refused(&patient, "--patience");
    let mut unknown = options(AUTO, &out);
    unknown.model = Target::Named("mtcnn-onet-fac".to_owned());
    refused(&unknown, MODEL);
    let mut several = options(AUTO, &out);
    several.candidates = vec!["fine-tun".to_owned()];
    refused(&several, "did you mean \"fine-tune\"");
    let mut blind = options(AUTO, &out);
    blind.validation = Validation::None;
    refused(&blind, "--validation");
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
        if method.needs(Need::Homogeneous) {
            // Tested below with models of one architecture.
            continue;
        }
        if method.name == "stoch-norm" {
            // The model has no BatchNormalization, which is said with what would do.
            let error = run(&options(method.name, out.path())).err().unwrap();
            assert_eq!(error.kind(), ErrorKind::Arguments);
            assert!(error.to_string().contains("use fine-tune"), "{error}");
            continue;
        }
        let (training, lines) = run(&options(method.name, out.path())).unwrap();
        assert_eq!(training.method, method.name);
        assert_eq!(
            !training.teachers.is_empty(),
            method.needs(Need::Teachers),
            "{}",
            method.name
        );
        assert_eq!(
            training.settings.contains_key("temperature"),
            method.needs(Need::Teachers) || method.needs(Need::Stack),
            "{}",
            method.name
        );
        let settings = ["lambda", "read_out", "soup"].map(|name| training.settings.contains_key(name));
        let needs = [Need::Lambda, Need::ReadOut, Need::Search].map(|need| method.needs(need));
        assert_eq!(settings, needs, "{}", method.name);
        let has_features = method.needs(Need::SourceClasses) || method.needs(Need::Attention);
        let expected: &[&str] = if method.needs(Need::Teachers) {
            &[
                "[1/4] teacher read-outs",
                "[2/4] teacher views",
                "[3/4] training",
                "[4/4] evaluation",
            ]
        } else if has_features {
            &["[1/3] features of the model", "[2/3] training", "[3/3] evaluation"]
        } else if method.needs(Need::Stack) {
            &["[1/2] joint head", "[2/2] evaluation"]
        } else {
            &["[1/2] training", "[2/2] evaluation"]
        };
        let stages = lines.starting_with("[");
        // Each member of an ensemble has stages of its own in between.
        let own: Vec<String> = match (stages.as_slice(), method.needs(Need::Ensemble)) {
            ([first, .., last], true) => vec![first.clone(), last.clone()],
            _ => stages,
        };
        assert_eq!(own, expected, "{}", method.name);
        let time = training.time.unwrap();
        assert!(
            (total(&training) - training.seconds).abs() < 1e-6,
            "{}: {time:?}",
            method.name
        );
        let spent = [time.ranking, time.teachers, time.features, time.steps].map(|seconds| seconds > 0.0);
        let of_features = has_features || method.needs(Need::Stack);
        let expected = [false, method.needs(Need::Teachers), of_features, training.steps > 0];
        assert_eq!(spent, expected, "{}", method.name);
        let metric = training.metrics.validation["accuracy"].as_f64().unwrap();
        let found = evaluation(out.path()).metrics["accuracy"].as_f64().unwrap();
        assert!(
            (0.0..=1.0).contains(&metric) && (0.0..=1.0).contains(&found),
            "{}",
            method.name
        );
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
