//! One vector a text: which tokens it is made of, by `--pooling`, a manifest or the model's family, on either side of the padding, in
//! rankings and in tuned graphs alike.

#![expect(clippy::unwrap_used, reason = "a fixture that cannot be made is a failed test")]

mod common;

use std::fs;

use common::{Place, WORDS, encoder, positioned_encoder, residual_encoder, write_text_model};
use ranktune_onnx::{DataType, Model};
use serde_json::json;

/// Texts of one to four words, by their place in [`WORDS`].
fn texts() -> Vec<Vec<usize>> {
    let text = |at: usize| {
        (0..1 + at % 4)
            .map(move |step| (at * 3 + step * 5 + at / 4) % 8)
            .collect()
    };
    (0..40).map(text).collect()
}

fn write_texts(place: &Place) {
    let rows = texts().into_iter().enumerate().map(|(at, words)| {
        let text: Vec<&str> = words.iter().map(|&word| WORDS[word]).collect();
        let label = if words.contains(&0) || at % 3 == 0 { "yes" } else { "no" };
        format!("{}\n", json!({"text": text.join(" "), "label": label}))
    });
    fs::write(place.path("texts.jsonl"), rows.collect::<String>()).unwrap();
}

/// `tanh((E[word] + P[position]) W)` of every token of every text, from the weights of `model` by hand.
fn by_hand(model: &Model, width: usize) -> Vec<Vec<Vec<f64>>> {
    let weights = |name: &str| {
        model
            .graph
            .initializers
            .get(name)
            .map(|tensor| tensor.to_f32_vec().unwrap())
    };
    let (words, layer) = (weights("embeddings").unwrap(), weights("layer.weight").unwrap());
    let places = weights("positions");
    let token = |(position, word): (usize, usize)| {
        let of = |at: usize| {
            let own = f64::from(words[(word + 2) * 4 + at]);
            own + places
                .as_ref()
                .map_or(0.0, |places| f64::from(places[position * 4 + at]))
        };
        let sum = |to: usize| (0..4).map(|at| of(at) * f64::from(layer[at * width + to])).sum::<f64>();
        (0..width).map(|to| sum(to).tanh()).collect()
    };
    let text = |words: Vec<usize>| words.into_iter().enumerate().map(token).collect();
    texts().into_iter().map(text).collect()
}

/// What `features` writes for `model`, `[40, width]`.
fn exported(place: &Place, model: &str, more: &[&str]) -> Vec<f32> {
    let fixed = [
        "features",
        "--model",
        model,
        "--data",
        "texts.jsonl",
        "--out",
        "features.npy",
    ];
    place.run(&[&fixed, more].concat()).assert_code(0);
    let bytes = fs::read(place.path("features.npy")).unwrap();
    let begin = bytes.iter().position(|&byte| byte == b'\n').unwrap() + 1;
    let floats = bytes[begin..].chunks_exact(4);
    floats
        .map(|value| f32::from_le_bytes(value.try_into().unwrap()))
        .collect()
}

/// Asserts that `found` is `take` of the tokens of every text.
#[track_caller]
fn assert_is(found: &[f32], tokens: &[Vec<Vec<f64>>], take: &str) {
    let width = tokens[0][0].len();
    assert_eq!(found.len(), tokens.len() * width);
    for (row, tokens) in found.chunks_exact(width).zip(tokens) {
        for (at, &value) in row.iter().enumerate() {
            let expected = match take {
                "first" => tokens[0][at],
                "last" => tokens[tokens.len() - 1][at],
                _ => tokens.iter().map(|token| token[at]).sum::<f64>() / tokens.len() as f64,
            };
            assert!(
                (f64::from(value) - expected).abs() < 1e-5,
                "{take}: {value} against {expected}"
            );
        }
    }
}

/// Tunes nothing but a head, so that the features stay what they were.
fn probe(place: &Place, hub: &str, out: &str, more: &[&str]) -> serde_json::Value {
    let fixed = [
        "tune",
        "--hub",
        hub,
        "--data",
        "texts.jsonl",
        "--method",
        "linear-probe",
        "--epochs",
        "1",
    ];
    let run = place.run(&[&fixed[..], &["--out", out, "--format", "json"], more].concat());
    run.assert_code(0).json()
}

