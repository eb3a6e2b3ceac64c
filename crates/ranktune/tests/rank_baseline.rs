//! What a ranking says of its own worth: baselines, too little data, scores that tell no models apart.

#![expect(clippy::unwrap_used, reason = "helpers of tests are test code, too")]

use std::path::Path;

use ranktune::{
    CacheOptions, Dataset, DatasetTargets, Interrupt, RankOptions, Ranking, Silent, Sources, TagScheme,
    rank as rank_models,
};
use ranktune_data::Inputs;

const FOOD: [&str; 8] = ["bread", "milk", "fruit", "rice", "meat", "sugar", "wine", "soup"];
const SPORT: [&str; 8] = ["goal", "team", "match", "coach", "league", "tennis", "race", "medal"];
const FILL: [&str; 8] = ["the", "today", "new", "people", "said", "year", "city", "more"];

/// A linear congruential generator's number below `bound`.
fn next(state: &mut u64, bound: usize) -> usize {
    *state = state
        .wrapping_mul(6_364_136_223_846_793_005)
        .wrapping_add(1_442_695_040_888_963_407);
    (*state >> 33) as usize % bound
}

/// Words of sample `i`, whose classes are food and sport in turn; a quarter of them is of neither.
fn words(i: usize) -> Vec<&'static str> {
    let mut state = i as u64 + 1;
    let own = if i.is_multiple_of(2) { FOOD } else { SPORT };
    let count = 4 + next(&mut state, 3);
    let words = (0..count).map(|_| {
        let list = if next(&mut state, 4) == 0 { FILL } else { own };
        list[next(&mut state, 8)]
    });
    words.collect()
}

fn texts(labels: Vec<u32>) -> Dataset {
    let texts = (0..labels.len()).map(|i| format!("{} {i}", words(i).join(" ")));
    let count = labels.iter().max().unwrap() + 1;
    let targets = DatasetTargets::Classes {
        names: (0..count).map(|class| class.to_string()).collect(),
        labels,
    };
    Dataset::new("memory", Inputs::texts(texts.collect()), targets).unwrap()
}

/// The classes that the words follow.
fn true_labels(n: usize) -> Vec<u32> {
    (0..n).map(|i| (i % 2) as u32).collect()
}

/// Classes that follow from nothing.
fn any_labels(n: usize) -> Vec<u32> {
    let mut state = 77;
    (0..n).map(|_| next(&mut state, 2) as u32).collect()
}

fn rank(dataset: Dataset, scores: &[&str], keep_bytes: Option<usize>) -> Ranking {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/hub");
    let mut sources = Sources::default();
    for name in ["glove-50d-1k", "glove-50d-10k"] {
        sources.list.push(examples.join(name).as_path().into());
    }
    let mut options = RankOptions {
        scores: scores.iter().map(|name| (*name).to_owned()).collect(),
        keep_bytes,
        ..RankOptions::default()
    };
    options.extract.cache = CacheOptions::Off;
    rank_models(&sources, dataset, &options, &Silent, &Interrupt::default()).unwrap()
}

fn has_warning(ranking: &Ranking, text: &str) -> bool {
    ranking.warnings.iter().any(|warning| warning.contains(text))
}

#[test]
fn labels_that_follow_from_nothing_are_warned_of_and_true_ones_are_not() {
    for keep_bytes in [None, Some(0)] {
        let ranking = rank(texts(true_labels(400)), &[], keep_bytes);
        let baseline = ranking.baseline.as_ref().unwrap();
        assert_eq!(baseline.is_beaten, Some(true), "{keep_bytes:?}: {baseline:?}");
        // The texts are made of words that the small vocabulary hardly knows; of that alone is warned.
        let is_of_words = |warning: &String| warning.contains("unknown to its tokenizer");
        assert!(ranking.warnings.iter().all(is_of_words), "{:?}", ranking.warnings);
        let permuted = baseline.permuted_labels.as_ref().unwrap();
        let first = &ranking.models[0];
        assert_eq!((&permuted.model, permuted.score.as_str()), (&first.name, "logme"));
        assert!(first.score("logme").unwrap() > permuted.value + 10.0 * permuted.standard_deviation);
        assert_eq!(baseline.without_features["loo-accuracy"], 0.5);

        let ranking = rank(texts(any_labels(400)), &[], keep_bytes);
        let baseline = ranking.baseline.as_ref().unwrap();
        assert_eq!(baseline.is_beaten, Some(false), "{keep_bytes:?}: {baseline:?}");
        assert!(has_warning(
            &ranking,
            "no model's logme is clearly above that of permuted labels"
        ));
    }
}

