//! Layers and races where words are tagged: what `rank --task tokens` does beyond one score a model.

#![expect(clippy::unwrap_used, reason = "a fixture that cannot be made is a failed test")]

mod common;

use std::fs;

use common::{Place, Run, WORDS, encoder, numbers, residual_encoder, write_text_model};
use serde_json::{Value, json};

/// Sentences of tagged words: colours and numbers, a third of which are none.
fn write_words(place: &Place, sentences: usize) {
    let mut text = String::new();
    for at in 0..sentences {
        let noise = numbers(at as u64 + 1, 12);
        for step in 0..2 + at % 4 {
            let word = ((noise[step] + 1.0) * 4.0) as usize;
            let tag = match word {
                _ if noise[step + 6] > 0.4 => "O",
                0..3 => "B-COL",
                3..6 => "B-NUM",
                _ => "O",
            };
            text += &format!("{} {tag}\n", WORDS[word.min(7)]);
        }
        text += "\n";
    }
    fs::write(place.path("words.conll"), text).unwrap();
}

fn place() -> Place {
    let place = Place::new();
    for (name, width) in [("narrow", 2), ("wide", 4)] {
        write_text_model(
            &place.path(&format!("hub/{name}")),
            &residual_encoder(width as u64, width),
        );
    }
    write_words(&place, 120);
    place
}

fn rank(place: &Place, more: &[&str]) -> Run {
    let fixed = ["rank", "--hub", "hub", "--data", "words.conll", "--format", "json"];
    place.run(&[&fixed, more].concat())
}

fn models(ranking: &Value) -> &[Value] {
    ranking["models"].as_array().unwrap()
}

fn named<'a>(ranking: &'a Value, name: &Value) -> &'a Value {
    models(ranking).iter().find(|model| model["name"] == *name).unwrap()
}

#[track_caller]
fn assert_close(a: &Value, b: &Value, tolerance: f64) {
    let (a, b) = (a.as_f64().unwrap(), b.as_f64().unwrap());
    assert!((a - b).abs() <= tolerance * a.abs(), "{a} against {b}");
}

#[test]
fn every_block_has_the_score_that_it_has_by_itself_in_one_pass() {
    let place = place();
    let run = rank(&place, &["--feature", "layers"]);
    let ranking = run.assert_code(0).json();
    let started = run.stderr.matches("wide").count();
    assert_eq!(models(&ranking).len(), 2);
    for model in models(&ranking) {
        let layers = model["layers"].as_array().unwrap();
        let names: Vec<&Value> = layers.iter().map(|layer| &layer["name"]).collect();
        assert_eq!(names, ["block0", "block1", "last_hidden_state"], "{model}");
        for layer in layers {
            let feature = layer["name"].as_str().unwrap();
            let alone = rank(&place, &["--feature", feature]).assert_code(0).json();
            let alone = named(&alone, &model["name"]);
            let score = &alone["scores"]["logme"];
            assert_close(&layer["score"], &score["value"], 1e-9);
            assert_close(&layer["standard_error"], &score["standard_error"], 1e-6);
            assert_eq!(layer["dim"], alone["feature_dim"]);
        }
        let scores: Vec<f64> = layers.iter().map(|layer| layer["score"].as_f64().unwrap()).collect();
        let best = (0..3).max_by(|&a, &b| scores[a].total_cmp(&scores[b])).unwrap();
        assert_eq!(model["scores"]["logme"]["value"], layers[best]["score"]);
        assert_eq!(model["feature_tensor"], layers[best]["name"]);
        assert!(model["score_uncertainty"]["p_best"].is_number());
        assert!(model["scores"]["shrinkage-h-score"]["value"].is_number());
    }
    // One pass: the model is told of as often as without layers.
    assert_eq!(started, rank(&place, &[]).stderr.matches("wide").count(), "{run:?}");
    let table = place.run(&["rank", "--hub", "hub", "--data", "words.conll", "--feature", "layers"]);
    for text in ["layer  tensor", "block1", "best"] {
        assert!(table.assert_code(0).stdout.contains(text), "{table:?}");
    }
}

