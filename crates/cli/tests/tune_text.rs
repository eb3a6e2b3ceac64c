//! Tuning on texts, pairs, sets of labels and tagged words as a user does it: `tune`, then `eval` and `predict`.

#![expect(clippy::unwrap_used, reason = "a fixture that cannot be made is a failed test")]

mod common;

use std::fs;

use common::{Place, Run, WORDS, encoder, image_model, text_model, write_model, write_pieces_model, write_text_model};
use serde_json::{Value, json};

/// Two encoders of words, one of pieces of them, a table of embeddings without a mask, a model of images; texts of colours and
/// numbers, pairs, texts of several labels, and tagged words.
fn place() -> Place {
    let place = Place::new();
    write_text_model(&place.path("hub/small"), &encoder(3, 6));
    write_text_model(&place.path("hub/large"), &encoder(5, 9));
    write_pieces_model(&place.path("hub/pieces"), &encoder(8, 5));
    write_text_model(&place.path("hub/table"), &text_model());
    write_model(&place.path("hub/pictures"), &image_model(5, 4, 3));
    let (mut texts, mut pairs, mut labels, mut tagged) = (String::new(), String::new(), String::new(), String::new());
    let put = |file: &mut String, row: Value| *file += &format!("{row}\n");
    for at in 0..60_usize {
        let colour = at % 2 == 0;
        let word = |step: usize| WORDS[(at * 7 + step * 5 + at / 3) % 3 + if colour { 0 } else { 3 }];
        let text = (0..1 + at % 4).map(|step| format!("{} {}", word(step), WORDS[6 + (at + step) % 2]));
        let text = text.collect::<Vec<_>>().join(" ");
        put(
            &mut texts,
            json!({"text": text, "label": if colour { "colour" } else { "number" }}),
        );
        let other = WORDS[at % 5];
        let alike = (at % 5 < 3) == colour;
        put(
            &mut pairs,
            json!({"text": text, "text_pair": other, "label": if alike { 4.5 } else { 1.5 }}),
        );
        let set = [text.contains("is"), text.contains("not"), colour];
        let set: Vec<&str> = ["is", "not", "colour"]
            .into_iter()
            .zip(set)
            .filter(|(_, has)| *has)
            .map(|(name, _)| name)
            .collect();
        put(&mut labels, json!({"text": text, "label": set}));
        for step in 0..1 + at % 6 {
            tagged += &format!("{} {}\n", word(step), if colour { "B-COL" } else { "B-NUM" });
            tagged += &format!("{} O\n", WORDS[6 + step % 2]);
        }
        tagged += "\n";
    }
    for (name, content) in [
        ("texts.jsonl", texts),
        ("pairs.jsonl", pairs),
        ("labels.jsonl", labels),
        ("words.conll", tagged),
    ] {
        fs::write(place.path(name), content).unwrap();
    }
    place
}

/// Tunes `model` on `data` into the folder `out`.
fn tune(place: &Place, (model, data, out): (&str, &str, &str), more: &[&str]) -> Run {
    let fixed = [
        "tune",
        "--hub",
        "hub",
        "--model",
        model,
        "--data",
        data,
        "--out",
        out,
        "--learning-rate",
        "0.02",
        "--epochs",
        "12",
        "--batch-size",
        "8",
        "--format",
        "json",
    ];
    place.run(&[&fixed, more].concat())
}

fn eval(place: &Place, model: &str, data: &str) -> Value {
    place
        .run(&["eval", "--model", model, "--data", data, "--format", "json"])
        .assert_code(0)
        .json()["metrics"]
        .clone()
}

fn predict(place: &Place, model: &str, inputs: &[&str]) -> Value {
    let run = place.run(&[&["predict", "--model", model, "--format", "json"], inputs].concat());
    run.assert_code(0).json()["predictions"].clone()
}

