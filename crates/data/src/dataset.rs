//! A data set: inputs with targets, in a fixed order, and the digests that name it.
//!
//! Two kinds of digest, because two things are cached by them. [`Dataset::input_digests`] names what a model is fed, so
//! features are found again when the same images get other labels, another order, or move to another folder.
//! [`Dataset::digest`] names inputs and targets in order, which is what a score depends on. Neither depends on where files
//! lie or when they were written: hashing content costs little next to one inference, and a modification time can lie.

use std::fs::File;
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use crate::{Augmentation, Digest, Error, Result, Targets, Task, View, Views};
use ranktune_core::digest::FieldHasher;

/// What a model is fed.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Inputs {
    /// Image files.
    Images(Vec<PathBuf>),
    /// Views of image files; the same file may come several times, best in a row, as it is decoded once then.
    ImageViews {
        /// `[n]`
        files: Vec<PathBuf>,
        /// `[n]`; without a view, the plain preprocessing.
        views: Vec<Option<View>>,
    },
    /// Texts, with a second text each where the data are pairs.
    Texts {
        /// `[n]`
        first: Vec<String>,
        /// `[n]`, for pairs
        second: Option<Vec<String>>,
    },
    /// Sentences of words, each with a tag of its own: `[n]` lists.
    Sentences(Vec<Vec<String>>),
}

impl Inputs {
    /// Number of inputs, `n`; of sentences where the samples are words.
    pub fn len(&self) -> usize {
        match self {
            Self::Images(files) | Self::ImageViews { files, .. } => files.len(),
            Self::Texts { first, .. } => first.len(),
            Self::Sentences(sentences) => sentences.len(),
        }
    }