#[test]
fn the_mean_of_layers_is_of_their_features_word_by_word() {
    let place = place();
    let run = rank(&place, &["--feature", "layers", "--layers", "mean"]);
    let ranking = run.assert_code(0).json();
    let model = named(&ranking, &"wide".into());
    assert_eq!(
        (&model["feature_tensor"], &model["feature_dim"]),
        (&"mean of 3 layers".into(), &4.into())
    );
    let export = |feature: &str, out: &str| {
        let arguments = [
            "features",
            "--model",
            "hub/wide",
            "--data",
            "words.conll",
            "--feature",
            feature,
            "--out",
            out,
        ];
        place.run(&arguments).assert_code(0);
    };
    export("layers", "all.npy");
    export("auto", "last.safetensors");
    // The words' rows of all layers, averaged here and scored by themselves.
    let bytes = fs::read(place.path("all.npy")).unwrap();
    let begin = bytes.iter().position(|&byte| byte == b'\n').unwrap() + 1;
    let values: Vec<f32> = bytes[begin..]
        .chunks_exact(4)
        .map(|value| f32::from_le_bytes(value.try_into().unwrap()))
        .collect();
    let mean: Vec<f32> = values
        .chunks_exact(12)
        .flat_map(|row| (0..4).map(|at| (row[at] + row[at + 4] + row[at + 8]) / 3.0))
        .collect();
    common::write_matrix(&place.path("mean.npy"), mean.len() / 4, 4, &mean);
    let targets = ["--targets", "last.safetensors:labels", "--format", "json"];
    let scores = place.run(&[&["score", "--features", "mean.npy"], &targets[..]].concat());
    let alone = scores.assert_code(0).json();
    assert_close(
        &model["scores"]["logme"]["value"],
        &alone["scores"]["logme"]["value"],
        1e-5,
    );
}

/// Models of which the wide ones are better, and sentences enough for a race.
fn course() -> Place {
    let place = Place::new();
    for (seed, (name, width)) in [("a", 6), ("b", 5), ("c", 4), ("d", 2), ("e", 1), ("f", 1), ("g", 1)]
        .into_iter()
        .enumerate()
    {
        write_text_model(
            &place.path(&format!("hub/{name}")),
            &residual_encoder(31 + 5 * seed as u64, width),
        );
    }
    write_words(&place, 900);
    place
}

#[test]
fn a_race_on_sentences_finds_the_first_models_and_stops_those_without_a_chance() {
    let place = course();
    let full = rank(&place, &[]).assert_code(0).json();
    let run = rank(&place, &["--race", "--budget", "1h"]);
    let race = run.assert_code(0).json();
    assert_eq!(
        (&race["race"]["unit"], &race["race"]["ended"]),
        (&"sentences".into(), &"complete".into())
    );
    let first = |ranking: &Value| {
        let mut names: Vec<String> = models(ranking)[..3]
            .iter()
            .map(|model| model["name"].to_string())
            .collect();
        names.sort();
        names
    };
    assert_eq!(first(&race), first(&full), "{race}");
    let all = full["data"]["samples"].as_u64().unwrap();
    let (mut stopped, dataset) = (
        0,
        ranktune::load(&place.path("words.conll"), &Default::default()).unwrap(),
    );
    for model in models(&race) {
        let (record, score) = (&model["race"], &model["scores"]["logme"]["value"]);
        if record["stopped"] == false {
            // Sums over all sentences, whatever the order they came in.
            assert_eq!(record["samples"], 900);
            assert_close(score, &named(&full, &model["name"])["scores"]["logme"]["value"], 1e-9);
            continue;
        }
        stopped += 1;
        let samples = record["samples"].as_u64().unwrap() as usize;
        assert!(samples < 900 && record["p_top_k"].as_f64().unwrap() < 0.05, "{model}");
        let reason = record["reason"].as_str().unwrap();
        assert!(
            reason.contains(&format!("after {samples} of 900 sentences")),
            "{reason}"
        );
        assert!(run.stderr.contains(reason), "{}", run.stderr);
        // Its score is that of the first so many sentences of the draw by themselves.
        let (ranktune::DatasetTargets::Tags { names, sentences, .. }, order) =
            (&dataset.targets, dataset.draw_order(0))
        else {
            panic!("no tagged words");
        };
        let words = fs::read_to_string(place.path("words.conll")).unwrap();
        let blocks: Vec<&str> = words.split("\n\n").collect();
        let prefix: Vec<&str> = order[..samples].iter().map(|&sentence| blocks[sentence]).collect();
        assert!(
            order
                .iter()
                .all(|&at| blocks[at].lines().count() == sentences[at].len())
                && names.len() == 3
        );
        fs::write(place.path("prefix.conll"), prefix.join("\n\n")).unwrap();
        let hub = format!("hub/{}", model["name"].as_str().unwrap());
        let alone = place.run(&["rank", "--hub", &hub, "--data", "prefix.conll", "--format", "json"]);
        let alone = alone.assert_code(0).json();
        assert_close(score, &models(&alone)[0]["scores"]["logme"]["value"], 1e-9);
        assert!(alone["data"]["samples"].as_u64().unwrap() < all);
    }
    assert!(stopped > 0, "{race}");
    let table = place.run(&[
        "rank",
        "--hub",
        "hub",
        "--data",
        "words.conll",
        "--race",
        "--top-k",
        "1",
    ]);
    assert!(
        table.assert_code(0).stdout.contains("race: models on sentences: 7 on"),
        "{table:?}"
    );
}

