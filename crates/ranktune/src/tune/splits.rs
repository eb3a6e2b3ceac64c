//! The samples, without unreadable ones, split for training, validation and test.

use ranktune_core::{Event, Progress, counted, one_line};
use ranktune_data::{Dataset, DatasetTargets, Digest, Task, Views};
use ranktune_features::extract::PreparedModel;
use ranktune_report::ranking::Unreadable;
use ranktune_report::training::TrainingData;
use ranktune_train::{Samples, TargetValues, TrainTargets};

use super::image_samples::{Decoder, ImageSamples};
use super::options::{TuneOptions, Validation};
use super::text_samples::TextSamples;
use crate::error::{Error, ErrorKind};
use crate::evaluate::ones;
use crate::labels::aligned;

/// A split of the data.
pub(crate) struct DataSplit {
    pub(crate) dataset: Dataset,
    /// Digests of the contents of the samples.
    pub(crate) digests: Vec<Digest>,
    pub(crate) targets: TrainTargets,
    /// The decoder of the images, and the positions of the samples there; none for texts.
    images: Option<(usize, Vec<usize>)>,
}

/// Samples of a split, prepared for a model.
pub(crate) type PreparedSamples<'a> = Box<dyn Samples + 'a>;

/// The splits of the data.
pub(crate) struct DataSplits {
    /// All readable samples of the data set, including the validation samples where they are a share of it.
    pub(crate) all: Dataset,
    /// Digests of their contents.
    pub(crate) all_digests: Vec<Digest>,
    /// The places of the training samples among them.
    pub(crate) train_rows: Vec<usize>,
    pub(crate) train: DataSplit,
    pub(crate) validation: Option<DataSplit>,
    pub(crate) test: Option<DataSplit>,
    pub(crate) views: Views,
    pub(crate) unreadable: Vec<Unreadable>,
    decoders: Vec<Decoder>,
}

impl DataSplits {
    /// Reads and splits the samples.
    ///
    /// # Errors
    /// [`ErrorKind::Data`] as in [`tune`](super::tune()).
    pub(crate) fn read(dataset: &Dataset, options: &TuneOptions, progress: &dyn Progress) -> Result<Self, Error> {
        let mut reader = SplitReader {
            max_unreadable: options.extract.max_unreadable,
            ..SplitReader::default()
        };
        let names = dataset.targets.names();
        let all = reader.read(dataset, progress)?;
        let (everything, all_digests) = (all.dataset.clone(), all.digests.clone());
        let mut train_rows: Vec<usize> = (0..everything.n_samples()).collect();
        let (train, validation) = match &options.validation {
            Validation::None => (all, None),
            Validation::Share(share) => {
                if !(*share > 0.0 && *share < 1.0) {
                    let message = format!("the share of validation samples must be above 0 and below 1, got {share}");
                    return Err(Error::new(ErrorKind::Arguments, message));
                }
                let (train, held) = all.dataset.split(*share, options.train.seed);
                if held.is_empty() {
                    let message = format!(
                        "{}: a share of {share} of {} leaves no validation samples; raise --validation, or pass none",
                        dataset.path.display(),
                        counted(all.dataset.n_samples(), "sample")
                    );
                    return Err(Error::new(ErrorKind::Data, message));
                }
                let parts = (all.select(&train)?, Some(all.select(&held)?));
                train_rows = train;
                parts
            }
            Validation::Data(data) => {
                let data = aligned(data, names, "the training data")?;
                (all, Some(reader.read(&data, progress)?))
            }
        };
        let test = match &options.test {
            Some(data) => Some(reader.read(&aligned(data, names, "the training data")?, progress)?),
            None => None,
        };
        every_class_occurs(&train.dataset)?;
        let noun = if train.dataset.kind().is_by_word() {
            "sentences"
        } else {
            "samples"
        };
        let held = validation.as_ref().map_or(0, |part| part.dataset.n_samples());
        progress.event(Event::Note(&format!(
            "{} {noun} to train on, {held} to validate on; task: {} ({})",
            train.dataset.n_samples(),
            dataset.inferred.task,
            dataset.inferred.reason
        )));
        Ok(Self {
            all: everything,
            all_digests,
            train_rows,
            train,
            validation,
            test,
            views: Views {
                augmentation: options.augmentation,
                seed: options.train.seed,
            },
            unreadable: reader.unreadable,
            decoders: reader.decoders,
        })
    }