    /// The image files, `[n]`, if the inputs are images or views of images.
    pub fn files(&self) -> Option<&[PathBuf]> {
        match self {
            Self::Images(files) | Self::ImageViews { files, .. } => Some(files),
            Self::Texts { .. } | Self::Sentences(_) => None,
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn select(&self, indices: &[usize]) -> Self {
        match self {
            Self::Images(files) => Self::Images(pick(files, indices)),
            Self::ImageViews { files, views } => Self::ImageViews {
                files: pick(files, indices),
                views: pick(views, indices),
            },
            Self::Texts { first, second } => Self::Texts {
                first: pick(first, indices),
                second: second.as_ref().map(|second| pick(second, indices)),
            },
            Self::Sentences(sentences) => Self::Sentences(pick(sentences, indices)),
        }
    }

    fn digest(&self, i: usize) -> Digest {
        match self {
            Self::Images(files) => content_digest(&files[i]),
            Self::ImageViews { files, views } => match &views[i] {
                None => content_digest(&files[i]),
                Some(view) => of_view(&content_digest(&files[i]), view),
            },
            Self::Texts { first, second } => {
                let mut hasher = FieldHasher::new("ranktune text input 1");
                hasher.text(&first[i]);
                if let Some(second) = second {
                    hasher.text(&second[i]);
                }
                hasher.finish()
            }
            Self::Sentences(sentences) => {
                let mut hasher = FieldHasher::new("ranktune sentence input 1");
                hasher.number(sentences[i].len() as u64);
                sentences[i].iter().for_each(|word| hasher.text(word));
                hasher.finish()
            }
        }
    }
}

/// The task of a data set and why it was taken, for the user to read.
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
    /// Where it was read from: what the user named, or the split's folder or table within it.
    pub path: PathBuf,
    /// `n` inputs.
    pub inputs: Inputs,
    /// `n` targets.
    pub targets: Targets,
    /// The task and why it was taken.
    pub inferred: Inference,
    /// What the user should know: which split or table was taken, what was ignored, what was skipped and why.
    pub notes: Vec<String>,
    /// Rows left out because their target, text or file is missing; each kind is explained in `notes`.
    pub skipped: usize,
}

impl Dataset {
    /// A data set made in memory.
    ///
    /// # Errors
    /// `Invalid` if the numbers of inputs and targets differ.
    pub fn new(path: impl Into<PathBuf>, inputs: Inputs, targets: Targets) -> Result<Self> {
        let path = path.into();
        if inputs.len() != targets.n_samples()
            || matches!(&inputs, Inputs::Texts { first, second: Some(second) } if first.len() != second.len())
            || matches!(&inputs, Inputs::ImageViews { files, views } if files.len() != views.len())
        {
            let message = format!("there are {} inputs but {} targets", inputs.len(), targets.n_samples());
            return Err(Error::invalid(message).in_file(&path));
        }
        if let (Inputs::Sentences(words), Targets::Tags { sentences, .. }) = (&inputs, &targets) {
            let differs = words
                .iter()
                .zip(sentences)
                .position(|(words, tags)| words.len() != tags.len());
            if let Some(at) = differs {
                let (words, tags) = (words[at].len(), sentences[at].len());
                let message = format!("sentence {} has {words} words but {tags} tags", at + 1);
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

    /// The samples at `indices`, in their order (an index may come twice). Class and label names stay, even those that no
    /// longer occur, so that labels mean the same in every selection.
    ///
    /// # Errors
    /// `Invalid` if an index is not below `n`.
    pub fn select(&self, indices: &[usize]) -> Result<Self> {
        let n = self.n_samples();
        if let Some(index) = indices.iter().find(|&&index| index >= n) {
            return Err(Error::invalid(format!("sample {index} was asked for, but there are {n}")).in_file(&self.path));
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
    /// Without an augmentation there is one view an image, the plain preprocessing.
    ///
    /// # Errors
    /// `Invalid` if the inputs are not images.
    pub fn expand(&self, digests: &[Digest], views: &Views, count: u32) -> Result<(Self, Vec<Digest>)> {
        let Inputs::Images(files) = &self.inputs else {
            return Err(Error::invalid("only images have views").in_file(&self.path));
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
                named.push(view.as_ref().map_or(*digest, |view| of_view(digest, view)));
                drawn.push(view);
                indices.push(i);
            }
        }
        let mut dataset = self.select(&indices)?;
        dataset.inputs = Inputs::ImageViews {
            files: pick(files, &indices),
            views: drawn,
        };
        Ok((dataset, named))
    }

    /// The digest of every input's content, `[n]`, whatever its target: the BLAKE3 hash of an image file's bytes, a keyed
    /// hash of a text or pair of texts. Files are read in parallel.
    ///
    /// A file that cannot be read gets a digest of its path: whoever decodes it meets the same error and decides there
    /// whether to skip it or to stop, in one place for all reasons an image may be unusable.
    pub fn input_digests(&self) -> Vec<Digest> {
        (0..self.n_samples())
            .into_par_iter()
            .map(|i| self.inputs.digest(i))
            .collect()
    }

    /// The digest of inputs and targets in order. Where [`Self::input_digests`] is at hand, [`Self::digest_with`] spares
    /// reading the files again.
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

/// The digest of a view, from that of the image.
pub(crate) fn of_view(image: &Digest, view: &View) -> Digest {
    let mut hasher = blake3::Hasher::new_derive_key("ranktune image view 1");
    hasher.update(image.as_bytes()).update(&view.bytes());
    hasher.finalize().into()
}

fn content_digest(file: &Path) -> Digest {
    let mut hasher = blake3::Hasher::new();
    let read = File::open(file).and_then(|mut file| std::io::copy(&mut file, &mut hasher));
    match read {
        Ok(_) => hasher.finalize().into(),
        Err(_) => {
            let mut hasher = FieldHasher::new("ranktune unreadable input 1");
            hasher.text(&file.to_string_lossy());
            hasher.finish()
        }
    }
}

pub(crate) fn pick<T: Clone>(values: &[T], indices: &[usize]) -> Vec<T> {
    indices.iter().map(|&index| values[index].clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(texts: &[&str], labels: &[u32]) -> Dataset {
        let inputs = Inputs::Texts {
            first: texts.iter().map(|text| (*text).to_owned()).collect(),
            second: None,
        };
        let names = vec!["a".to_owned(), "b".to_owned()];
        let labels = labels.to_vec();
        Dataset::new("memory", inputs, Targets::Classes { names, labels }).unwrap()
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
    fn a_pair_of_texts_is_not_its_concatenation() {
        let pair = |first: &str, second: &str| Inputs::Texts {
            first: vec![first.to_owned()],
            second: Some(vec![second.to_owned()]),
        };
        assert_ne!(pair("ab", "c").digest(0), pair("a", "bc").digest(0));
    }

    #[test]
    fn an_images_digest_is_that_of_its_bytes_wherever_it_lies() {
        let folder = tempfile::tempdir().unwrap();
        let (a, b) = (folder.path().join("a.png"), folder.path().join("b.png"));
        std::fs::write(&a, b"same").unwrap();
        std::fs::write(&b, b"same").unwrap();
        assert_eq!(content_digest(&a), content_digest(&b));
        assert_eq!(content_digest(&a), blake3::hash(b"same").into());
        std::fs::write(&b, b"sane").unwrap();
        assert_ne!(content_digest(&a), content_digest(&b));
    }

    #[test]
    fn views_follow_their_image_and_have_digests_of_their_own() {
        let folder = tempfile::tempdir().unwrap();
        let files: Vec<PathBuf> = ["a", "b"].iter().map(|name| folder.path().join(name)).collect();
        files
            .iter()
            .for_each(|file| std::fs::write(file, file.as_os_str().as_encoded_bytes()).unwrap());
        let targets = Targets::Classes {
            names: vec!["p".to_owned(), "q".to_owned()],
            labels: vec![0, 1],
        };
        let dataset = Dataset::new("memory", Inputs::Images(files.clone()), targets).unwrap();
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
    fn files_that_cannot_be_read_have_digests_of_their_own() {
        let missing = |name: &str| content_digest(Path::new(name));
        assert_ne!(missing("/nowhere/a.png"), missing("/nowhere/b.png"));
        assert_ne!(missing("/nowhere/a.png"), blake3::hash(b"").into());
    }

    #[test]
    fn selecting_a_sample_that_is_not_there_is_an_error() {
        let error = texts(&["x", "y"], &[0, 1]).select(&[0, 2]).unwrap_err();
        assert_eq!(error.to_string(), "memory: sample 2 was asked for, but there are 2");
    }

    #[test]
    fn inputs_and_targets_of_different_number_are_refused() {
        let targets = Targets::Regression {
            names: vec!["y".to_owned()],
            values: vec![1.0],
        };
        let error = Dataset::new("memory", Inputs::Images(Vec::new()), targets).unwrap_err();
        assert_eq!(error.to_string(), "memory: there are 0 inputs but 1 targets");
    }
}
