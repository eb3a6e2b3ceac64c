//! Data sets: readers, targets, task inference, image decoding; and arrays (features, targets, probabilities) from other programs.

pub mod arrays;
pub mod card;
pub mod dataset;
pub mod error;
mod file_at;
pub mod image;
pub mod load;
pub mod modality;
mod parquet_file;
mod parquet_pages;
mod subsample;
pub mod tags;
pub mod target;
pub mod view;

pub use dataset::{Dataset, Inference};
pub use error::{Error, ErrorKind, Result};
pub use image::RgbImage;
pub use load::{DataFiles, LoadOptions, Split, data_files, has_split, load};
pub use modality::{DataKind, Images, Inputs, Sentences, Texts};
pub use ranktune_core::Digest;
pub use tags::TagScheme;
pub use target::{DatasetTargets, Task};
pub use view::{Augmentation, View, Views};