#[test]
fn rows_that_are_added_up_have_the_baseline_of_rows_that_are_held() {
    let of = |keep_bytes| rank(texts(true_labels(600)), &[], keep_bytes).baseline.unwrap();
    let (held, streamed) = (of(None), of(Some(0)));
    assert_eq!(streamed.without_features, held.without_features);
    let (held, streamed) = (held.permuted_labels.unwrap(), streamed.permuted_labels.unwrap());
    assert!(
        (held.value - streamed.value).abs() <= 1e-9 * held.value.abs(),
        "{held:?} {streamed:?}"
    );
}

#[test]
fn words_have_a_baseline_of_permuted_tags() {
    let sentences: Vec<Vec<&str>> = (0..300).map(words).collect();
    let tag = |word: &&str| {
        if FOOD.contains(word) {
            0
        } else {
            u32::from(SPORT.contains(word)) * 2 + 1
        }
    };
    let mut state = 5;
    let tags = sentences.iter().map(|words| {
        let noisy = |word| if next(&mut state, 8) == 0 { 1 } else { tag(word) };
        words.iter().map(noisy).collect()
    });
    let targets = DatasetTargets::Tags {
        names: ["food", "none", "rest", "sport"].map(str::to_owned).to_vec(),
        sentences: tags.collect(),
        scheme: TagScheme::Plain,
    };
    let inputs = sentences
        .iter()
        .map(|words| words.iter().map(|word| (*word).to_owned()).collect());
    let dataset = Dataset::new("memory", Inputs::sentences(inputs.collect()), targets).unwrap();
    let ranking = rank(dataset, &[], None);
    let baseline = ranking.baseline.unwrap();
    assert_eq!(baseline.is_beaten, Some(true), "{baseline:?}");
    let names: Vec<&String> = ranking.models[0].scores.keys().collect();
    assert_eq!(names, ["logme", "shrinkage-h-score"]);
}

#[test]
fn scores_that_predict_are_held_against_chance() {
    let ranking = rank(texts(any_labels(400)), &["loo-accuracy"], None);
    let baseline = ranking.baseline.as_ref().unwrap();
    assert!(
        baseline.permuted_labels.is_none() && baseline.reason.is_some(),
        "{baseline:?}"
    );
    assert_eq!(baseline.is_beaten, Some(false));
    assert!(has_warning(&ranking, "above chance"), "{:?}", ranking.warnings);
    let ranking = rank(texts(true_labels(400)), &["loo-accuracy"], None);
    assert_eq!(ranking.baseline.unwrap().is_beaten, Some(true));
}

#[test]
fn too_few_samples_have_neither_standard_errors_nor_chances() {
    let one_each = (0..20).collect();
    for (labels, reason) in [
        (vec![0, 1, 0], "3 samples are too few"),
        (one_each, "half of the classes"),
    ] {
        let ranking = rank(texts(labels), &["logme"], None);
        for model in &ranking.models {
            assert!(model.score_uncertainty.is_none() && model.predicted.is_none());
            let score = &model.scores["logme"];
            assert!(
                score["standard_error"].is_null() && score["interval"].is_null(),
                "{score}"
            );
            let why = score["standard_error_reason"].as_str().unwrap();
            assert!(why.contains(reason), "{why}");
        }
        assert!(has_warning(&ranking, reason), "{:?}", ranking.warnings);
    }
}

#[test]
fn a_saturated_score_is_the_same_for_all_models_and_names_none_the_best() {
    let ranking = rank(texts(true_labels(40)), &["h-score", "logme"], None);
    for model in &ranking.models {
        let score = &model.scores["h-score"];
        assert_eq!(
            (&score["value"], &score["status"]),
            (&1.0.into(), &"saturated".into()),
            "{score}"
        );
        let found = model.score_uncertainty.unwrap();
        assert_eq!((found.p_best, found.rank_interval), (0.5, [1, 1]));
    }
    assert!(
        has_warning(&ranking, "2 of 2 models have the largest h-score"),
        "{:?}",
        ranking.warnings
    );
    let text = ranking.table();
    assert!(text.contains("saturated"), "{text}");
}