#[test]
fn texts_are_tuned_and_the_folder_evaluates_predicts_and_ranks() {
    let place = place();
    let run = tune(
        &place,
        ("small", "texts.jsonl", "tuned"),
        &["--method", "fine-tune", "--test", "texts.jsonl"],
    );
    let training = run.assert_code(0).json();
    assert_eq!(
        (&training["task"], &training["settings"]["pooling"]),
        (&"classification".into(), &"mean-of-tokens".into())
    );
    assert_eq!(training["metrics"]["test"]["accuracy"], 1.0, "{training}");
    for file in ["model.onnx", "config.json", "tokenizer.json", "training.json"] {
        assert!(place.path("tuned").join(file).exists(), "{file}");
    }
    assert_eq!(eval(&place, "tuned", "texts.jsonl")["accuracy"], 1.0);
    let found = predict(&place, "tuned", &["red is blue not", "two"]);
    assert_eq!(
        (&found[0]["label"], &found[1]["label"]),
        (&"colour".into(), &"number".into())
    );
    assert_eq!(found[1]["input"], "two");
    fs::write(place.path("lines.txt"), "three is\n\ngreen\n").unwrap();
    let lines = predict(&place, "tuned", &["lines.txt"]);
    assert_eq!(
        (&lines[0]["label"], &lines[1]["label"]),
        (&"number".into(), &"colour".into())
    );
    // The engine gives every text what it gives it alone: padding changes nothing but the last digits, since sums run in another order.
    let alone = predict(&place, "tuned", &["two"]);
    for label in ["colour", "number"] {
        let of = |row: &Value| row["probabilities"][label].as_f64().unwrap();
        assert!((of(&found[1]) - of(&alone[0])).abs() < 1e-6, "{found} {alone}");
    }
    let ranking = place.run(&["rank", "--hub", "tuned", "--data", "texts.jsonl", "--format", "json"]);
    assert_eq!(ranking.assert_code(0).json()["models"][0]["feature_dim"], 6);
    // And it can be tuned again.
    let run = place.run(&[
        "tune",
        "--hub",
        "tuned",
        "--data",
        "labels.jsonl",
        "--method",
        "fine-tune",
        "--epochs",
        "1",
        "--out",
        "again",
    ]);
    run.assert_code(0);
}

#[test]
fn teachers_of_other_tokenizers_teach_texts() {
    let place = place();
    let run = tune(
        &place,
        ("small", "texts.jsonl", "tuned"),
        &["--teachers", "large,pieces"],
    );
    let training = run.assert_code(0).json();
    assert_eq!(training["method"], "b-tuning");
    // One that would have hardly a share is left out, and that is said.
    let left_out = run.stderr.matches("is left out: its share").count();
    assert_eq!(training["teachers"].as_array().unwrap().len() + left_out, 2, "{run:?}");
    assert!(training["history"][0]["parts"]["teachers"].is_number(), "{training}");
    assert!(eval(&place, "tuned", "texts.jsonl")["accuracy"].as_f64().unwrap() > 0.9);
    // Without names it is ranked first, and the best of the ranking is tuned.
    let run = place.run(&[
        "tune",
        "--hub",
        "hub",
        "--data",
        "texts.jsonl",
        "--teachers",
        "2",
        "--epochs",
        "1",
        "--out",
        "best",
    ]);
    run.assert_code(0);
    tune(&place, ("small", "texts.jsonl", "other"), &["--teachers", "pictures"]).assert_refused(&[
        "pictures",
        "does not take this kind of data",
        "texts",
    ]);
}

#[test]
fn sets_of_labels_are_tuned_and_numbers_of_pairs_either_way() {
    let place = place();
    let run = tune(&place, ("large", "labels.jsonl", "labels"), &["--method", "fine-tune"]);
    assert_eq!(run.assert_code(0).json()["task"], "multilabel");
    assert!(eval(&place, "labels", "labels.jsonl")["map"].as_f64().unwrap() > 0.95);
    assert_eq!(
        predict(&place, "labels", &["red is"])[0]["labels"],
        json!(["colour", "is"])
    );
    // Two rows of the graph a pair, and one sequence with a template.
    for model in ["large", "pieces"] {
        for method in ["fine-tune", "b-tuning"] {
            let out = format!("{model}-{method}");
            let run = tune(
                &place,
                (model, "pairs.jsonl", &out),
                &["--method", method, "--teachers", "small"],
            );
            let training = run.assert_code(0).json();
            assert_eq!(training["task"], "regression");
            let metrics = eval(&place, &out, "pairs.jsonl");
            if model == "large" {
                assert!(metrics["r2"].as_f64().unwrap() > 0.8, "{out}: {metrics}");
            }
            let found = predict(&place, &out, &["red is\tblue", "two\tred"]);
            let numbers = [0, 1].map(|at| found[at]["values"]["label"].as_f64().unwrap());
            assert!(
                numbers.iter().all(|number| (0.0..6.0).contains(number)),
                "{out}: {found}"
            );
        }
    }
    place
        .run(&["predict", "--model", "large-fine-tune", "red"])
        .assert_refused(&["takes pairs of texts", "separated by a tab"]);
    let run = place.run(&[
        "rank",
        "--hub",
        "large-fine-tune",
        "--data",
        "pairs.jsonl",
        "--format",
        "json",
    ]);
    assert_eq!(run.assert_code(0).json()["models"][0]["feature_dim"], 36);
    place
        .run(&["rank", "--hub", "large-fine-tune", "--data", "texts.jsonl"])
        .assert_refused(&["it takes pairs of texts, the data are texts"]);
}

