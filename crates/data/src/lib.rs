//! Data sets: readers, targets, task inference, image decoding; and arrays (features, targets, probabilities) made elsewhere.

pub mod dataset;
pub mod image;
pub mod target;

pub use dataset::{Dataset, Inputs};
pub use image::RgbImage;
pub use target::{Targets, Task};
