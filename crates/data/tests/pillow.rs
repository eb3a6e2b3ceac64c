//! Every format against Pillow, to the bit: `vectors/make.py` has the files and how they were made.

use std::path::Path;

use ranktune_data::image;
use safetensors::SafeTensors;

#[test]
fn every_format_decodes_to_the_pixels_of_pillow() {
    let vectors = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors");
    let bytes = std::fs::read(vectors.join("pixels.safetensors")).unwrap();
    let tensors = SafeTensors::deserialize(&bytes).unwrap();
    let mut failures = Vec::new();
    for (name, expected) in tensors.iter() {
        let found = match image::decode(&vectors.join(name)) {
            Ok(found) => found,
            Err(error) => {
                failures.push(error.to_string());
                continue;
            }
        };
        if expected.shape() != [found.height, found.width, 3] {
            failures.push(format!("{name}: found {} × {}", found.height, found.width));
            continue;
        }
        let differ = |(a, b): &(&u8, &u8)| a != b;
        let count = found.pixels.iter().zip(expected.data()).filter(differ).count();
        if count > 0 {
            failures.push(format!("{name}: {count} of {} bytes differ", found.pixels.len()));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    assert_eq!(tensors.len(), 41);
}
