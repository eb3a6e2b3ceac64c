//! From a decoded image to the numbers of a graph's input.
//!
//! ```text
//! image [h, w, 3] ──grey?──► ──resize, crop──► bytes [H, W, C] ──y = (v·rescale - offset - mean_c) / std_c──► f32 [C, H, W]
//! ```
//!
//! Preprocessing is part of a model: it is read from the model's files and followed exactly. The order of precedence is
//! `preprocessor_config.json` (or the image part of `processor_config.json`) of Hugging Face, `pretrained_cfg` in a timm
//! `config.json`, and last the graph's input shape with a default that [`ImageProcessor::notes`] reports. An unsupported setting
//! is an error that names it.
//!
//! A byte has 256 values, so rescaling and normalization are a table, computed as `transformers` computes it (rescaled in double
//! precision, then single).
//!
//! | file | contents |
//! |---|---|
//! | `huggingface`, `classes` | `preprocessor_config.json` and the defaults of its classes |
//! | `timm` | `pretrained_cfg` of timm |
//! | `recipe` | the settings of either |
//! | `image_processor` | settings checked against the graph's input |
//! | `settings` | settings at another size, and written to files |
//! | `geometry`, `resample`, `render` | sizes and crops; Pillow's resampling; the output |

mod channels;
mod classes;
mod geometry;
mod graph_input;
mod huggingface;
mod image_processor;
mod recipe;
mod render;
mod resample;
mod settings;
mod timm;

pub use channels::Channels;
pub use geometry::{Crop, Resize, Rounding, Size};
pub use graph_input::{GraphInput, ImageLayout};
pub use image_processor::ImageProcessor;
pub use resample::Filter;
pub use settings::ImageSettings;

#[cfg(test)]
mod tests;