#[test]
fn a_race_on_sentences_takes_layers_and_a_broken_model_stops_no_other() {
    let place = course();
    let bytes = fs::read(place.path("hub/b/model.onnx")).unwrap();
    fs::write(place.path("hub/b/model.onnx"), &bytes[..bytes.len() / 2]).unwrap();
    let run = rank(&place, &["--race", "--feature", "layers", "--layers", "mean"]);
    let race = run.assert_code(1).json();
    assert_eq!((&race["skipped"][0]["name"], models(&race).len()), (&"b".into(), 6));
    assert_eq!(models(&race)[0]["feature_tensor"], json!("mean of 3 layers"));
}

#[test]
fn a_model_that_explains_the_first_sentences_exactly_waits_for_more() {
    // Eight features tell eight words apart, and so the tags of all sentences but the one that the draw takes last.
    let place = Place::new();
    write_text_model(&place.path("hub/exact"), &residual_encoder(3, 8));
    write_text_model(&place.path("hub/narrow"), &residual_encoder(4, 2));
    let sentence = |at: usize, tags: [&str; 5]| {
        let words = [at % 3, 3 + at % 3, 3 + (at + 1) % 3, 6, 7];
        let lines = words
            .iter()
            .zip(tags)
            .map(|(&word, tag)| format!("{} {tag}\n", WORDS[word]));
        lines.collect::<String>()
    };
    let plain = ["B-COL", "B-NUM", "B-NUM", "O", "O"];
    let mut sentences: Vec<String> = (0..900).map(|at| sentence(at, plain)).collect();
    let path = place.path("words.conll");
    fs::write(&path, sentences.join("\n")).unwrap();
    rank(&place, &[]).assert_code(1);
    let last = ranktune::load(&path, &Default::default()).unwrap().draw_order(0)[899];
    // The same tags in another order, so that the draw is the same.
    sentences[last] = sentence(last, ["B-NUM", "O", "B-NUM", "B-COL", "O"]);
    fs::write(&path, sentences.join("\n")).unwrap();
    let full = rank(&place, &[]).assert_code(0).json();
    let race = rank(&place, &["--race", "--budget", "1h", "--top-k", "1"]);
    let race = race.assert_code(0).json();
    assert!(race["race"]["rounds"].as_array().unwrap().len() > 1, "{race}");
    assert_eq!(models(&race)[0]["name"], "exact");
    assert_eq!(models(&race)[0]["race"]["samples"], 900);
    let score = |ranking: &Value| models(ranking)[0]["scores"]["logme"]["value"].clone();
    assert_close(&score(&race), &score(&full), 1e-9);
}

#[test]
fn sums_that_take_much_are_of_fewer_groups_for_all_models_and_of_too_much_are_refused() {
    let place = place();
    write_text_model(&place.path("hub/vast"), &encoder(3, 9000));
    write_text_model(&place.path("hub/absurd"), &encoder(3, 40_000));
    let ranking = rank(&place, &[]).assert_code(1).json();
    // One gibibyte holds three groups of 9,000 features; places need as many of every model.
    assert_eq!(models(&ranking).len(), 3);
    for model in models(&ranking) {
        let score = &model["scores"]["logme"];
        assert!(
            score["standard_error"].is_number() && model["score_uncertainty"]["p_best"].is_number(),
            "{model}"
        );
    }
    let reason = ranking["skipped"][0]["reason"].as_str().unwrap();
    assert_eq!(
        reason,
        "the sums of 40000 features would take 11.9 GiB, more than 8; name one tensor with --feature"
    );
}

#[test]
fn pooling_of_texts_is_refused_where_it_would_change_nothing() {
    let place = place();
    rank(&place, &["--pooling", "first"]).assert_refused(&[
        "--pooling is for texts",
        "sentences of words",
        "--word-pooling",
    ]);
}