#[test]
fn words_in_pieces_and_windows_are_tagged() {
    let place = place();
    // Windows of four tokens, one of them special: sentences of up to twelve words are cut into many.
    fs::write(
        place.path("hub/pieces/tokenizer_config.json"),
        "{\"model_max_length\": 4}",
    )
    .unwrap();
    for (model, method) in [("small", "fine-tune"), ("pieces", "fine-tune"), ("pieces", "b-tuning")] {
        let out = format!("{model}-{method}");
        let run = tune(
            &place,
            (model, "words.conll", &out),
            &["--task", "tokens", "--method", method, "--teachers", "small"],
        );
        let training = run.assert_code(0).json();
        assert_eq!(training["task"], "tokens");
        let samples = ["samples", "validation_samples"].map(|name| training["data"][name].as_u64().unwrap());
        assert_eq!(samples.iter().sum::<u64>(), 420);
        assert!(training["history"][0]["validation"]["f1"].is_number(), "{training}");
        let metrics = eval(&place, &out, "words.conll");
        assert!(metrics["recall"].is_number() && metrics["precision"].is_number());
        let f1 = metrics["f1"].as_f64().unwrap();
        // Pieces do not know every word.
        assert!(f1 > if model == "small" { 0.99 } else { 0.6 }, "{out}: {metrics}");
        let found = predict(&place, &out, &["red is one is red is one is red"]);
        let tags: Vec<&str> = found[0]["tags"]
            .as_array()
            .unwrap()
            .iter()
            .map(|word| word["tag"].as_str().unwrap())
            .collect();
        assert_eq!(
            tags,
            ["B-COL", "O", "B-NUM", "O", "B-COL", "O", "B-NUM", "O", "B-COL"],
            "{out}"
        );
        let table = place.run(&["predict", "--model", &out, "red is"]);
        assert!(table.assert_code(0).stdout.contains("red B-COL\nis O\n"), "{table:?}");
    }
    let ranking = place.run(&[
        "rank",
        "--hub",
        "small-fine-tune",
        "--data",
        "words.conll",
        "--format",
        "json",
    ]);
    assert_eq!(ranking.assert_code(0).json()["models"][0]["feature_dim"], 6);
}

#[test]
fn a_table_of_embeddings_without_a_mask_is_tuned_on_texts_of_one_length_at_a_time() {
    let place = place();
    let run = tune(&place, ("table", "texts.jsonl", "tuned"), &["--method", "fine-tune"]);
    run.assert_code(0);
    assert_eq!(eval(&place, "tuned", "texts.jsonl")["accuracy"], 1.0);
    tune(&place, ("table", "pairs.jsonl", "pairs"), &["--method", "fine-tune"]).assert_refused(&[
        "table",
        "of different lengths",
        "no attention mask",
    ]);
}

