//! What every way to feed a ranking has to do: rows that are held, rows that are added up, and words of sentences.
//!
//! Each case ranks the two models of word vectors in `examples/hub` on samples made here. Growing prefixes have to end in the scores
//! of a single round, which are computed on another path: models one after the other, groups drawn at random.

#![expect(clippy::unwrap_used, reason = "helpers of tests are test code, too")]

use std::path::Path;
use std::sync::Mutex;
use std::time::Duration;

use ranktune::{
    CacheOptions, Dataset, DatasetTargets, Error, ErrorKind, Event, Interrupt, Progress, RaceOptions, RankOptions,
    Ranking, Silent, Sources, TagScheme,
};
use ranktune_data::Inputs;
use ranktune_report::ranking::{RaceEnd, RankedModel};

/// A way to feed a ranking, and samples for it.
struct Track {
    name: &'static str,
    data: fn(usize) -> Dataset,
    keep_bytes: Option<usize>,
}

const TRACKS: [Track; 3] = [
    Track {
        name: "whole rows",
        data: texts,
        keep_bytes: None,
    },
    Track {
        name: "streamed rows",
        data: texts,
        keep_bytes: Some(0),
    },
    Track {
        name: "tagged words",
        data: sentences,
        keep_bytes: None,
    },
];

const FOOD: [&str; 8] = ["bread", "milk", "fruit", "rice", "meat", "sugar", "wine", "soup"];
const SPORT: [&str; 8] = ["goal", "team", "match", "coach", "league", "tennis", "race", "medal"];
const FILL: [&str; 8] = ["the", "today", "new", "people", "said", "year", "city", "more"];

/// Words of sample `i`, with the class of each: 0 food, 1 sport, 2 neither; but one in eight has any class, because classes that
/// follow from the word alone are reproduced almost exactly by 50 features, and statistics then lack the digits for the evidence. A
/// linear congruential generator picks them.
fn words(i: usize) -> Vec<(&'static str, u32)> {
    let mut state = i as u64 + 1;
    let mut next = |bound: usize| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % bound
    };
    (0..5 + next(3))
        .map(|_| {
            let (word, class) = match (next(4), i % 2) {
                (0, _) => (FILL[next(8)], 2),
                (1, 0) | (2 | 3, 1) => (SPORT[next(8)], 1),
                _ => (FOOD[next(8)], 0),
            };
            let is_any = next(8) == 0;
            (word, if is_any { next(3) as u32 } else { class })
        })
        .collect()
}

/// Texts of `n` samples, of the class that most of their words have.
fn texts(n: usize) -> Dataset {
    let texts = (0..n).map(|i| {
        let words: Vec<&str> = words(i).iter().map(|(word, _)| *word).collect();
        format!("{} {i}", words.join(" "))
    });
    let targets = DatasetTargets::Classes {
        names: vec!["food".to_owned(), "sport".to_owned()],
        labels: (0..n).map(|i| (i % 2) as u32).collect(),
    };
    Dataset::new("memory", Inputs::texts(texts.collect()), targets).unwrap()
}

/// `n` sentences with a tag for each word.
fn sentences(n: usize) -> Dataset {
    let all: Vec<Vec<(&str, u32)>> = (0..n).map(words).collect();
    let targets = DatasetTargets::Tags {
        names: ["food", "sport", "none"].map(str::to_owned).to_vec(),
        sentences: all
            .iter()
            .map(|words| words.iter().map(|word| word.1).collect())
            .collect(),
        scheme: TagScheme::Plain,
    };
    let inputs = all
        .iter()
        .map(|words| words.iter().map(|word| word.0.to_owned()).collect());
    Dataset::new("memory", Inputs::sentences(inputs.collect()), targets).unwrap()
}

fn hub() -> Sources {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/hub");
    let mut sources = Sources::default();
    for name in ["glove-50d-1k", "glove-50d-10k"] {
        sources.list.push(examples.join(name).as_path().into());
    }
    sources
}

