//! One test for each way in which the files of a text model can be invalid.

use super::*;
use crate::ErrorKind;

fn error(files: &[(&str, Value)], inputs: &[&str], rows: usize) -> Error {
    let (_folder, entry) = entry(files);
    entry.text_processor(&graph(inputs, rows), None).unwrap_err()
}

#[test]
fn a_model_without_a_tokenizer_says_how_to_get_one() {
    let error = error(&[("config.json", json!({}))], BERT, 8);
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(
        error
            .to_string()
            .contains("there is no tokenizer.json beside the model; save it"),
        "{error}"
    );
}

#[test]
fn a_tokenizer_that_is_no_json_is_named_with_line_and_column() {
    let (folder, entry) = entry(&[("tokenizer.json", tokenizer())]);
    for (content, expected) in [
        (&b"{\"model\": "[..], "invalid JSON"),
        (b"[1, 2]", "expected a JSON object"),
        (b"{\"model\": {\"type\": \"Nothing\"}}", "invalid tokenizer"),
        (b"{}", "invalid tokenizer"),
        (b"\xff\xfe{}", "invalid JSON"),
    ] {
        fs::write(folder.path().join("tokenizer.json"), content).unwrap();
        let error = entry.text_processor(&graph(BERT, 8), None).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Malformed, "{error}");
        let text = error.to_string();
        assert!(text.contains("tokenizer.json: ") && text.contains(expected), "{text}");
    }
}

#[test]
fn a_normalizer_without_its_map_does_nothing() {
    let precompiled = |map: Value| json!({"type": "Precompiled", "precompiled_charsmap": map});
    let plain = processor(&[("tokenizer.json", tokenizer())]).encode("a b").unwrap();
    for normalizer in [
        precompiled(Value::Null),
        precompiled(json!("")),
        json!({"type": "Precompiled"}),
        json!({"type": "Sequence", "normalizers": [precompiled(Value::Null)]}),
        json!({"type": "Sequence", "normalizers": [{"type": "Sequence", "normalizers": [precompiled(Value::Null)]}]}),
    ] {
        let mut tokenizer = tokenizer();
        tokenizer["normalizer"] = normalizer.clone();
        let found = processor(&[("tokenizer.json", tokenizer)]).encode("a b").unwrap();
        assert_eq!(found, plain, "{normalizer}");
    }
}

#[test]
fn a_broken_map_is_an_error_without_the_text_of_a_panic() {
    let mut tokenizer = tokenizer();
    tokenizer["normalizer"] = json!({"type": "Precompiled", "precompiled_charsmap": "AAAA"});
    let error = error(&[("tokenizer.json", tokenizer)], BERT, 8);
    let text = ranktune_core::one_line(&error);
    assert!(
        text.contains("tokenizer.json: invalid tokenizer") && !text.contains("panic"),
        "{text}"
    );
}

#[test]
fn a_vocabulary_larger_than_the_embedding_is_another_models() {
    let error = error(&[("tokenizer.json", tokenizer())], BERT, 6);
    assert_eq!(error.kind(), ErrorKind::Mismatch);
    let text = error.to_string();
    assert!(text.contains("ids up to 7") && text.contains("has 6 rows"), "{text}");
}

#[test]
fn an_added_token_beyond_the_embedding_is_an_error_only_where_it_occurs() {
    let mut tokenizer = tokenizer();
    let added = json!({"id": 8, "content": "<new>", "single_word": false, "lstrip": false, "rstrip": false,
        "normalized": false, "special": false});
    tokenizer["added_tokens"].as_array_mut().unwrap().push(added);
    let processor = processor(&[("tokenizer.json", tokenizer)]);
    assert!(processor.encode("a b").is_ok());
    let error = processor.encode("a <new>").unwrap_err();
    assert!(
        error
            .to_string()
            .contains("token 8 has no row in the model's embedding of 8"),
        "{error}"
    );
}

#[test]
fn an_input_that_is_for_nothing_known_is_named() {
    let error = error(
        &[("tokenizer.json", tokenizer())],
        &["input_ids", "attention_mask", "language"],
        8,
    );
    assert!(
        error.to_string().contains("the graph has an input \"language\""),
        "{error}"
    );
}

#[test]
fn a_length_that_leaves_no_room_for_text_is_refused() {
    let error = error(
        &[
            ("tokenizer.json", tokenizer()),
            ("tokenizer_config.json", json!({"model_max_length": 2})),
        ],
        BERT,
        8,
    );
    assert!(
        error
            .to_string()
            .contains("a maximum length of 2 leaves no room beside 2 special tokens"),
        "{error}"
    );
}

#[test]
fn a_way_of_pooling_that_is_not_known_is_named() {
    let pooling = json!({"pooling_mode_max_tokens": true});
    let error = error(
        &[("tokenizer.json", tokenizer()), ("1_Pooling/config.json", pooling)],
        BERT,
        8,
    );
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(
        error
            .to_string()
            .contains("pooling by pooling_mode_max_tokens is not supported"),
        "{error}"
    );
}
