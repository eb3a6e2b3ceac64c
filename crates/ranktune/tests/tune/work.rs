//! What `tune` runs: views, teachers, and what it says of them before.

use std::sync::Mutex;

use ranktune::{CacheOptions, CachePrecision, DEFAULT_METHOD, Event, Interrupt, Progress, Sources, Teachers, tune};

use super::{MODEL, digits, examples, options, run, two_models};

#[test]
fn a_teacher_with_a_share_under_two_percent_predicts_no_views() {
    let out = tempfile::tempdir().unwrap();
    let mut options = two_models(DEFAULT_METHOD, out.path());
    options.temperature = 1e-3;
    let (training, lines) = run(&options).unwrap();
    let [teacher] = training.teachers.as_slice() else {
        panic!("expected one teacher, found {:?}", training.teachers);
    };
    assert_eq!(teacher.weight, 1.0);
    assert_eq!(
        lines.starting_with("done: teacher views, "),
        [format!("done: teacher views, {}", teacher.name)]
    );
    let left_out = lines.starting_with("teacher ");
    let left_out: Vec<_> = left_out.iter().filter(|line| line.contains("left out")).collect();
    assert!(
        left_out.len() == 1 && !left_out[0].contains(&teacher.name) && left_out[0].contains("2.0 %"),
        "{left_out:?}"
    );
}

#[test]
fn the_predictions_are_the_same_whichever_teacher_is_complete_first() {
    let (place, cache) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let weights = |name: &str, teachers: &[&str], cache: CacheOptions| {
        let mut options = options(DEFAULT_METHOD, &place.path().join(name));
        options.teachers = Teachers::Named(teachers.iter().map(|&teacher| teacher.to_owned()).collect());
        // Shares of the same size.
        options.temperature = 100.0;
        options.extract.cache = cache;
        run(&options).unwrap();
        std::fs::read(options.out.join("model.onnx")).unwrap()
    };
    let cached = || CacheOptions::On {
        folder: Some(cache.path().to_owned()),
        max_bytes: 1 << 30,
        precision: CachePrecision::F32,
    };
    // Of two, the sum would be the same in either order.
    let all = [MODEL, "ppocr-text-orientation", "mobilenetv2-dogs"];
    let without = weights("without", &all, CacheOptions::Off);
    let last = weights("last", &all[2..], cached());
    // Now the last teacher is in the cache, and complete before the first has begun.
    assert!(weights("all", &all, cached()) == without);
    assert!(last != without);
}

#[test]
fn the_plan_says_who_predicts_how_much_and_what_that_costs() {
    let out = tempfile::tempdir().unwrap();
    let (_, lines) = run(&options(DEFAULT_METHOD, &out.path().join("taught"))).unwrap();
    let plans = lines.starting_with("plan: ");
    let start = format!("plan: teacher {MODEL} predicts 1 view of 54 images (about ");
    assert!(plans.len() == 1 && plans[0].starts_with(&start), "{plans:?}");
    assert!(plans[0].ends_with("; then 1 epoch of 54 images"), "{plans:?}");
    let mut searched = options("fine-tune", &out.path().join("searched"));
    searched.learning_rates = vec![1e-3, 1e-2];
    let (_, lines) = run(&searched).unwrap();
    assert_eq!(
        lines.starting_with("plan: "),
        ["plan: 1 epoch of 54 images in each trial"]
    );
}

/// The rows that models are asked for, by their names in progress lines.
#[derive(Default)]
struct Rows(Mutex<Vec<(String, usize)>>);

impl Progress for Rows {
    fn event(&self, event: Event<'_>) {
        if let Event::ModelStarted { model, samples } = event {
            self.0
                .lock()
                .expect("no test panicked")
                .push((model.to_owned(), samples));
        }
    }
}

#[test]
fn teachers_predict_no_more_views_than_there_are_epochs() {
    let rows_of_views = |views: Option<u32>, epochs: usize| {
        let out = tempfile::tempdir().unwrap();
        let mut options = options(DEFAULT_METHOD, out.path());
        (options.views, options.train.epochs) = (views, epochs);
        let rows = Rows::default();
        let hub = Sources::from(examples("hub").as_path());
        let training = tune(&hub, &digits(), &options, &rows, &Interrupt::default()).unwrap();
        let started = rows.0.into_inner().unwrap();
        let of_views = started.iter().filter(|(model, _)| model.starts_with("teacher views, "));
        (
            of_views
                .map(|(_, rows)| rows / training.data.samples)
                .collect::<Vec<_>>(),
            training.settings["views"].clone(),
        )
    };
    for (views, epochs, expected) in [
        (None, 1, 1),
        (None, 2, 2),
        (Some(3), 2, 2),
        (Some(1), 2, 1),
        (None, 5, 4),
    ] {
        let found = rows_of_views(views, epochs);
        assert_eq!(
            found,
            (vec![expected], serde_json::json!({"finite": expected})),
            "{views:?} views, {epochs} epochs"
        );
    }
}