fn options(track: &Track) -> RankOptions {
    let mut options = RankOptions {
        scores: vec!["logme".to_owned(), "h-score".to_owned()],
        keep_bytes: track.keep_bytes,
        ..RankOptions::default()
    };
    options.extract.cache = CacheOptions::Off;
    options
}

fn rank(dataset: Dataset, options: &RankOptions) -> Result<Ranking, Error> {
    ranktune::rank(&hub(), dataset, options, &Silent, &Interrupt::default())
}

#[track_caller]
fn assert_close(track: &Track, what: &str, found: Option<f64>, expected: Option<f64>, tolerance: f64) {
    let (found, expected) = (found.unwrap(), expected.unwrap());
    assert!(
        (found - expected).abs() <= tolerance * expected.abs(),
        "{}: {what} is {found}, expected {expected}",
        track.name
    );
}

fn names(ranking: &Ranking) -> Vec<&str> {
    ranking.models.iter().map(|model| model.name.as_str()).collect()
}

#[test]
fn growing_prefixes_end_in_the_scores_of_a_single_round() {
    for track in &TRACKS {
        let dataset = (track.data)(600);
        let one = rank(dataset.clone(), &options(track)).unwrap();
        let mut racing = options(track);
        racing.race = Some(RaceOptions {
            budget: Some(Duration::from_secs(3600)),
            ..RaceOptions::default()
        });
        let many = rank(dataset, &racing).unwrap();
        let race = many.race.as_ref().unwrap();
        assert!(race.rounds.len() > 1, "{}: {race:?}", track.name);
        assert_eq!(race.ended, RaceEnd::Complete, "{}", track.name);
        assert_eq!((names(&many), &many.data), (names(&one), &one.data), "{}", track.name);
        assert_eq!(one.models.len(), 2, "{}", track.name);
        for (raced, ranked) in many.models.iter().zip(&one.models) {
            assert_eq!(raced.race.as_ref().unwrap().samples, 600);
            for score in ["logme", "h-score"] {
                assert_close(track, score, raced.score(score), ranked.score(score), 1e-9);
            }
        }
    }
}

#[test]
fn rows_that_are_added_up_give_the_scores_of_rows_that_are_held() {
    let [held, streamed, _] = &TRACKS;
    let (held, found) = (
        rank(texts(600), &options(held)).unwrap(),
        rank(texts(600), &options(streamed)).unwrap(),
    );
    assert_eq!((names(&found), &found.data), (names(&held), &held.data));
    for (found, held) in found.models.iter().zip(&held.models) {
        for score in ["logme", "h-score"] {
            assert_close(streamed, score, found.score(score), held.score(score), 1e-9);
        }
        let error = |model: &RankedModel| model.scores["logme"]["standard_error"].as_f64();
        assert_close(streamed, "standard error", error(found), error(held), 1e-6);
        let ranks = |model: &RankedModel| model.score_uncertainty.map(|found| found.rank_interval);
        assert_eq!(ranks(found), ranks(held));
    }
}

#[test]
fn a_race_without_a_budget_is_repeated_by_its_seed_and_uses_at_most_half_of_the_samples() {
    for track in &TRACKS {
        let race = |seed: u64| {
            let mut racing = options(track);
            racing.seed = seed;
            racing.top_k = 2;
            racing.race = Some(RaceOptions::default());
            rank((track.data)(2400), &racing).unwrap()
        };
        let (first, second) = (race(0), race(0));
        let schedule = |ranking: &Ranking| {
            let race = ranking.race.clone().unwrap();
            (race.rounds, race.ended)
        };
        assert_eq!(schedule(&first), schedule(&second), "{}", track.name);
        for (first, second) in first.models.iter().zip(&second.models) {
            assert_eq!(
                (&first.name, &first.scores, &first.race, first.score_uncertainty),
                (&second.name, &second.scores, &second.race, second.score_uncertainty),
                "{}",
                track.name
            );
        }
        let seen = first.models.iter().map(|model| model.race.as_ref().unwrap().samples);
        let seen: usize = seen.sum();
        assert!(seen <= 2400, "{}: {seen} of 4800", track.name);
        // k is that of the options, for the race and for the ranking, and all of two models are among the first two.
        assert_eq!(first.options["top_k"], 2);
        let mut top = first
            .models
            .iter()
            .map(|model| model.score_uncertainty.unwrap().p_top_k);
        assert!(top.all(|share| share == Some(1.0)));
    }
}

