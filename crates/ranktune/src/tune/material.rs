//! The samples: read, the unreadable ones left out, and divided into those to train on and those to validate on.

use ranktune_core::{Event, Progress};
use ranktune_data::{Dataset, Digest, Targets, Task, Views};
use ranktune_features::extract::{InputSide, Prepared};
use ranktune_report::ranking::Unreadable;
use ranktune_train::{Samples, TargetValues, Targets as TrainTargets};

use super::images::{Decoder, ImageSamples};
use super::options::{TuneOptions, Validation};
use super::texts::TextSamples;
use crate::error::{Error, ErrorKind};
use crate::evaluate::ones;
use crate::labels::aligned;

/// The largest share of samples that may be unreadable, as in extraction.
const UNREADABLE_SHARE: f64 = 0.05;

/// A part of the data.
pub(crate) struct Part {
    pub(crate) dataset: Dataset,
    /// Content of every sample.
    pub(crate) digests: Vec<Digest>,
    pub(crate) targets: TrainTargets,
    /// Where images are decoded, and the positions of the samples there; none of texts.
    images: Option<(usize, Vec<usize>)>,
}

/// Samples of a part, prepared for a model.
pub(crate) type Loaded<'a> = Box<dyn Samples + 'a>;

/// Everything that is trained and validated on.
pub(crate) struct Material {
    /// All readable samples of the data set, those that are validated on too where they are a share of it.
    pub(crate) all: Dataset,
    /// Their content.
    pub(crate) all_digests: Vec<Digest>,
    /// The places of the training samples among them.
    pub(crate) train_rows: Vec<usize>,
    pub(crate) train: Part,
    pub(crate) held_out: Option<Part>,
    pub(crate) test: Option<Part>,
    pub(crate) views: Views,
    pub(crate) unreadable: Vec<Unreadable>,
    decoders: Vec<Decoder>,
}

impl Material {
    /// Reads and divides the samples.
    ///
    /// # Errors
    /// [`ErrorKind::Data`] as [`tune`](super::tune()) has it.
    pub(crate) fn gather(dataset: &Dataset, options: &TuneOptions, progress: &dyn Progress) -> Result<Self, Error> {
        let mut material = Collected::default();
        let names = dataset.targets.names();
        let all = material.read(dataset, progress)?;
        let (everything, all_digests) = (all.dataset.clone(), all.digests.clone());
        let mut train_rows: Vec<usize> = (0..everything.n_samples()).collect();
        let (train, held_out) = match &options.validation {
            Validation::None => (all, None),
            Validation::Share(share) => {
                if !(*share > 0.0 && *share < 1.0) {
                    let message = format!("the share of validation samples must be above 0 and below 1, got {share}");
                    return Err(Error::new(ErrorKind::Arguments, message));
                }
                let (train, held) = all.dataset.split(*share, options.train.seed);
                if held.is_empty() {
                    let message = format!(
                        "{}: a share of {share} of {} samples leaves none to validate on; raise --validation, or leave it out with none",
                        dataset.path.display(),
                        all.dataset.n_samples()
                    );
                    return Err(Error::new(ErrorKind::Data, message));
                }
                let parts = (all.select(&train)?, Some(all.select(&held)?));
                train_rows = train;
                parts
            }
            Validation::Data(data) => {
                let data = aligned(data, names, "the training data")?;
                (all, Some(material.read(&data, progress)?))
            }
        };
        let test = match &options.test {
            Some(data) => Some(material.read(&aligned(data, names, "the training data")?, progress)?),
            None => None,
        };
        every_class_occurs(&train.dataset)?;
        let noun = if train.dataset.kind().is_by_word() {
            "sentences"
        } else {
            "samples"
        };
        let held = held_out.as_ref().map_or(0, |part| part.dataset.n_samples());
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
            held_out,
            test,
            views: Views {
                augmentation: options.augmentation,
                seed: options.train.seed,
            },
            unreadable: material.unreadable,
            decoders: material.decoders,
        })
    }

    /// The training samples for a model; `progress` is told how many texts are longer than it takes.
    ///
    /// # Errors
    /// [`ErrorKind::Hub`] for a model of another kind of data, or one whose tokenizer fails.
    pub(crate) fn training<'a>(&'a self, model: &'a Prepared, progress: &dyn Progress) -> Result<Loaded<'a>, Error> {
        self.samples(&self.train, model, progress)
    }

    /// The validation samples for a model.
    ///
    /// # Errors
    /// As [`training`](Self::training).
    pub(crate) fn validation<'a>(
        &'a self,
        model: &'a Prepared,
        progress: &dyn Progress,
    ) -> Result<Option<Loaded<'a>>, Error> {
        let part = self.held_out.as_ref();
        part.map(|part| self.samples(part, model, progress)).transpose()
    }

    fn samples<'a>(
        &'a self,
        part: &'a Part,
        model: &'a Prepared,
        progress: &dyn Progress,
    ) -> Result<Loaded<'a>, Error> {
        match (model.side(), &part.images) {
            (InputSide::Image(side), Some((decoder, rows))) => Ok(Box::new(ImageSamples {
                decoder: &self.decoders[*decoder],
                rows,
                digests: &part.digests,
                views: self.views,
                processor: &side.processor,
                input: &side.input,
            })),
            (InputSide::Text(side), None) => {
                let samples = TextSamples::new(side, &part.dataset.inputs, &part.digests)
                    .map_err(|reason| Error::new(ErrorKind::Hub, format!("{}: {reason}", model.name())))?;
                if samples.cut > 0 {
                    progress.event(Event::Note(&format!(
                        "{} of {} samples are longer than {} takes, and were cut",
                        samples.cut,
                        part.dataset.n_samples(),
                        model.name()
                    )));
                }
                Ok(Box::new(samples))
            }
            _ => {
                let message = format!("model {} does not take this kind of data; name another", model.name());
                Err(Error::new(ErrorKind::Hub, message))
            }
        }
    }

    /// Digest of inputs and targets, validation samples included.
    pub(crate) fn digest(&self) -> String {
        let own = self.train.dataset.digest_with(&self.train.digests).to_string();
        match &self.held_out {
            Some(part) => {
                let both = format!("{own}{}", part.dataset.digest_with(&part.digests));
                Digest::of(both.as_bytes()).to_string()
            }
            None => own,
        }
    }
}

