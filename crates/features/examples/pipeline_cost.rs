//! What extraction costs beyond the engine: the whole pipeline (decoding, resizing, pooling, collecting) against the bare engine
//! on the same batches, which are made beforehand.
//!
//! ```text
//! cargo run --release -p ranktune-features --features onnxruntime --example pipeline_cost -- HUB DATA [rten|onnxruntime]
//! ```

use std::error::Error;
use std::path::Path;
use std::time::Instant;

use ranktune_core::{Interrupt, Silent};
use ranktune_data::LoadOptions;
use ranktune_data::image::decode;
use ranktune_features::engine::{self, Elements, EngineChoice, EngineOptions, Input};
use ranktune_features::extract::{
    CacheOptions, DataKind, ExtractOptions, Extraction, ImageSide, PreparedModel, extract,
};
use ranktune_hub::{Hub, Source};
use ranktune_nn::DeviceChoice;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[expect(clippy::print_stdout, reason = "a program that prints a table")]
fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [hub, data, engine @ ..] = arguments.as_slice() else {
        return Err("expected HUB DATA [ENGINE]".into());
    };
    let choice: EngineChoice = engine.first().map_or("auto", String::as_str).parse()?;
    let hub = Hub::open(&[Source::from(hub.as_str())])?;
    let dataset = ranktune_data::load(Path::new(data), &LoadOptions::default())?;
    let Some(files) = dataset.inputs.files() else {
        return Err("expected images".into());
    };
    let models: Vec<PreparedModel> = hub
        .entries
        .iter()
        .filter_map(|entry| PreparedModel::new(entry, Some(DataKind::Images), &ExtractOptions::default()).ok())
        .collect();
    let selection = engine::select(choice, None, DeviceChoice::Cpu)?;
    println!(
        "{}, {} images, {} models",
        selection.engine.description(),
        files.len(),
        models.len()
    );

    let mut bare = 0.0;
    for model in &models {
        let Some(ImageSide { input, processor, .. }) = model.images() else {
            continue;
        };
        let sample: usize = processor.output_shape().iter().product();
        let size = model
            .fixed_batch()
            .unwrap_or_else(|| selection.engine.preferred_batch(sample));
        let mut pixels = vec![0.0; files.len() * sample];
        for (file, into) in files.iter().zip(pixels.chunks_exact_mut(sample)) {
            processor.apply(&decode(file)?, into)?;
        }
        let mut session = selection.engine.load(&model.graph()?, &EngineOptions::default())?;
        let [a, b, c] = processor.output_shape();
        let begun = Instant::now();
        for batch in pixels.chunks(size * sample) {
            let shape = [batch.len() / sample, a, b, c];
            let input = Input {
                name: input,
                shape: &shape,
                elements: Elements::F32(batch),
            };
            session.run(&[input], &model.outputs())?;
        }
        let seconds = begun.elapsed().as_secs_f64();
        println!("{:<36} bare engine {seconds:7.2} s", model.name());
        bare += seconds;
    }

    let options = ExtractOptions {
        engine: choice,
        cache: CacheOptions::Off,
        ..ExtractOptions::default()
    };
    let digests = dataset.input_digests();
    let interrupt = Interrupt::default();
    let work = Extraction {
        models: &models,
        dataset: &dataset,
        digests: &digests,
        options: &options,
        progress: &Silent,
        interrupt: &interrupt,
    };
    let begun = Instant::now();
    extract(&work, |_, _| ())?;
    let whole = begun.elapsed().as_secs_f64();
    println!(
        "{:<36} bare engine {bare:7.2} s, extraction {whole:7.2} s, ratio {:.2}",
        "all",
        whole / bare
    );
    Ok(())
}