#[test]
fn an_interrupt_ends_all_work() {
    for track in &TRACKS {
        for race in [None, Some(RaceOptions::default())] {
            let mut options = options(track);
            options.race = race;
            let interrupt = Interrupt::default();
            interrupt.raise();
            let error = ranktune::rank(&hub(), (track.data)(300), &options, &Silent, &interrupt).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Interrupted, "{}: {error}", track.name);
            // Without a cache nothing is kept, and nothing else is said.
            assert!(error.to_string().contains("not kept"), "{}: {error}", track.name);
        }
    }
}

/// Counts what is reported of each model.
#[derive(Default)]
struct Recorder(Mutex<Vec<String>>);

impl Progress for Recorder {
    fn event(&self, event: Event<'_>) {
        let line = match event {
            Event::ModelFinished { model, .. } => format!("finished {model}"),
            Event::ModelSkipped { model, .. } => format!("skipped {model}"),
            _ => return,
        };
        self.0.lock().unwrap().push(line);
    }
}

#[test]
fn every_model_is_reported_once() {
    for track in &TRACKS {
        for race in [None, Some(RaceOptions::default())] {
            let mut options = options(track);
            options.race = race;
            let recorder = Recorder::default();
            ranktune::rank(&hub(), (track.data)(600), &options, &recorder, &Interrupt::default()).unwrap();
            let mut lines = recorder.0.into_inner().unwrap();
            lines.sort();
            assert_eq!(
                lines,
                ["finished glove-50d-10k", "finished glove-50d-1k"],
                "{}, {race:?}",
                track.name
            );
        }
    }
}

#[test]
fn one_class_is_no_ranking_and_the_reason_is_reported_for_every_model() {
    for track in &TRACKS {
        let mut dataset = (track.data)(120);
        match &mut dataset.targets {
            DatasetTargets::Classes { labels, .. } => labels.fill(0),
            DatasetTargets::Tags { sentences, .. } => sentences.iter_mut().for_each(|tags| tags.fill(0)),
            _ => unreachable!("the tracks have classes and tags"),
        }
        let recorder = Recorder::default();
        let error = ranktune::rank(&hub(), dataset, &options(track), &recorder, &Interrupt::default()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Hub, "{}", track.name);
        let message = error.to_string();
        let reasons = message.matches("samples are of one class; give it samples of at least two classes");
        assert_eq!(reasons.count(), 2, "{}: {error}", track.name);
        let lines = recorder.0.into_inner().unwrap();
        let skipped = lines.iter().filter(|line| line.starts_with("skipped"));
        assert_eq!(skipped.count(), 2, "{}: {lines:?}", track.name);
    }
}

#[test]
fn two_texts_are_ranked_without_errors_and_two_sentences_are_refused() {
    for track in &TRACKS {
        let found = rank((track.data)(2), &options(track));
        if track.name == "tagged words" {
            let error = found.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Hub, "{error}");
            let reasons = error.to_string();
            assert_eq!(reasons.matches("take more sentences").count(), 2, "{reasons}");
            continue;
        }
        let ranking = found.unwrap();
        assert_eq!(ranking.models.len(), 2, "{}: {:?}", track.name, ranking.skipped);
        for model in &ranking.models {
            assert!(model.score("logme").unwrap().is_finite(), "{}", track.name);
            // One sample cannot be left out of two.
            assert!(model.scores["logme"]["standard_error"].is_null(), "{}", track.name);
            assert_eq!(model.score_uncertainty, None, "{}", track.name);
        }
    }
}