/// The words of a command line.
fn words(line: &str) -> Vec<&str> {
    line.split(' ').collect()
}

#[test]
fn pooling_that_is_asked_for_is_that_of_the_ranking_and_of_the_tuned_graph() {
    let place = Place::new();
    write_texts(&place);
    let model = encoder(3, 6);
    write_text_model(&place.path("hub/small"), &model);
    let tokens = by_hand(&model, 6);
    for (take, name) in [
        ("mean", "mean-of-tokens"),
        ("first", "first-token"),
        ("last", "last-token"),
    ] {
        assert_is(&exported(&place, "hub/small", &["--pooling", take]), &tokens, take);
        let training = probe(&place, "hub", take, &["--pooling", take]);
        assert_eq!(training["settings"]["pooling"], name);
        for engine in ["rten", "burn"] {
            assert_is(&exported(&place, take, &["--engine", engine]), &tokens, take);
        }
    }
    // The tuned graph pools by itself, and that is said where another way is asked for.
    let rank = ["rank", "--hub", "last", "--data", "texts.jsonl", "--pooling", "first"];
    let note = "\"ranktune.features\" is already one vector per text, so --pooling first has no effect";
    let run = place.run(&rank);
    assert!(run.assert_code(0).stderr.contains(note), "{run:?}");
    assert_is(&exported(&place, "last", &["--pooling", "first"]), &tokens, "last");
}

