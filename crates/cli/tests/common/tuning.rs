//! A small hub and three classes of images, and `tune` run on them.

use super::{Place, Run, write_hub, write_images};

pub const CLASSES: [&str; 3] = ["apple", "pear", "plum"];

/// The hub in `hub`, the images in `data`.
pub fn place() -> Place {
    let place = Place::new();
    write_hub(&place.path("hub"));
    write_images(&place.path("data"), &CLASSES, 12);
    place
}

/// Tunes `middle` for two short epochs, with `more` arguments.
pub fn tune(place: &Place, more: &[&str]) -> Run {
    let fixed = [
        "tune",
        "--hub",
        "hub",
        "--data",
        "data",
        "--model",
        "middle",
        "--epochs",
        "2",
        "--batch-size",
        "8",
        "--out",
        "tuned",
    ];
    place.run(&[&fixed, more].concat())
}
