//! Extraction of the features of a small image set by one model of `examples/hub`, in images per second.
//!
//! ```text
//! cargo bench -p ranktune-features --bench extraction
//! ```

use std::path::{Path, PathBuf};

use divan::Bencher;
use divan::counter::ItemsCount;
use ranktune_core::{Interrupt, Silent};
use ranktune_data::{Dataset, LoadOptions};
use ranktune_features::engine::EngineChoice;
use ranktune_features::extract::{CacheOptions, DataKind, ExtractOptions, Extraction, PreparedModel, extract};
use ranktune_hub::{Hub, Source};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Images in a run: two batches of the engine at 224 px and more of smaller images.
const IMAGES: usize = 64;

fn main() {
    divan::main();
}

fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples")
}

fn images() -> Dataset {
    let data = examples().join("data/digits");
    let dataset = ranktune_data::load(&data, &LoadOptions::default()).expect("examples/data/digits is a data set");
    dataset.subsample(IMAGES, 0)
}

fn model(name: &str) -> PreparedModel {
    let folder = examples().join("hub").join(name);
    let hub = Hub::open(&[Source::from(folder.as_path())]).expect("a model of examples/hub");
    let options = ExtractOptions::default();
    PreparedModel::new(&hub.entries[0], Some(DataKind::Images), &options).expect("a model of images")
}

/// Decoding, preprocessing, inference and pooling, without the feature store.
#[divan::bench(args = [EngineChoice::Rten, EngineChoice::Burn], sample_count = 5, sample_size = 1)]
fn images_per_second(bencher: Bencher<'_, '_>, engine: EngineChoice) {
    let (dataset, model) = (images(), model("ppocr-text-orientation"));
    let digests = dataset.input_digests();
    let options = ExtractOptions {
        engine,
        cache: CacheOptions::Off,
        ..ExtractOptions::default()
    };
    let interrupt = Interrupt::default();
    let work = Extraction {
        models: std::slice::from_ref(&model),
        dataset: &dataset,
        digests: &digests,
        options: &options,
        progress: &Silent,
        interrupt: &interrupt,
    };
    bencher.counter(ItemsCount::new(dataset.n_samples())).bench_local(|| {
        let mut rows = 0;
        extract(&work, |_, outcome| {
            rows = outcome.features.expect("the model runs").n_rows();
        })
        .expect("every image can be read");
        rows
    });
}