#[test]
fn a_manifest_s_pooling_holds_for_both_and_the_option_goes_before_it() {
    let place = Place::new();
    write_texts(&place);
    let model = encoder(3, 6);
    write_text_model(&place.path("hub/small"), &model);
    let pooling = place.path("hub/small/1_Pooling");
    fs::create_dir(&pooling).unwrap();
    fs::write(pooling.join("config.json"), r#"{"pooling_mode_cls_token": true}"#).unwrap();
    let manifest = "[[models]]\npath = \"hub/small\"\npooling = \"last-token\"\n";
    fs::write(place.path("models.toml"), manifest).unwrap();
    let tokens = by_hand(&model, 6);
    assert_is(&exported(&place, "hub/small", &[]), &tokens, "first");
    assert_is(&exported(&place, "models.toml", &[]), &tokens, "last");
    assert_is(
        &exported(&place, "models.toml", &["--pooling", "mean"]),
        &tokens,
        "mean",
    );
    let rank = |hub: &str, more: &[&str]| {
        let fixed = ["rank", "--hub", hub, "--data", "texts.jsonl", "--format", "json"];
        place.run(&[&fixed, more].concat()).assert_code(0).json()["models"][0]["scores"].clone()
    };
    assert_eq!(rank("models.toml", &[]), rank("hub", &["--pooling", "last"]));
    assert_ne!(rank("models.toml", &[]), rank("hub", &[]));
    assert_eq!(
        probe(&place, "models.toml", "of-manifest", &[])["settings"]["pooling"],
        "last-token"
    );
    assert_is(&exported(&place, "of-manifest", &[]), &tokens, "last");
    let mean = probe(&place, "models.toml", "of-option", &["--pooling", "mean"]);
    assert_eq!(mean["settings"]["pooling"], "mean-of-tokens");
    assert_is(&exported(&place, "of-option", &[]), &tokens, "mean");
}

#[test]
fn teachers_are_pooled_as_the_ranking_was() {
    let place = Place::new();
    write_texts(&place);
    write_text_model(&place.path("hub/small"), &encoder(3, 6));
    write_text_model(&place.path("hub/large"), &encoder(5, 9));
    let rank = words("rank --hub hub --data texts.jsonl --pooling last --out ranking");
    place.run(&rank).assert_code(0);
    let taught = |out: &str, more: &[&str]| {
        let fixed = words("tune --hub hub --data texts.jsonl --model small --teachers 2 --epochs 1");
        let run = place.run(&[&fixed[..], &["--out", out, "--format", "json"], more].concat());
        run.assert_code(0).json()["history"][0]["parts"]["teachers"]
            .as_f64()
            .unwrap()
    };
    // The target is pooled by the mean in the first two, and its teachers as the ranking says, or as the option does.
    let by_ranking = taught("by-ranking", &["--ranking", "ranking"]);
    let by_mean = taught("by-mean", &["--ranking", "ranking", "--pooling", "mean"]);
    assert_ne!(by_ranking, by_mean);
    write_text_model(&place.path("hub/deep"), &residual_encoder(4, 6));
    let of_mean = words("rank --hub hub --data texts.jsonl --feature layers --layers mean --out layers");
    place.run(&of_mean).assert_code(0);
    let tune = words("tune --hub hub --data texts.jsonl --model small --ranking layers --out none");
    place
        .run(&tune)
        .assert_refused(&["deep", "the mean of its layers", "--layers best"]);
}

#[test]
fn a_decoder_s_last_token_is_taken_on_either_side_of_the_padding() {
    for data_type in [DataType::I64, DataType::I32] {
        let place = Place::new();
        write_texts(&place);
        let model = positioned_encoder(3, 5, data_type);
        let tokens = by_hand(&model, 5);
        for side in ["left", "right"] {
            let folder = place.path(&format!("{side}/decoder"));
            write_text_model(&folder, &model);
            fs::write(folder.join("config.json"), r#"{"model_type": "gpt2"}"#).unwrap();
            fs::write(
                folder.join("tokenizer_config.json"),
                json!({"padding_side": side}).to_string(),
            )
            .unwrap();
            for engine in ["rten", "burn", "auto"] {
                // A batch of all lengths, and of one text at a time.
                for batch in ["40", "1"] {
                    let more = ["--engine", engine, "--batch-size", batch, "--no-cache"];
                    assert_is(&exported(&place, &format!("{side}/decoder"), &more), &tokens, "last");
                }
            }
            for take in ["last", "first", "mean"] {
                let out = format!("{side}-{take}");
                probe(&place, side, &out, &["--pooling", take]);
                for engine in ["rten", "burn", "auto"] {
                    assert_is(
                        &exported(&place, &out, &["--engine", engine, "--no-cache"]),
                        &tokens,
                        take,
                    );
                }
                let eval = ["eval", "--model", &out, "--data", "texts.jsonl", "--format", "json"];
                assert!(place.run(&eval).assert_code(0).json()["metrics"]["accuracy"].is_number());
            }
            let method = ["--method", "fine-tune"];
            let out = format!("{side}-fine");
            let tune = [
                "tune",
                "--hub",
                side,
                "--data",
                "texts.jsonl",
                "--epochs",
                "2",
                "--out",
                &out,
                "--format",
                "json",
            ];
            place.run(&[&tune[..], &method].concat()).assert_code(0);
        }
    }
}

#[test]
fn padding_on_the_left_without_positions_never_changes_a_feature() {
    let place = Place::new();
    write_texts(&place);
    let model = encoder(3, 6);
    write_text_model(&place.path("hub/small"), &model);
    fs::write(
        place.path("hub/small/tokenizer_config.json"),
        r#"{"padding_side": "left"}"#,
    )
    .unwrap();
    let tokens = by_hand(&model, 6);
    for take in ["last", "first", "mean"] {
        assert_is(&exported(&place, "hub/small", &["--pooling", take]), &tokens, take);
        probe(&place, "hub", take, &["--pooling", take]);
        assert_is(&exported(&place, take, &[]), &tokens, take);
    }
}

#[test]
fn a_graph_of_one_length_without_a_mask_is_not_tuned_and_says_why() {
    let place = Place::new();
    write_texts(&place);
    let mut model = common::text_model();
    for value in model.graph.inputs.iter_mut().chain(&mut model.graph.outputs) {
        value.shape.as_mut().unwrap()[1] = ranktune_onnx::Dim::Fixed(6);
    }
    write_text_model(&place.path("hub/fixed"), &model);
    let tune = words("tune --hub hub --data texts.jsonl --method fine-tune --out tuned");
    place.run(&tune).assert_refused(&[
        "fixed length of 6 tokens and no attention mask",
        "export it with a mask",
    ]);
}
