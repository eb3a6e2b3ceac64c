//! The shared models' tokenizers against the ids of Hugging Face's Python package.

use ranktune_testing::shared;
use safetensors::SafeTensors;

use super::*;

#[test]
fn ids_and_masks_are_those_of_the_reference() {
    let (Some(hub), Some(vectors)) = (shared("hub"), shared("vectors/models")) else {
        return;
    };
    for name in [
        "glove-6b-50d-30k",
        "wordllama-l2-supercat-64",
        "paraphrase-MiniLM-L3-v2",
    ] {
        let bytes = fs::read(vectors.join(format!("{name}.safetensors"))).unwrap();
        let (_, header) = SafeTensors::read_metadata(&bytes).unwrap();
        let sentences: Vec<String> = serde_json::from_str(&header.metadata().clone().unwrap()["sentences"]).unwrap();
        let tensors = SafeTensors::deserialize(&bytes).unwrap();
        let numbers = |tensor: &str| -> Vec<i64> {
            let data = tensors.tensor(tensor).unwrap().data().to_vec();
            data.chunks(8)
                .map(|bytes| i64::from_le_bytes(bytes.try_into().unwrap()))
                .collect()
        };
        let rows = tensors.tensor("input_ids").unwrap().shape()[0];

        let hub = Hub::open(&[Source::from(hub.join(name).as_path())]).unwrap();
        let entry = &hub.entries[0];
        let model = Model::load(&entry.model_path).unwrap();
        let processor = entry.text_processor(&model, None).unwrap();
        // The reference padded all sentences to one length, and keeps the first rows.
        let sequences: Vec<Sequence> = sentences
            .iter()
            .map(|sentence| processor.encode(sentence).unwrap())
            .collect();
        let batch = processor.batch(&sequences.iter().collect::<Vec<_>>());
        let first = |all: &[i64]| all[..all.len() / sentences.len() * rows].to_vec();
        assert_eq!(first(feed(&batch, "input_ids")), numbers("input_ids"), "{name}");
        assert_eq!(first(&batch.mask), numbers("attention_mask"), "{name}");
        assert_eq!(processor.pooling(), &TextPooling::Mean, "{name}");
        let expected = if name.starts_with("para") {
            Pairs::Joined
        } else {
            Pairs::Apart
        };
        assert_eq!(processor.pairs(), expected, "{name}");
    }
}
