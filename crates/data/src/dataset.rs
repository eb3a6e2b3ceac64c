//! A data set: inputs with targets, in a fixed order, and the digests that identify it.
//!
//! There are two kinds of digest, for two caches. [`Dataset::input_digests`] identify the inputs of a model, so cached
//! features are found again if the same images get other labels, another order, or move to another folder.
//! [`Dataset::digest`] identifies inputs and targets in order, which is what a score depends on. Neither depends on paths or
//! modification times: hashing content costs little beside one inference, and a modification time can be wrong.

use std::path::PathBuf;

use ranktune_core::digest::FieldHasher;
use rayon::prelude::*;

use crate::modality::{Images, pick, view_digest};
use crate::{Augmentation, DataKind, DatasetTargets, Digest, Error, Inputs, Result, Task, Views};

/// The task of a data set and the reason for it, for the user to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inference {
    /// The task.
    pub task: Task,
    /// Why: `column "label" holds 5 different texts`.
    pub reason: String,
}

/// Inputs with their targets, `n` of each, in the order that the digest fixes.
#[derive(Clone, Debug, PartialEq)]
pub struct Dataset {
    /// Where it was read from: the path that the user named, or the folder or table of the split within it.
    pub path: PathBuf,
    /// `n` inputs.
    pub inputs: Inputs,
    /// `n` targets.
    pub targets: DatasetTargets,
    /// The task and the reason for it.
    pub inferred: Inference,
    /// What the user should know: which split or table was read, what was ignored, which rows were skipped and why.
    pub notes: Vec<String>,
    /// Rows that were skipped because their target, text or file is missing; `notes` has the reasons. Rows whose target says that
    /// there is none are only in `notes`.
    pub skipped: usize,
}

impl Dataset {
    /// A data set made in memory.
    ///
    /// # Errors
    /// `Invalid` if inputs and targets, or the words and the tags of a sentence, differ in number.
    pub fn new(path: impl Into<PathBuf>, inputs: Inputs, targets: DatasetTargets) -> Result<Self> {
        let path = path.into();
        inputs.check().map_err(|error| error.in_file(&path))?;
        if inputs.len() != targets.n_samples() {
            let message = format!("there are {} inputs but {} targets", inputs.len(), targets.n_samples());
            return Err(Error::invalid(message).in_file(&path));
        }
        if let (Inputs::Sentences(inputs), DatasetTargets::Tags { sentences, .. }) = (&inputs, &targets) {
            let mut pairs = inputs.words.iter().zip(sentences).enumerate();
            if let Some((i, (words, tags))) = pairs.find(|(_, (words, tags))| words.len() != tags.len()) {
                let message = format!("sentence {} has {} words but {} tags", i + 1, words.len(), tags.len());
                return Err(Error::invalid(message).in_file(&path));
            }
        }
        let inferred = Inference {
            task: targets.task(),
            reason: "given".to_owned(),
        };
        Ok(Self {
            path,
            inputs,
            targets,
            inferred,
            notes: Vec::new(),
            skipped: 0,
        })
    }

    /// Number of samples, `n`.
    pub fn n_samples(&self) -> usize {
        self.inputs.len()
    }

    /// What the samples are.
    pub fn kind(&self) -> DataKind {
        self.inputs.kind()
    }

    /// The samples at `indices`, in their order (an index may occur twice). Class and label names are kept, even those that no
    /// longer occur, so that labels mean the same in every selection.
    ///
    /// # Errors
    /// `Invalid` if an index is not below `n`.
    pub fn select(&self, indices: &[usize]) -> Result<Self> {
        let n = self.n_samples();
        if let Some(index) = indices.iter().find(|&&index| index >= n) {
            return Err(Error::invalid(format!("sample {index} was requested, but there are {n}")).in_file(&self.path));
        }
        Ok(Self {
            path: self.path.clone(),
            inputs: self.inputs.select(indices),
            targets: self.targets.select(indices),
            inferred: self.inferred.clone(),
            notes: self.notes.clone(),
            skipped: self.skipped,
        })
    }

    /// The first `count` views of every image, sample after sample, with their digests; `digests` are those of the images.
    /// Without an augmentation an image has one view, the plain preprocessing.
    ///
    /// # Errors
    /// `Invalid` if the inputs are not images.
    pub fn expand(&self, digests: &[Digest], views: &Views, count: u32) -> Result<(Self, Vec<Digest>)> {
        let Some(files) = self.inputs.files() else {
            let message = format!("only images have views, found {}", self.kind().name());
            return Err(Error::invalid(message).in_file(&self.path));
        };
        let count = if views.augmentation == Augmentation::None {
            1
        } else {
            count
        };
        let mut indices = Vec::new();
        let (mut drawn, mut named) = (Vec::new(), Vec::new());
        for (i, digest) in digests.iter().enumerate() {
            for v in 0..count {
                let view = views.view(digest, v);
                named.push(view.as_ref().map_or(*digest, |view| view_digest(digest, view)));
                drawn.push(view);
                indices.push(i);
            }
        }
        let mut dataset = self.select(&indices)?;
        dataset.inputs = Inputs::Images(Images {
            files: pick(files, &indices),
            views: Some(drawn),
        });
        Ok((dataset, named))
    }