#[test]
fn a_run_that_lost_its_last_epoch_goes_on_to_the_same_bits_and_not_on_other_texts() {
    let place = place();
    for (data, more) in [
        ("texts.jsonl", &["--teachers", "large"][..]),
        ("words.conll", &["--task", "tokens", "--method", "fine-tune"]),
    ] {
        let whole = format!("{data}-tuned");
        let weights = || fs::read(place.path(&whole).join("model.onnx")).unwrap();
        tune(&place, ("small", data, &whole), more).assert_code(0);
        let expected = weights();
        let folder = place.path(&whole);
        fs::remove_file(folder.join("training.json")).unwrap();
        fs::remove_file(folder.join("model.onnx")).unwrap();
        let mut checkpoints: Vec<_> = fs::read_dir(folder.join("checkpoints"))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.file_name().unwrap().to_str().unwrap().starts_with("checkpoint-"))
            .collect();
        checkpoints.sort();
        assert!(checkpoints.len() == 2, "{checkpoints:?}");
        fs::remove_file(&checkpoints[1]).unwrap();
        let content = fs::read_to_string(place.path(data)).unwrap();
        // The same targets of other texts.
        fs::write(place.path(data), content.replacen("green", "blue", 1)).unwrap();
        tune(&place, ("small", data, &whole), &[more, &["--resume"]].concat()).assert_refused(&["checkpoint"]);
        fs::write(place.path(data), content).unwrap();
        let run = tune(&place, ("small", data, &whole), &[more, &["--resume"]].concat());
        assert!(run.assert_code(0).stderr.contains("resumed after step"), "{run:?}");
        assert!(weights() == expected, "{data}");
    }
}

#[test]
fn what_is_for_images_or_misses_a_file_is_refused() {
    let place = place();
    let tuned = |more: &[&str]| {
        tune(
            &place,
            ("small", "texts.jsonl", "tuned"),
            &[&["--method", "fine-tune"], more].concat(),
        )
    };
    tuned(&["--image-size", "64"]).assert_refused(&["small takes no images"]);
    tuned(&["--augmentation", "crop"]).assert_refused(&["--augmentation crop:0.5 is for images"]);
    tuned(&["--views", "3"]).assert_refused(&["texts have one"]);
    fs::write(
        place.path("held.jsonl"),
        "{\"text\": \"red\", \"label\": \"shape\"}\n{\"text\": \"one\", \"label\": \"number\"}\n",
    )
    .unwrap();
    tuned(&["--validation", "held.jsonl"]).assert_refused(&["\"shape\" is not among the 2 outputs"]);
    fs::remove_file(place.path("hub/small/tokenizer.json")).unwrap();
    tuned(&[]).assert_refused(&["there is no tokenizer.json beside the model"]);
    tune(&place, ("pictures", "texts.jsonl", "tuned"), &["--method", "fine-tune"])
        .assert_refused(&["pictures does not take this kind of data"]);
    assert!(!place.path("tuned/model.onnx").exists());
}

#[test]
fn a_tagger_is_evaluated_on_words_and_says_so_where_the_data_are_others() {
    let place = place();
    let more = ["--task", "tokens", "--method", "fine-tune"];
    tune(&place, ("small", "words.conll", "tagger"), &more).assert_code(0);
    let measured = eval(&place, "tagger", "words.conll");
    // A file of columns whose name says nothing is read as one, for a model that tags words.
    fs::copy(place.path("words.conll"), place.path("eng.testb")).unwrap();
    assert_eq!(eval(&place, "tagger", "eng.testb"), measured);
    let eval = |model: &str, data: &[&str]| place.run(&[&["eval", "--model", model, "--data"], data].concat());
    eval("tagger", &["texts.jsonl"]).assert_refused(&[
        "tagger tags words",
        "a file of words and tags",
        "--task tokens",
    ]);
    fs::write(place.path("odd.testb"), "red B-COL\nis\n").unwrap();
    eval("tagger", &["odd.testb"]).assert_refused(&["odd.testb", "line 2", "expected 2 columns"]);
    eval("tagger", &["missing.testb"]).assert_refused(&["missing.testb"]);
    // And what classifies texts tags no words.
    tune(&place, ("small", "texts.jsonl", "texts"), &["--method", "fine-tune"]).assert_code(0);
    eval("texts", &["words.conll"]).assert_refused(&["for whole texts, not for words", "--task tokens"]);
    eval("hub/small", &["words.conll"]).assert_refused(&["id2label"]);
    eval("texts", &["eng.testb"]).assert_refused(&["eng.testb"]);
}
