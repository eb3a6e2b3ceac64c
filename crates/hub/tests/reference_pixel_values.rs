//! Every image model of the shared hub with a reference gets the pixel values that Pillow and `transformers` give it.

use ranktune_hub::{GraphInput, Hub, ImageProcessor, InputModality, Source};
use ranktune_testing::shared;
use safetensors::SafeTensors;

#[test]
fn pixel_values_of_every_reference_model_agree() {
    let Some(shared) = shared("") else { return };
    let hub = Hub::open(&[Source::from(shared.join("hub").as_path())]).unwrap();
    // The hub may hold models that have no reference.
    let mut compared = 0;
    for file in std::fs::read_dir(shared.join("vectors/models")).unwrap() {
        let file = file.unwrap().path();
        let bytes = std::fs::read(&file).unwrap();
        let tensors = SafeTensors::deserialize(&bytes).unwrap();
        let Ok(tensor) = tensors.tensor("pixel_values") else {
            continue;
        };
        let name = file.file_stem().unwrap().to_str().unwrap();
        let entry = hub.entries.iter().find(|entry| entry.name == name);
        let entry = entry.unwrap_or_else(|| panic!("the hub has no model {name}, but there is a reference"));
        assert_eq!(entry.modality(None), InputModality::Image, "{name}");
        compared += 1;
        let (_, header) = SafeTensors::read_metadata(&bytes).unwrap();
        let files: Vec<String> = serde_json::from_str(&header.metadata().as_ref().unwrap()["files"]).unwrap();
        let &[_, channels, height, width] = tensor.shape() else {
            panic!("{}: not an image", entry.name)
        };
        // The header says [1, channels, height, width], but the values were written channels last.
        let stored: Vec<f32> = tensor
            .data()
            .as_chunks()
            .0
            .iter()
            .map(|&b| f32::from_le_bytes(b))
            .collect();
        let expected = |c: usize, at: usize| stored[at * channels + c];

        let input = GraphInput {
            channels: Some(channels),
            height: Some(height),
            width: Some(width),
            ..GraphInput::default()
        };
        let processor = ImageProcessor::from_dir(entry.dir.as_deref().unwrap(), &input).unwrap();
        let image = ranktune_data::image::decode(&shared.join(&files[0])).unwrap();
        let mut found = vec![0.0; channels * height * width];
        processor.apply(&image, &mut found).unwrap();

        // One step of a byte, by the spread of the values that bytes were mapped to.
        let pixels = height * width;
        let (mut far, mut off) = (0, 0);
        for c in 0..channels {
            let step = processor.step(c);
            for at in 0..pixels {
                let difference = (found[c * pixels + at] - expected(c, at)).abs();
                far += usize::from(difference > 1.5 * step);
                off += usize::from(difference > 0.01 * step);
            }
        }
        assert_eq!(far, 0, "{}: values more than one 8-bit step away", entry.name);
        assert!(
            off * 100 < found.len(),
            "{}: {off} of {} values differ",
            entry.name,
            found.len()
        );
    }
    assert!(compared >= 8, "{compared} compared");
}
