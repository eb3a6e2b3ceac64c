//! The list of modalities. A modality is one file here and one line in [`MODALITIES`].

use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use ranktune_core::Digest;
use ranktune_data::{DataKind, Inputs};
use ranktune_hub::{GraphInput, InputModality};

use super::candidate::Candidate;
use super::input::{DatasetPart, InputSide, SampleSource};
use super::unusable::Unusable;
use crate::{Error, ErrorKind};

mod held;
mod images;
mod pairs;
mod texts;
mod words;

pub use images::ImageSide;
pub(super) use pairs::for_pairs;

/// The input side of a model that takes the modality; nothing for another model.
type Prepare = fn(&Candidate<'_>) -> Result<Option<Arc<dyn InputSide>>, Unusable>;

/// A modality and its constructors.
struct Modality {
    /// The data that it reads.
    kind: DataKind,
    /// The input side of a model; `None` if the model does not take this modality.
    prepare: Prepare,
    /// The samples of a data set; `None` for another modality.
    open: for<'a> fn(&'a Inputs) -> Option<Arc<dyn SampleSource<'a> + 'a>>,
}

/// All modalities, in the order in which a model is tried where the data are not known.
static MODALITIES: &[Modality] = &[images::MODALITY, texts::MODALITY, pairs::MODALITY, words::MODALITY];

/// The input side of a model.
///
/// # Errors
/// [`Unusable::NotApplicable`] for a model of another modality than the data; [`Unusable::Failed`] for a broken one.
pub(crate) fn prepare(candidate: &Candidate<'_>) -> Result<Arc<dyn InputSide>, Unusable> {
    let fits = |modality: &&Modality| candidate.data.is_none_or(|data| data == modality.kind);
    for modality in MODALITIES.iter().filter(fits) {
        if let Some(side) = (modality.prepare)(candidate)? {
            return Ok(side);
        }
    }
    let takes = takes(candidate);
    Err(Unusable::NotApplicable(match candidate.data {
        Some(data) => format!("{takes}, the data are {}", data.name()),
        None => takes,
    }))
}

/// A readable description of what the model takes.
fn takes(candidate: &Candidate<'_>) -> String {
    match (candidate.modality, candidate.inputs()) {
        (InputModality::Image, _) => "it takes images".to_owned(),
        (InputModality::Text, _) => "it takes texts".to_owned(),
        (_, [input]) => match GraphInput::from_value_info(input) {
            Err(error) => format!("it takes neither images nor texts ({error})"),
            Ok(_) => "it takes neither images nor texts".to_owned(),
        },
        (_, inputs) => format!("it takes {} inputs, neither images nor texts", inputs.len()),
    }
}

/// The samples of a data set, whatever their modality.
#[derive(Clone)]
pub(crate) struct Source<'a> {
    inputs: &'a Inputs,
    samples: Arc<dyn SampleSource<'a> + 'a>,
}

impl<'a> Source<'a> {
    /// The samples of `inputs`.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] for data that no model takes.
    pub(crate) fn new(inputs: &'a Inputs) -> Result<Self, Error> {
        let samples = MODALITIES.iter().find_map(|modality| (modality.open)(inputs));
        let Some(samples) = samples else {
            let message = format!("features of {} cannot be extracted", inputs.kind().name());
            return Err(Error::new(ErrorKind::InvalidInput, message));
        };
        Ok(Self { inputs, samples })
    }

    /// Number of samples.
    pub(crate) fn len(&self) -> usize {
        self.inputs.len()
    }

    /// The plural that counts samples.
    pub(crate) fn noun(&self) -> &'static str {
        self.inputs.kind().noun()
    }

    /// Consecutive parts of the data set, each of which fits in memory ready to be prepared.
    pub(crate) fn parts(&self) -> Vec<Range<usize>> {
        self.samples.parts()
    }

    /// The samples at `range`. `digests` are those of all samples, if they must still be the same.
    pub(crate) fn part(&self, range: Range<usize>, digests: Option<&'a [Digest]>) -> Box<dyn DatasetPart + 'a> {
        self.samples.part(range, digests)
    }

    /// The file of the sample at `row`, or its number.
    pub(crate) fn place(&self, row: usize) -> PathBuf {
        self.inputs.place(row)
    }

    /// Why the sample at `row` cannot be read, if it cannot.
    pub(crate) fn fault(&self, row: usize) -> Option<String> {
        self.inputs.fault(row)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_data_set_is_opened_by_the_modality_of_its_kind_and_no_other() {
        let texts = || vec!["a text".to_owned(), "another".to_owned()];
        let data = [
            Inputs::images(vec!["a.png".into(), "b.png".into()]),
            Inputs::texts(texts()),
            Inputs::pairs(texts(), texts()),
            Inputs::sentences(vec![texts(), texts()]),
        ];
        assert_eq!(data.len(), MODALITIES.len());
        for inputs in &data {
            let opened: Vec<DataKind> = MODALITIES
                .iter()
                .filter(|modality| (modality.open)(inputs).is_some())
                .map(|modality| modality.kind)
                .collect();
            assert_eq!(opened, [inputs.kind()]);
            let source = Source::new(inputs).unwrap();
            let parts = source.parts();
            assert_eq!((parts[0].start, parts[parts.len() - 1].end), (0, 2), "{parts:?}");
            assert!(parts.windows(2).all(|pair| pair[0].end == pair[1].start), "{parts:?}");
        }
    }
}