    /// The digest of every input's content, `[n]`, whatever its target: the BLAKE3 hash of an image file's bytes, a keyed
    /// hash of a text or pair of texts. Files are read in parallel.
    ///
    /// A file that cannot be read gets the digest of its path. Decoding it fails with the same error, and one place decides
    /// about all images that cannot be used.
    pub fn input_digests(&self) -> Vec<Digest> {
        (0..self.n_samples())
            .into_par_iter()
            .map(|i| self.inputs.digest(i))
            .collect()
    }

    /// The digest of inputs and targets in order. If [`Self::input_digests`] are known already, [`Self::digest_with`] does not
    /// read the files again.
    pub fn digest(&self) -> Digest {
        self.digest_with(&self.input_digests())
    }

    /// [`Self::digest`] from this data set's own [`Self::input_digests`].
    pub fn digest_with(&self, input_digests: &[Digest]) -> Digest {
        let mut hasher = FieldHasher::new("ranktune data set 1");
        hasher.number(input_digests.len() as u64);
        for digest in input_digests {
            hasher.digest(digest);
        }
        self.targets.hash_into(&mut hasher);
        hasher.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(texts: &[&str], labels: &[u32]) -> Dataset {
        let inputs = Inputs::texts(texts.iter().map(|text| (*text).to_owned()).collect());
        let names = vec!["a".to_owned(), "b".to_owned()];
        let labels = labels.to_vec();
        Dataset::new("memory", inputs, DatasetTargets::Classes { names, labels }).unwrap()
    }

    #[test]
    fn the_digest_changes_with_content_target_and_order_and_with_nothing_else() {
        let base = texts(&["x", "y", "z"], &[0, 1, 0]);
        let mut moved = base.clone();
        moved.path = "elsewhere".into();
        moved.notes.push("a note".to_owned());
        assert_eq!(base.digest(), moved.digest());
        assert_ne!(base.digest(), texts(&["x", "y", "w"], &[0, 1, 0]).digest());
        assert_ne!(base.digest(), texts(&["x", "y", "z"], &[0, 1, 1]).digest());
        assert_ne!(base.digest(), base.select(&[1, 0, 2]).unwrap().digest());
    }

    #[test]
    fn inputs_keep_their_digests_when_labels_change() {
        assert_eq!(
            texts(&["x", "y"], &[0, 1]).input_digests(),
            texts(&["x", "y"], &[1, 0]).input_digests()
        );
    }

    #[test]
    fn views_follow_their_image_and_have_digests_of_their_own() {
        let folder = tempfile::tempdir().unwrap();
        let files: Vec<PathBuf> = ["a", "b"].iter().map(|name| folder.path().join(name)).collect();
        files
            .iter()
            .for_each(|file| std::fs::write(file, file.as_os_str().as_encoded_bytes()).unwrap());
        let targets = DatasetTargets::Classes {
            names: vec!["p".to_owned(), "q".to_owned()],
            labels: vec![0, 1],
        };
        let dataset = Dataset::new("memory", Inputs::images(files.clone()), targets).unwrap();
        let digests = dataset.input_digests();
        let (seed, augmentation) = (1, Augmentation::default());
        let (views, named) = dataset.expand(&digests, &Views { augmentation, seed }, 3).unwrap();
        assert_eq!(views.n_samples(), 6);
        assert_eq!(
            views.inputs.files().unwrap()[2..4],
            [files[0].clone(), files[1].clone()]
        );
        assert_eq!(views.input_digests(), named);
        let distinct: std::collections::HashSet<_> = named.iter().collect();
        assert_eq!(distinct.len(), 6);
        // Without an augmentation a view is the image itself, by its digest too.
        let augmentation = Augmentation::None;
        let (plain, named) = dataset.expand(&digests, &Views { augmentation, seed }, 3).unwrap();
        assert_eq!((plain.n_samples(), named), (2, digests));
    }

    #[test]
    fn selecting_a_sample_that_is_not_there_is_an_error() {
        let error = texts(&["x", "y"], &[0, 1]).select(&[0, 2]).unwrap_err();
        assert_eq!(error.to_string(), "memory: sample 2 was requested, but there are 2");
    }

    #[test]
    fn inputs_and_targets_of_different_number_are_refused() {
        let targets = DatasetTargets::Regression {
            names: vec!["y".to_owned()],
            values: vec![1.0],
        };
        let error = Dataset::new("memory", Inputs::images(Vec::new()), targets).unwrap_err();
        assert_eq!(error.to_string(), "memory: there are 0 inputs but 1 targets");
    }
}