    /// The training samples for a model. A note to `progress` says how many texts are truncated.
    ///
    /// # Errors
    /// [`ErrorKind::Hub`] for a model of another kind of data, or one whose tokenizer fails.
    pub(crate) fn training<'a>(
        &'a self,
        model: &'a PreparedModel,
        progress: &dyn Progress,
    ) -> Result<PreparedSamples<'a>, Error> {
        self.samples(&self.train, model, progress)
    }

    /// The validation samples for a model.
    ///
    /// # Errors
    /// As [`training`](Self::training).
    pub(crate) fn validation<'a>(
        &'a self,
        model: &'a PreparedModel,
        progress: &dyn Progress,
    ) -> Result<Option<PreparedSamples<'a>>, Error> {
        let part = self.validation.as_ref();
        part.map(|part| self.samples(part, model, progress)).transpose()
    }

    fn samples<'a>(
        &'a self,
        part: &'a DataSplit,
        model: &'a PreparedModel,
        progress: &dyn Progress,
    ) -> Result<PreparedSamples<'a>, Error> {
        match (model.images(), model.texts(), &part.images) {
            (Some(side), _, Some((decoder, rows))) => Ok(Box::new(ImageSamples {
                decoder: &self.decoders[*decoder],
                rows,
                digests: &part.digests,
                views: self.views,
                processor: &side.processor,
                input: &side.input,
            })),
            (_, Some(side), None) => {
                let samples = TextSamples::new(side, &part.dataset.inputs, &part.digests)
                    .map_err(|error| Error::new(ErrorKind::Hub, format!("{}: {}", model.name(), one_line(&*error))))?;
                if samples.truncated > 0 {
                    progress.event(Event::Note(&format!(
                        "{} of {} samples are longer than the maximum length of {} and were truncated",
                        samples.truncated,
                        part.dataset.n_samples(),
                        model.name()
                    )));
                }
                Ok(Box::new(samples))
            }
            _ => {
                let message = format!("model {} does not take this kind of data; choose another", model.name());
                Err(Error::new(ErrorKind::Hub, message))
            }
        }
    }

    /// Number of training samples.
    pub(crate) fn n_training(&self) -> usize {
        self.train.targets.n_samples()
    }

    /// Number of validation samples; words count, not sentences.
    pub(crate) fn n_validation(&self) -> usize {
        let part = self.validation.as_ref();
        part.map_or(0, |part| part.dataset.targets.n_predicted())
    }

    /// What the document of a run says of its data, which are those of `dataset`.
    pub(crate) fn describe(&self, dataset: &Dataset) -> TrainingData {
        TrainingData {
            path: dataset.path.display().to_string(),
            samples: self.train.dataset.targets.n_predicted(),
            validation_samples: self.n_validation(),
            classes: dataset.targets.names().to_vec(),
            digest: self.digest(),
            dataset_digest: Some(self.all.digest_with(&self.all_digests).to_string()),
        }
    }

    /// Digest of inputs and targets, validation samples included.
    pub(crate) fn digest(&self) -> String {
        let own = self.train.dataset.digest_with(&self.train.digests).to_string();
        match &self.validation {
            Some(part) => {
                let both = format!("{own}{}", part.dataset.digest_with(&part.digests));
                Digest::of(both.as_bytes()).to_string()
            }
            None => own,
        }
    }
}

#[derive(Default)]
struct SplitReader {
    decoders: Vec<Decoder>,
    unreadable: Vec<Unreadable>,
    /// The largest share of images that may be unreadable.
    max_unreadable: f64,
}

