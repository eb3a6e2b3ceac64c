//! Images as training samples: decoded once where memory allows, augmented, and preprocessed for one model.

use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use ranktune_data::image::{ImageError, decode};
use ranktune_data::{Digest, RgbImage, View, Views};
use ranktune_hub::ImageProcessor;
use ranktune_nn::HostTensor;
use ranktune_report::ranking::Unreadable;
use ranktune_train::{BatchInputs, EVALUATION_VIEW, LoadError, Pick, Samples};

/// Maximum memory of decoded images. Images beyond it are decoded at every use.
const DECODED_BYTES: usize = 512 << 20;

/// Decoded images, kept while memory allows.
pub(crate) struct Decoder {
    files: Vec<PathBuf>,
    kept: Vec<OnceLock<RgbImage>>,
    bytes: AtomicUsize,
}

impl Decoder {
    /// Reads all of `files` once. Returns the unreadable ones by position, with the reason.
    pub(crate) fn new(files: &[PathBuf]) -> (Self, Vec<(usize, Unreadable)>) {
        let decoder = Self {
            files: files.to_vec(),
            kept: files.iter().map(|_| OnceLock::new()).collect(),
            bytes: AtomicUsize::new(0),
        };
        let threads = thread::available_parallelism().map_or(1, NonZero::get);
        let next = AtomicUsize::new(0);
        let mut unreadable: Vec<(usize, Unreadable)> = thread::scope(|scope| {
            let workers: Vec<_> = (0..threads)
                .map(|_| {
                    scope.spawn(|| {
                        let mut failed = Vec::new();
                        loop {
                            let index = next.fetch_add(1, Ordering::Relaxed);
                            let Some(file) = decoder.files.get(index) else {
                                return failed;
                            };
                            if let Err(error) = decoder.with(index, |_| ()) {
                                let (file, reason) = (file.display().to_string(), error.reason());
                                failed.push((index, Unreadable { file, reason }));
                            }
                        }
                    })
                })
                .collect();
            workers
                .into_iter()
                .flat_map(|worker| worker.join().unwrap_or_default())
                .collect()
        });
        unreadable.sort_by_key(|(index, _)| *index);
        (decoder, unreadable)
    }

    fn with<T>(&self, index: usize, f: impl FnOnce(&RgbImage) -> T) -> Result<T, ImageError> {
        if let Some(image) = self.kept[index].get() {
            return Ok(f(image));
        }
        let image = decode(&self.files[index])?;
        let result = f(&image);
        let size = image.pixels.len();
        if self.bytes.fetch_add(size, Ordering::Relaxed) + size <= DECODED_BYTES {
            let _ = self.kept[index].set(image);
        } else {
            self.bytes.fetch_sub(size, Ordering::Relaxed);
        }
        Ok(result)
    }

    fn file(&self, index: usize) -> &Path {
        &self.files[index]
    }
}

/// Images of a decoder, as training samples of one model.
pub(crate) struct ImageSamples<'a> {
    pub(crate) decoder: &'a Decoder,
    /// Positions in the decoder, by sample.
    pub(crate) rows: &'a [usize],
    /// Digests of the contents of the samples, by which their views are drawn.
    pub(crate) digests: &'a [Digest],
    pub(crate) views: Views,
    pub(crate) processor: &'a ImageProcessor,
    /// Name of the graph's input.
    pub(crate) input: &'a str,
}

impl ImageSamples<'_> {
    fn view(&self, pick: Pick) -> Option<View> {
        if pick.view == EVALUATION_VIEW {
            return None;
        }
        self.views.view(&self.digests[pick.sample], pick.view)
    }
}

impl Samples for ImageSamples<'_> {
    fn n_samples(&self) -> usize {
        self.rows.len()
    }

    fn digest(&self) -> String {
        let mut bytes = self.processor.digest().as_bytes().to_vec();
        bytes.extend(format!("{}|{}|", self.views.augmentation, self.views.seed).into_bytes());
        self.digests.iter().for_each(|digest| bytes.extend(digest.as_bytes()));
        Digest::of(&bytes).to_string()
    }

    fn load(&self, picks: &[Pick]) -> Result<BatchInputs, LoadError> {
        let shape = self.processor.output_shape();
        let size = shape.iter().product::<usize>();
        let mut pixels = vec![0.0; picks.len() * size];
        for (&pick, into) in picks.iter().zip(pixels.chunks_exact_mut(size)) {
            let row = self.rows[pick.sample];
            let view = self.view(pick);
            let applied = self
                .decoder
                .with(row, |image| self.processor.apply_view(image, view.as_ref(), into));
            let named = |reason: &dyn std::fmt::Display| format!("{}: {reason}", self.decoder.file(row).display());
            applied
                .map_err(|reason| named(&reason))?
                .map_err(|error| named(&error))?;
        }
        let dims = [picks.len(), shape[0], shape[1], shape[2]];
        Ok(BatchInputs {
            feeds: vec![(self.input.to_owned(), HostTensor::floats(&dims, pixels)?)],
            rows: None,
        })
    }
}
