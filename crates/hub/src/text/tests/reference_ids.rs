//! Ids against Hugging Face's Python package `tokenizers`: `tests/vectors/make.py` made the references.

use super::*;

#[test]
fn ids_are_those_of_the_python_package() {
    let crate_folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let vectors = crate_folder.join("tests/vectors");
    let read = |path: &Path| -> Value { serde_json::from_slice(&fs::read(path).unwrap()).unwrap() };
    let tokens = read(&vectors.join("tokens.json"));
    let sentences: Vec<String> = serde_json::from_value(tokens["sentences"].clone()).unwrap();
    let every: std::collections::BTreeMap<String, Vec<Vec<i64>>> =
        serde_json::from_value(tokens["ids"].clone()).unwrap();
    assert_eq!(every.len(), 5);
    for (name, expected) in every {
        let small = vectors.join(format!("tokenizers/{name}.json"));
        let example = crate_folder.join(format!("../../examples/hub/{name}/tokenizer.json"));
        let file = if small.is_file() { small } else { example };
        let (_folder, entry) = entry(&[("tokenizer.json", read(&file))]);
        let processor = entry
            .text_processor(&graph(&["input_ids", "attention_mask"], 20_000), None)
            .unwrap();
        for (sentence, expected) in sentences.iter().zip(expected) {
            assert_eq!(
                processor.encode(sentence).unwrap().ids,
                expected,
                "{name}: {sentence:?}"
            );
        }
    }
}
