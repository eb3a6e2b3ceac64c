//! What new users stumbled over: every one is said, and the work is done where it can be.

#![expect(clippy::unwrap_used, reason = "a fixture that cannot be made is a failed test")]

mod common;

use std::fs;

use common::{Place, image_model, write_images, write_model};

/// A hub with one model, and images of two classes.
fn place() -> Place {
    let place = Place::new();
    write_model(&place.path("hub/tiny"), &image_model(3, 8, 4));
    write_images(&place.path("data"), &["apple", "pear"], 15);
    place
}

const RANK: [&str; 5] = ["rank", "--hub", "hub", "--data", "data"];

#[test]
fn a_loose_model_hides_no_folders_and_a_damaged_one_is_named() {
    let place = place();
    fs::write(place.path("hub/loose.onnx"), image_model(4, 8, 4).to_bytes().unwrap()).unwrap();
    let list = place.run(&["hub", "list", "hub"]);
    list.assert_code(0);
    assert!(
        list.stdout.contains("tiny") && list.stdout.contains("loose"),
        "{list:?}"
    );
    fs::write(place.path("hub/broken.onnx"), "no model").unwrap();
    let ranking = place.run(&[&RANK[..], &["--format", "json"]].concat());
    let ranking = ranking.assert_code(1).json();
    assert_eq!(ranking["models"].as_array().unwrap().len(), 2, "{ranking}");
    assert_eq!(ranking["skipped"][0]["name"], "broken");
}

#[test]
fn a_device_or_engine_that_is_not_there_is_an_error_also_with_cached_features() {
    let place = place();
    place.run(&RANK).assert_code(0);
    for device in ["cuda", "wgpu"] {
        // Builds with a GPU are tested elsewhere.
        let run = place.run(&[&RANK[..], &["--device", device]].concat());
        if run.code != Some(0) {
            run.assert_refused(&[device]);
        } else {
            assert!(run.stderr.contains("engine: "), "{run:?}");
        }
    }
    let run = place.run(&[&RANK[..], &["--onnxruntime", "nowhere.so", "--engine", "onnxruntime"]].concat());
    run.assert_refused(&["nowhere.so"]);
    // Features of another engine are not taken for its own: a network of convolutions has run on burn.
    let rten = || place.run(&[&RANK[..], &["--engine", "rten"]].concat());
    assert!(rten().assert_code(0).stderr.contains("features extracted"));
    let cached = rten();
    assert!(cached.assert_code(0).stderr.contains("engine: rten"), "{cached:?}");
    assert!(cached.stderr.contains("features from the cache"), "{cached:?}");
}

#[test]
fn unreadable_images_are_named_below_the_ranking() {
    let place = place();
    fs::write(place.path("data/apple/bad.png"), "no image").unwrap();
    let run = place.run(&RANK);
    run.assert_code(1);
    for part in ["left out (1):", "bad.png", "not an image"] {
        assert!(run.stdout.contains(part), "{part}: {run:?}");
    }
    fs::write(place.path("data/apple/worse.png"), "no image, too").unwrap();
    place
        .run(&RANK)
        .assert_refused(&["cannot be read", "bad.png", "worse.png", "--max-skipped"]);
    place
        .run(&[&RANK[..], &["--max-skipped", "0.2"]].concat())
        .assert_code(1);
}

#[test]
fn labels_that_are_whole_floats_hint_at_classes() {
    let place = place();
    let rows: String = (0..40).map(|at| format!("{}.0,{}.5\n", at % 3, at)).collect();
    fs::write(place.path("t.csv"), format!("label,x\n{rows}")).unwrap();
    fs::write(place.path("f.csv"), rows).unwrap();
    let features: Vec<f32> = (0..40 * 4).map(|at| ((at * 37) % 101) as f32).collect();
    write_npy(&place, "F.npy", &[40, 4], &features);
    let labels: Vec<f32> = (0..40).map(|at| (at % 3) as f32).collect();
    write_npy(&place, "Y.npy", &[40], &labels);
    let run = place.run(&["score", "--features", "F.npy", "--targets", "Y.npy"]);
    run.assert_code(0);
    assert!(
        run.stdout.contains("if they are classes, set --task classification") && run.stdout.contains("1 target column"),
        "{run:?}"
    );
}

/// An array of `f4` in version 1 of NumPy's format.
fn write_npy(place: &Place, name: &str, shape: &[usize], values: &[f32]) {
    let shape: Vec<String> = shape.iter().map(|size| format!("{size},")).collect();
    let mut header = format!(
        "{{'descr': '<f4', 'fortran_order': False, 'shape': ({})}}",
        shape.join(" ")
    );
    while (10 + header.len() + 1) % 64 != 0 {
        header.push(' ');
    }
    header.push('\n');
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend(u16::try_from(header.len()).unwrap().to_le_bytes());
    bytes.extend(header.as_bytes());
    bytes.extend(values.iter().flat_map(|value| value.to_le_bytes()));
    fs::write(place.path(name), bytes).unwrap();
}

#[test]
fn a_missing_input_leaves_the_others_predicted() {
    let place = place();
    let labels = r#"{"id2label": {"0": "a", "1": "b", "2": "c", "3": "d"}}"#;
    fs::write(place.path("hub/tiny/config.json"), labels).unwrap();
    let image = fs::read_dir(place.path("data/apple"))
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    let run = place.run(&["predict", "--model", "hub/tiny", image.to_str().unwrap(), "nowhere.png"]);
    run.assert_code(1);
    for part in ["left out (1):", "nowhere.png: no such file"] {
        assert!(run.stdout.contains(part), "{part}: {run:?}");
    }
}

#[test]
fn a_truth_of_fewer_models_is_done_and_one_of_others_is_said() {
    let place = Place::new();
    fs::write(place.path("s.csv"), "model,score\na,1\nb,2\nc,3\n").unwrap();
    fs::write(place.path("few.csv"), "model,accuracy\na,0.1\nb,0.2\n").unwrap();
    fs::write(place.path("odd.csv"), "model,accuracy\na,0.1\nb,0.2\nz,0.3\n").unwrap();
    let few = place.run(&["compare", "s.csv", "few.csv"]);
    assert!(few.assert_code(0).stderr.contains("left out: c"), "{few:?}");
    let odd = place.run(&["compare", "s.csv", "odd.csv"]);
    assert!(odd.assert_code(1).stderr.contains("left out: z"), "{odd:?}");
}

#[test]
fn features_in_npy_come_with_their_rows_and_a_default_install_verifies() {
    let place = place();
    let run = place.run(&["features", "--model", "hub/tiny", "--data", "data", "--out", "X.npy"]);
    assert!(
        run.assert_code(0)
            .stderr
            .contains("X.rows.csv: the input and target of every row"),
        "{run:?}"
    );
    let rows = fs::read_to_string(place.path("X.rows.csv")).unwrap();
    assert_eq!(rows.lines().count(), 31, "{rows}");
    let verified = place.run(&["hub", "verify", "hub"]);
    verified.assert_code(0);
    assert!(!verified.stderr.contains("1 columns"), "{verified:?}");
}
