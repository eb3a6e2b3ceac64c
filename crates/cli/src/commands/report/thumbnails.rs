//! Small pictures of the images that a document names.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

/// Longer edge of a picture in pixels, twice what a page shows for sharp screens.
const EDGE: usize = 128;
/// Pictures of a document, about 4 kB each.
const MOST: usize = 100;
/// The lists of samples that have them.
const LISTS: [&str; 3] = ["hardest", "clearest", "errors"];

/// The document with a picture at every sample of [`LISTS`] whose file is an image. Samples of which there is no file, such as texts, have
/// none.
pub(super) fn add(document: &str) -> serde_json::Result<String> {
    let mut value: Value = serde_json::from_str(document)?;
    let mut left = MOST;
    add_to(&mut value, &mut left);
    serde_json::to_string_pretty(&value)
}

fn add_to(value: &mut Value, left: &mut usize) {
    match value {
        Value::Object(object) => {
            for (key, value) in object {
                match value {
                    Value::Array(samples) if LISTS.contains(&key.as_str()) => {
                        samples.iter_mut().for_each(|sample| picture(sample, left));
                    }
                    other => add_to(other, left),
                }
            }
        }
        Value::Array(list) => list.iter_mut().for_each(|value| add_to(value, left)),
        _ => {}
    }
}

fn picture(sample: &mut Value, left: &mut usize) {
    let Some(object) = sample.as_object_mut().filter(|_| *left > 0) else {
        return;
    };
    let file = object.get("sample").and_then(Value::as_str).map(Path::new);
    if let Some(Ok(jpeg)) = file.map(|file| ranktune::thumbnail(file, EDGE)) {
        let address = format!("data:image/jpeg;base64,{}", STANDARD.encode(jpeg));
        object.insert("thumbnail".to_owned(), json!(address));
        *left -= 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_that_are_image_files_have_a_picture_and_others_none() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.ppm");
        std::fs::write(&file, [b"P6 2 1 255\n".as_slice(), &[200, 0, 0, 0, 0, 200]].concat()).unwrap();
        let document = json!({
            "models": [{"classes": {"hardest": [{"sample": file}, {"sample": "text 3"}]}}],
            "other": [{"sample": file}],
        });
        let with: Value = serde_json::from_str(&add(&document.to_string()).unwrap()).unwrap();
        let hardest = &with["models"][0]["classes"]["hardest"];
        let address = hardest[0]["thumbnail"].as_str().unwrap();
        let jpeg = STANDARD
            .decode(address.strip_prefix("data:image/jpeg;base64,").unwrap())
            .unwrap();
        assert!(jpeg.starts_with(b"\xff\xd8\xff"));
        assert!(hardest[1].get("thumbnail").is_none() && with["other"][0].get("thumbnail").is_none());
    }
}