impl SplitReader {
    fn read(&mut self, dataset: &Dataset, progress: &dyn Progress) -> Result<DataSplit, Error> {
        let Some(files) = dataset.inputs.files() else {
            return Ok(DataSplit {
                digests: dataset.input_digests(),
                targets: targets(dataset)?,
                dataset: dataset.clone(),
                images: None,
            });
        };
        let (decoder, unreadable) = Decoder::new(files);
        let n = files.len();
        #[expect(clippy::cast_precision_loss, reason = "a limit need not be exact")]
        let limit = (n as f64 * self.max_unreadable).max(1.0);
        #[expect(clippy::cast_precision_loss, reason = "a count of files")]
        if unreadable.len() as f64 > limit {
            let first = unreadable.iter().take(3);
            let mut first: Vec<String> = first
                .map(|(_, sample)| format!("{}: {}", sample.file, sample.reason))
                .collect();
            if unreadable.len() > first.len() {
                first.push("…".to_owned());
            }
            let message = format!(
                "{} of {n} images cannot be read, more than {} % (--max-skipped): {}",
                unreadable.len(),
                100.0 * self.max_unreadable,
                first.join("; ")
            );
            return Err(Error::new(ErrorKind::Data, message));
        }
        let mut readable = vec![true; n];
        for (index, sample) in unreadable {
            readable[index] = false;
            progress.event(Event::Note(&format!("left out: {}: {}", sample.file, sample.reason)));
            self.unreadable.push(sample);
        }
        let rows: Vec<usize> = (0..n).filter(|&row| readable[row]).collect();
        self.decoders.push(decoder);
        let dataset = selected(dataset, &rows)?;
        Ok(DataSplit {
            digests: dataset.input_digests(),
            targets: targets(&dataset)?,
            dataset,
            images: Some((self.decoders.len() - 1, rows)),
        })
    }
}

impl DataSplit {
    fn select(&self, indices: &[usize]) -> Result<Self, Error> {
        let dataset = selected(&self.dataset, indices)?;
        Ok(Self {
            digests: indices.iter().map(|&index| self.digests[index]).collect(),
            images: self
                .images
                .as_ref()
                .map(|(decoder, rows)| (*decoder, indices.iter().map(|&index| rows[index]).collect())),
            targets: targets(&dataset)?,
            dataset,
        })
    }
}

fn selected(dataset: &Dataset, indices: &[usize]) -> Result<Dataset, Error> {
    dataset
        .select(indices)
        .map_err(|error| Error::new(ErrorKind::Data, error))
}

/// Targets as training takes them.
fn targets(dataset: &Dataset) -> Result<TrainTargets, Error> {
    let values = match &dataset.targets {
        DatasetTargets::Classes { names, labels } => TargetValues::Classes {
            labels: labels.clone(),
            n_classes: names.len(),
        },
        DatasetTargets::MultiLabel { names, rows } => TargetValues::MultiLabel {
            values: ones(rows, names.len()),
            n_labels: names.len(),
        },
        #[expect(clippy::cast_possible_truncation, reason = "training is in f32")]
        DatasetTargets::Regression { names, values } => TargetValues::Regression {
            values: values.iter().map(|value| *value as f32).collect(),
            n_outputs: names.len(),
        },
        DatasetTargets::Tags { names, sentences, .. } => {
            let ends = sentences.iter().scan(0, |end, tags| {
                *end += tags.len();
                Some(*end)
            });
            let offsets = std::iter::once(0).chain(ends).collect();
            let values = TargetValues::Classes {
                labels: sentences.concat(),
                n_classes: names.len(),
            };
            return TrainTargets::by_row(values, offsets).map_err(|error| Error::new(ErrorKind::Data, error));
        }
    };
    TrainTargets::new(values).map_err(|error| Error::new(ErrorKind::Data, error))
}

/// Refuses classes and labels without a training sample: their outputs would not be trained.
fn every_class_occurs(dataset: &Dataset) -> Result<(), Error> {
    let targets = &dataset.targets;
    if targets.task() == Task::Regression {
        return Ok(());
    }
    let mut seen = vec![false; targets.names().len()];
    for &label in (0..targets.n_samples()).flat_map(|i| targets.labels_of(i)) {
        seen[label as usize] = true;
    }
    let missing: Vec<&str> = seen
        .iter()
        .zip(targets.names())
        .filter(|(seen, _)| !**seen)
        .map(|(_, name)| name.as_str())
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    let message = format!(
        "{}: no training sample has the class {}; add samples of it, or remove it from the data",
        dataset.path.display(),
        missing.join(", ")
    );
    Err(Error::new(ErrorKind::Data, message))
}