#[derive(Default)]
struct Collected {
    decoders: Vec<Decoder>,
    unreadable: Vec<Unreadable>,
}

impl Collected {
    fn read(&mut self, dataset: &Dataset, progress: &dyn Progress) -> Result<Part, Error> {
        let Some(files) = dataset.inputs.files() else {
            return Ok(Part {
                digests: dataset.input_digests(),
                targets: targets(dataset)?,
                dataset: dataset.clone(),
                images: None,
            });
        };
        let (decoder, unreadable) = Decoder::new(files);
        let n = files.len();
        #[expect(clippy::cast_precision_loss, reason = "a limit need not be exact")]
        let limit = (n as f64 * UNREADABLE_SHARE).max(1.0);
        #[expect(clippy::cast_precision_loss, reason = "a count of files")]
        if unreadable.len() as f64 > limit {
            let (_, first) = &unreadable[0];
            let message = format!(
                "{} of {n} images cannot be read, more than {:.0} %; the first one: {}: {}",
                unreadable.len(),
                100.0 * UNREADABLE_SHARE,
                first.file,
                first.reason
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
        Ok(Part {
            digests: dataset.input_digests(),
            targets: targets(&dataset)?,
            dataset,
            images: Some((self.decoders.len() - 1, rows)),
        })
    }
}

impl Part {
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
        Targets::Classes { names, labels } => TargetValues::Classes {
            labels: labels.clone(),
            n_classes: names.len(),
        },
        Targets::MultiLabel { names, rows } => TargetValues::MultiLabel {
            values: ones(rows, names.len()),
            n_labels: names.len(),
        },
        #[expect(clippy::cast_possible_truncation, reason = "training is in f32")]
        Targets::Regression { names, values } => TargetValues::Regression {
            values: values.iter().map(|value| *value as f32).collect(),
            n_outputs: names.len(),
        },
        Targets::Tags { names, sentences, .. } => {
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

/// Refuses classes and labels that no training sample has: their output would never be learnt.
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
        "{}: no training sample has the class {}; add samples of it, or take it out of the data",
        dataset.path.display(),
        missing.join(", ")
    );
    Err(Error::new(ErrorKind::Data, message))
}
