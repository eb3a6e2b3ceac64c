//! Models of texts as a user ranks them: sentences, pairs, named entities, and what can be wrong with their files.

#![expect(clippy::unwrap_used, reason = "a fixture that cannot be made is a failed test")]

mod common;

use std::fs;

use common::{Place, WORDS, image_model, node, text_model, write_model, write_text_model};
use ranktune_onnx::{Attribute, DataType, Dim, Node, Tensor};
use serde_json::json;

/// A hub with a model of texts and one of images; sentences of colours and numbers; the same as pairs; tagged words.
fn place() -> Place {
    let place = Place::new();
    write_text_model(&place.path("hub/words"), &text_model());
    write_model(&place.path("hub/pictures"), &image_model(5, 4, 3));
    let (mut texts, mut pairs, mut tagged) = (String::new(), String::new(), String::new());
    for at in 0..60_usize {
        let colour = at % 2 == 0;
        let word = |step: usize| WORDS[(at * 7 + step * 5 + at / 3) % 3 + if colour { 0 } else { 3 }];
        let text = (0..1 + at % 4).map(|step| format!("{} {}", word(step), WORDS[6 + (at + step) % 2]));
        let text = text.collect::<Vec<_>>().join(" ");
        let label = if colour { "colour" } else { "number" };
        texts += &format!("{}\n", json!({"text": text, "label": label}));
        let score = (at % 5) as f64 + 0.5;
        pairs += &format!("{}\n", json!({"text": text, "text_pair": word(2), "label": score}));
        tagged += &format!(
            "{} X {}\n{} X O\n\n",
            word(0),
            if colour { "B-COL" } else { "B-NUM" },
            WORDS[6]
        );
    }
    fs::write(place.path("texts.jsonl"), texts).unwrap();
    fs::write(place.path("pairs.jsonl"), pairs).unwrap();
    fs::write(place.path("words.conll"), tagged).unwrap();
    place
}

#[test]
fn texts_rank_models_of_texts_and_leave_those_of_images_out() {
    let place = place();
    let run = place.run(&["rank", "--hub", "hub", "--data", "texts.jsonl", "--format", "json"]);
    let ranking = run.assert_code(0).json();
    assert_eq!(ranking["task"], "classification");
    let model = &ranking["models"][0];
    assert_eq!((&model["name"], &model["feature_dim"]), (&"words".into(), &4.into()));
    assert!(
        model["samples_per_second"].is_number() && model.get("images_per_second").is_none(),
        "{model}"
    );
    assert!(model["scores"]["logme"]["value"].is_number(), "{model}");
    assert_eq!(ranking["skipped"][0]["name"], "pictures");
    let reason = ranking["skipped"][0]["reason"].as_str().unwrap();
    assert_eq!(reason, "not applicable: it takes images, the data are texts");
}

#[test]
fn a_second_run_takes_the_features_from_the_store_and_another_pooling_does_not() {
    let place = place();
    let rank = |more: &[&str]| {
        let arguments = [
            "rank",
            "--hub",
            "hub/words",
            "--data",
            "texts.jsonl",
            "--format",
            "json",
        ];
        let run = place.run(&[&arguments[..], more].concat());
        run.assert_code(0).json()["models"][0].clone()
    };
    let (first, again, other) = (rank(&[]), rank(&[]), rank(&["--pooling", "first"]));
    assert!(again["samples_per_second"].is_null() && other["samples_per_second"].is_number());
    assert_eq!(first["scores"], again["scores"]);
    assert_ne!(first["scores"]["logme"]["value"], other["scores"]["logme"]["value"]);
}

#[test]
fn pairs_without_a_template_are_four_times_as_wide() {
    let run = place().run(&["rank", "--hub", "hub", "--data", "pairs.jsonl", "--format", "json"]);
    let ranking = run.assert_code(0).json();
    assert_eq!(
        (&ranking["task"], &ranking["models"][0]["feature_dim"]),
        (&"regression".into(), &16.into())
    );
}

#[test]
fn words_are_ranked_from_sums_that_equal_the_score_of_their_exported_features() {
    let place = place();
    let run = place.run(&["rank", "--hub", "hub", "--data", "words.conll", "--format", "json"]);
    let ranking = run.assert_code(0).json();
    assert_eq!(
        (&ranking["task"], &ranking["data"]["samples"]),
        (&"tokens".into(), &120.into())
    );
    assert_eq!(ranking["data"]["classes"], json!(["B-COL", "B-NUM", "O"]));
    let score = &ranking["models"][0]["scores"]["logme"];
    let (value, error) = (
        score["value"].as_f64().unwrap(),
        score["standard_error"].as_f64().unwrap(),
    );
    let ends = [0, 1].map(|at| score["interval"][at].as_f64().unwrap());
    assert!(error > 0.0 && ends[0] < value && value < ends[1], "{score}");
    place
        .run(&[
            "features",
            "--model",
            "hub/words",
            "--data",
            "words.conll",
            "--out",
            "w.safetensors",
        ])
        .assert_code(0);
    let scores = place.run(&[
        "score",
        "--features",
        "w.safetensors:features",
        "--targets",
        "w.safetensors:labels",
        "--format",
        "json",
    ]);
    let again = scores.assert_code(0).json()["scores"]["logme"]["value"]
        .as_f64()
        .unwrap();
    let value = score["value"].as_f64().unwrap();
    assert!((value - again).abs() <= 1e-9 * value.abs(), "{value} against {again}");
}

