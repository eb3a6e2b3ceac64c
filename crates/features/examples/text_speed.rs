//! Tokens a second of every engine on the same batches of texts, and of the whole extraction (tokenizing, padding, pooling beside it).
//!
//! ```text
//! cargo run --release -p ranktune-features --features onnxruntime --example text_speed -- HUB DATA [REPEATS]
//! ```
//! Engines take turns, batch by batch of repeats, so that a busy machine is busy for all; the fastest repeat counts.

use std::error::Error;
use std::path::Path;
use std::time::Instant;

use ranktune_core::{Interrupt, Silent};
use ranktune_data::{LoadOptions, Texts};
use ranktune_features::engine::{self, Elements, EngineChoice, EngineOptions, Input, Session};
use ranktune_features::extract::{
    CacheOptions, DataKind, ExtractOptions, Extraction, PreparedModel, TextSide, extract,
};
use ranktune_hub::text::{Sequence, TokenBatch};
use ranktune_hub::{Hub, Source};
use ranktune_nn::DeviceChoice;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Texts a batch.
const ROWS: usize = 64;

#[expect(clippy::print_stdout, reason = "a program that prints a table")]
fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [hub, data, repeats @ ..] = arguments.as_slice() else {
        return Err("expected HUB DATA [REPEATS]".into());
    };
    let repeats: usize = repeats.first().map_or(Ok(3), |text| text.parse())?;
    let hub = Hub::open(&[Source::from(hub.as_str())])?;
    let dataset = ranktune_data::load(Path::new(data), &LoadOptions::default())?;
    let Some(Texts { first, second: None }) = dataset.inputs.as_texts() else {
        return Err("expected texts".into());
    };
    for entry in &hub.entries {
        let options = ExtractOptions::default();
        let Ok(model) = PreparedModel::new(entry, Some(DataKind::Texts), &options) else {
            continue;
        };
        let Some(side) = model.texts() else { continue };
        let (batches, tokens) = batches(side, first)?;
        println!("{}: {} texts, {tokens} tokens", model.name(), first.len());
        let mut sessions: Vec<(EngineChoice, Box<dyn Session>, f64, f64)> = Vec::new();
        for choice in [EngineChoice::Rten, EngineChoice::OnnxRuntime] {
            match engine::select(choice, None, DeviceChoice::Cpu) {
                Ok(selected) => {
                    let session = selected.engine.load(&model.graph()?, &EngineOptions::default())?;
                    sessions.push((choice, session, f64::INFINITY, f64::INFINITY));
                }
                Err(error) => println!("  {choice}: {error}"),
            }
        }
        for _ in 0..repeats {
            for (choice, session, bare, whole) in &mut sessions {
                let begun = Instant::now();
                for batch in &batches {
                    run(session.as_mut(), batch, &model.outputs())?;
                }
                *bare = bare.min(begun.elapsed().as_secs_f64());
                let begun = Instant::now();
                extract_all(&model, &dataset, *choice)?;
                *whole = whole.min(begun.elapsed().as_secs_f64());
            }
        }
        for (choice, _, bare, whole) in &sessions {
            let rate = |seconds: f64| tokens as f64 / seconds;
            println!(
                "  {:<12} {:>9.0} tokens/s bare, {:>9.0} tokens/s in extraction",
                choice.name(),
                rate(*bare),
                rate(*whole)
            );
        }
        if let [(_, _, rten, _), (_, _, other, _)] = sessions.as_slice() {
            println!("  rten takes {:.2} times the time of onnxruntime", rten / other);
        }
    }
    Ok(())
}

fn batches(side: &TextSide, texts: &[String]) -> Result<(Vec<TokenBatch>, usize), Box<dyn Error>> {
    let processor = &side.processor;
    let mut sequences = texts
        .iter()
        .map(|text| processor.encode(text))
        .collect::<Result<Vec<_>, _>>()?;
    sequences.sort_by_key(|sequence| sequence.ids.len());
    let tokens = sequences.iter().map(|sequence| sequence.ids.len()).sum();
    let batch = |rows: &[Sequence]| processor.batch(&rows.iter().collect::<Vec<_>>());
    let batches = if processor.pads_freely() {
        sequences.chunks(ROWS).map(batch).collect()
    } else {
        let same = sequences.chunk_by(|a, b| a.ids.len() == b.ids.len());
        same.flat_map(|rows| rows.chunks(ROWS)).map(batch).collect()
    };
    Ok((batches, tokens))
}

fn run(session: &mut dyn Session, batch: &TokenBatch, outputs: &[&str]) -> Result<(), Box<dyn Error>> {
    let shape = [batch.rows, batch.length];
    let inputs: Vec<Input<'_>> = batch
        .feeds
        .iter()
        .map(|(name, values)| Input {
            name,
            shape: &shape,
            elements: Elements::I64(values),
        })
        .collect();
    session.run(&inputs, outputs)?;
    Ok(())
}

fn extract_all(
    model: &PreparedModel,
    dataset: &ranktune_data::Dataset,
    engine: EngineChoice,
) -> Result<(), Box<dyn Error>> {
    let options = ExtractOptions {
        engine,
        cache: CacheOptions::Off,
        ..ExtractOptions::default()
    };
    let digests = dataset.input_digests();
    let interrupt = Interrupt::default();
    let work = Extraction {
        models: std::slice::from_ref(model),
        dataset,
        digests: &digests,
        options: &options,
        progress: &Silent,
        interrupt: &interrupt,
    };
    extract(&work, |_, _| ())?;
    Ok(())
}