#[test]
fn listing_and_verifying_know_models_of_texts() {
    let place = place();
    let listing = place
        .run(&["hub", "inspect", "hub/words", "--format", "json"])
        .assert_code(0)
        .json();
    let model = &listing["models"][0];
    assert_eq!(
        (&model["modality"], &model["pooling"]),
        (&"text".into(), &"mean-of-tokens".into())
    );
    assert!(
        model["preprocessing"]
            .as_str()
            .unwrap()
            .contains("tokenizer.json (10 tokens)"),
        "{model}"
    );
    place.run(&["hub", "verify", "hub", "--engine", "rten"]).assert_code(0);
}

#[test]
fn a_model_whose_tokenizer_is_missing_or_broken_stops_no_other() {
    let place = place();
    write_text_model(&place.path("hub/bare"), &text_model());
    fs::remove_file(place.path("hub/bare/tokenizer.json")).unwrap();
    write_text_model(&place.path("hub/broken"), &text_model());
    fs::write(place.path("hub/broken/tokenizer.json"), "{\"model\":").unwrap();
    write_text_model(&place.path("hub/larger"), &text_model());
    let path = place.path("hub/larger/tokenizer.json");
    let grown = fs::read_to_string(&path)
        .unwrap()
        .replace("\"not\":9", "\"not\":9,\"more\":10");
    fs::write(&path, grown).unwrap();
    let run = place.run(&["rank", "--hub", "hub", "--data", "texts.jsonl", "--format", "json"]);
    let ranking = run.assert_code(1).json();
    assert_eq!(ranking["models"].as_array().unwrap().len(), 1);
    for (at, name, reason) in [
        (0, "bare", "there is no tokenizer.json beside the model"),
        (1, "broken", "tokenizer.json: invalid JSON"),
        (2, "larger", "ids up to 10, but the model's embedding has 10 rows"),
    ] {
        let skipped = &ranking["skipped"][at];
        assert_eq!(skipped["name"], name);
        assert!(skipped["reason"].as_str().unwrap().contains(reason), "{skipped}");
    }
}

#[test]
fn data_that_cannot_be_read_are_refused_with_file_and_line() {
    let place = place();
    fs::write(place.path("short.conll"), "a X B-COL\nb X\n").unwrap();
    fs::write(place.path("latin.conll"), b"a X B-COL\n\xe9 X O\n").unwrap();
    fs::write(
        place.path("latin.jsonl"),
        b"{\"text\": \"a\", \"label\": \"x\"}\n{\"text\": \"\xe9\", \"label\": \"y\"}\n",
    )
    .unwrap();
    fs::write(place.path("broken.conll"), "a B-COL\nb O\nc I-COL\n").unwrap();
    fs::write(place.path("empty.conll"), "").unwrap();
    for (file, parts) in [
        (
            "short.conll",
            &["short.conll", "line 2: expected 3 columns as in line 1, found 2"][..],
        ),
        ("latin.conll", &["latin.conll", "line 2: not valid UTF-8"]),
        (
            "latin.jsonl",
            &["latin.jsonl", "line 2: not valid UTF-8: found byte 0xe9"],
        ),
        (
            "broken.conll",
            &["broken.conll", "line 3", "breaks the scheme iob2", "--tag-scheme"],
        ),
        ("empty.conll", &["empty.conll", "no words found"]),
    ] {
        place
            .run(&["rank", "--hub", "hub", "--data", file])
            .assert_refused(parts);
    }
    place
        .run(&["rank", "--hub", "hub", "--data", "texts.jsonl", "--target", "topic"])
        .assert_refused(&["no column \"topic\"", "\"text\", \"label\""]);
    place
        .run(&["rank", "--hub", "hub", "--data", "words.conll", "--scores", "leep"])
        .assert_refused(&["leep", "for words there are logme, h-score"]);
    place
        .run(&["rank", "--hub", "hub/pictures", "--data", "texts.jsonl"])
        .assert_refused(&["pictures: not applicable"]);
}

#[test]
fn a_model_of_texts_that_takes_something_else_too_says_what() {
    let place = place();
    let with_input = |folder: &str, name: &str, data_type: DataType, rank: usize| {
        let mut model = text_model();
        let mut input = model.graph.inputs[0].clone();
        input.name = name.to_owned();
        input.data_type = Some(data_type);
        let open = |at: usize| Dim::Named(format!("axis{at}"));
        input.shape = Some((0..rank).map(open).collect());
        model.graph.inputs.push(input);
        // The features depend on it; an input that they do not depend on is left out.
        model.graph.nodes[0].outputs = vec!["embedded".to_owned()];
        model.graph.nodes.extend([
            node("ReduceSum", &[name], "sum", vec![("keepdims", Attribute::Int(0))]),
            node("Add", &["embedded", "sum"], "last_hidden_state", vec![]),
        ]);
        write_text_model(&place.path(folder), &model);
    };
    with_input("hub/cached", "past_key_values.0.key", DataType::F32, 4);
    with_input("hub/masked", "attention_mask", DataType::F32, 2);
    let run = place.run(&["rank", "--hub", "hub", "--data", "texts.jsonl", "--format", "json"]);
    let ranking = run.assert_code(1).json();
    assert_eq!(ranking["models"].as_array().unwrap().len(), 1);
    for (at, name, reason) in [
        (
            0,
            "cached",
            "the graph has an input \"past_key_values.0.key\"; expected only input_ids",
        ),
        (1, "masked", "attention_mask"),
    ] {
        let skipped = &ranking["skipped"][at];
        assert_eq!(skipped["name"], name);
        assert!(skipped["reason"].as_str().unwrap().contains(reason), "{skipped}");
    }
}

#[test]
fn long_texts_are_cut_and_that_is_said() {
    let place = place();
    fs::write(
        place.path("hub/words/tokenizer_config.json"),
        "{\"model_max_length\": 4}",
    )
    .unwrap();
    let run = place.run(&["rank", "--hub", "hub", "--data", "texts.jsonl"]);
    assert!(
        run.assert_code(0)
            .stderr
            .contains("words: 6 of the 12 texts that ran were truncated to the maximum length of the model"),
        "{run:?}"
    );
}

/// A model that tags colours, numbers and everything else.
fn write_tagger(place: &Place) {
    write_text_model(&place.path("hub/tagger"), &text_model());
    let mut model = text_model();
    let graph = &mut model.graph;
    // Rows of the embedding: [PAD], [UNK], three colours, three numbers, two other words.
    let kinds = [3, 3, 0, 0, 0, 1, 1, 1, 2, 2];
    let rows: Vec<f32> = kinds
        .iter()
        .flat_map(|kind| (0..4).map(move |at| f32::from(u8::from(at == *kind))))
        .collect();
    let head: Vec<f32> = (0..12).map(|at| f32::from(u8::from(at / 3 == at % 3))).collect();
    let tensor = |dims: &[usize], values: &[f32]| Tensor::from_f32(dims, values).unwrap();
    graph
        .initializers
        .insert("embeddings".to_owned(), tensor(&[10, 4], &rows));
    graph.initializers.insert("head".to_owned(), tensor(&[4, 3], &head));
    graph.nodes.push(Node {
        name: "classifier".to_owned(),
        op_type: "MatMul".to_owned(),
        domain: String::new(),
        inputs: vec!["last_hidden_state".to_owned(), "head".to_owned()],
        outputs: vec!["logits".to_owned()],
        attributes: Default::default(),
    });
    graph.outputs[0].name = "logits".to_owned();
    if let Some(shape) = &mut graph.outputs[0].shape {
        shape[2] = Dim::Fixed(3);
    }
    model.save(&place.path("hub/tagger/model.onnx")).unwrap();
    let config = json!({"id2label": {"0": "B-COL", "1": "B-NUM", "2": "O"}, "num_labels": 3});
    fs::write(place.path("hub/tagger/config.json"), config.to_string()).unwrap();
}

#[test]
fn evaluation_of_tagged_words_counts_entities() {
    let place = place();
    write_tagger(&place);
    let eval = |data: &str| {
        let run = place.run(&["eval", "--model", "hub/tagger", "--data", data, "--format", "json"]);
        run.assert_code(0).json()
    };
    let right = eval("words.conll");
    assert_eq!((&right["task"], &right["samples"]), (&"tokens".into(), &120.into()));
    assert_eq!(
        (&right["metrics"]["f1"], &right["metrics"]["accuracy"]),
        (&1.0.into(), &1.0.into())
    );
    // One of two entities is found, and one is found that is none.
    fs::write(place.path("hard.conll"), "red B-COL\nis O\nnot B-NUM\none O\n").unwrap();
    let hard = eval("hard.conll");
    assert_eq!(
        (&hard["metrics"]["precision"], &hard["metrics"]["recall"]),
        (&0.5.into(), &0.5.into())
    );
    assert_eq!(hard["metrics"]["accuracy"], 0.5);
}
