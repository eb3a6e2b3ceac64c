//! Statistics as a value: what `--save-statistics` saves, for programs that add and keep them themselves.

use std::path::Path;

use ranktune_data::Task;
use ranktune_scores::{Precision, Statistics};

use super::saved::{self, Part};
use super::shards::Shards;
use super::{Fitted, Saving, ScoreFileOptions, ScoreFiles, check, from_part, score_names, stream, wanted};
use crate::error::{Error, ErrorKind};

/// The statistics of some samples, with their task and the names of their classes or target columns. All that most scores need.
///
/// # Examples
/// ```
/// use ranktune::{MemoryArray, SavedStatistics, ScoreFileOptions, ScoreFiles};
///
/// let statistics = |features: &[f32], labels: &[u8]| {
///     let bytes: Vec<u8> = features.iter().flat_map(|number| number.to_le_bytes()).collect();
///     let array = |name: &str, dtype: &str, shape, bytes| MemoryArray {
///         name: name.into(), dtype: dtype.into(), column_major: false, shape, bytes,
///     };
///     let files = ScoreFiles {
///         features: vec![array("F", "<f4", vec![labels.len(), 1], bytes.as_slice()).into()],
///         targets: vec![array("y", "|u1", vec![labels.len()], labels).into()],
///         ..ScoreFiles::default()
///     };
///     SavedStatistics::of(&files, &ScoreFileOptions::default())
/// };
/// let mut all = statistics(&[1.0, 1.1], &[0, 0])?;
/// all.merge(&statistics(&[2.0, 2.2], &[1, 1])?)?;
/// assert_eq!((all.n_samples(), all.names()), (4, ["0".to_owned(), "1".to_owned()].as_slice()));
/// assert!(all.fit(&ScoreFileOptions::default())?.scores.scores["logme"]["value"].is_number());
/// # Ok::<(), ranktune::Error>(())
/// ```
#[derive(Clone)]
pub struct SavedStatistics(Part);

impl std::fmt::Debug for SavedStatistics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "SavedStatistics({}, {} × {})",
            self.0.task,
            self.n_samples(),
            self.n_features()
        )
    }
}

impl SavedStatistics {
    /// The statistics that `ranktune score` would save for these files: with groups where standard errors are asked for, and with
    /// those of every class where they are small or a score asks for them.
    ///
    /// # Errors
    /// As [`score`](super::score) for the files.
    pub fn of(files: &ScoreFiles<'_>, options: &ScoreFileOptions) -> Result<Self, Error> {
        let mut shards = Shards::open(files, options.task)?;
        let names = score_names(options, files, Some(&shards))?;
        let wanted = wanted(&shards, &names, options, Saving::Yes);
        let (part, _) = stream::part(&mut shards, wanted)?;
        Ok(Self(part))
    }

    /// Adds the statistics of other samples. Classes are those of both.
    ///
    /// # Errors
    /// [`ErrorKind::Data`] where the tasks, the numbers of features or the target columns differ.
    pub fn merge(&mut self, other: &Self) -> Result<(), Error> {
        self.0 = saved::merge(vec![self.0.clone(), other.0.clone()])?;
        Ok(())
    }

    /// Takes away samples that were added before.
    ///
    /// # Errors
    /// As [`merge`](Self::merge); [`ErrorKind::Data`] for a class that `self` does not have; [`ErrorKind::Scores`] where no more
    /// samples than features would be left, or `other` has more samples of a class.
    pub fn subtract(&mut self, other: &Self) -> Result<(), Error> {
        self.0.subtract(&other.0)
    }

    /// The content of the file that `ranktune score --save-statistics` writes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        // A vector takes everything.
        let _ = self.0.write_to(&mut bytes);
        bytes
    }

    /// Reads the content of such a file, which errors call `name`.
    ///
    /// # Errors
    /// [`ErrorKind::Data`] for other, damaged or truncated bytes.
    pub fn from_bytes(bytes: &[u8], name: &str) -> Result<Self, Error> {
        Part::from_bytes(bytes, Path::new(name)).map(Self)
    }

    /// Scores, by default LogME.
    ///
    /// # Errors
    /// [`ErrorKind::Arguments`] for an unknown score, or one that needs rows or probabilities; [`ErrorKind::Scores`] for a score
    /// that is not defined for these samples, as for a single class.
    pub fn fit(&self, options: &ScoreFileOptions) -> Result<Fitted, Error> {
        let files = ScoreFiles::default();
        let names = score_names(options, &files, None)?;
        check(&names, None, std::slice::from_ref(&self.0), options)?;
        // The sums have been made; what is computed from them is in f64.
        let options = ScoreFileOptions {
            precision: Precision::Double,
            ..options.clone()
        };
        from_part(&self.0, None, None, &names, &options).map(super::document::Scored::fitted)
    }

    /// Number of samples, `n`.
    pub fn n_samples(&self) -> usize {
        self.0.groups.iter().map(Statistics::n_samples).sum()
    }

    /// Number of features, `d`.
    pub fn n_features(&self) -> usize {
        self.0.groups.first().map_or(0, Statistics::n_features)
    }

    /// Names of the classes, labels or target columns, in order.
    pub fn names(&self) -> &[String] {
        &self.0.names
    }

    /// The task.
    pub fn task(&self) -> Task {
        self.0.task
    }
}

impl Part {
    fn subtract(&mut self, other: &Self) -> Result<(), Error> {
        saved::fits(self, other, "the statistics to take away", "those they are taken from")?;
        let mut other = other.clone();
        if self.task == Task::Classification {
            let numbers = numbers(&self.names, &other.names)?;
            for group in other.groups.iter_mut().chain(other.classes.iter_mut().flatten()) {
                group.renumber(&numbers, self.names.len())?;
            }
            if let Some(classes) = &mut other.classes {
                *classes = saved::by_number(classes, &numbers, self.names.len(), &self.groups[0])?;
            }
        }
        let mut left = self.clone();
        if left.groups.len() == other.groups.len() {
            for (own, theirs) in left.groups.iter_mut().zip(&other.groups) {
                own.subtract(theirs)?;
            }
        } else {
            let mut total = left.total()?.into_owned();
            total.subtract(&*other.total()?)?;
            left.groups = vec![total];
            left.seed = None;
        }
        // A class with no more samples than features cannot be subtracted from, and is needed by few scores.
        left.classes = match (left.classes.take(), &other.classes) {
            (Some(mut own), Some(others)) => own
                .iter_mut()
                .zip(others)
                .all(|(own, theirs)| own.subtract(theirs).is_ok())
                .then_some(own),
            _ => None,
        };
        *self = left;
        Ok(())
    }
}

/// The index in `all` of each of `some`.
fn numbers(all: &[String], some: &[String]) -> Result<Vec<u32>, Error> {
    let index = |name: &String| all.iter().position(|known| known == name);
    if let Some(unknown) = some.iter().find(|name| index(name).is_none()) {
        let message = format!("the statistics to take away are of a class that the others do not have: {unknown:?}");
        return Err(Error::new(ErrorKind::Data, message));
    }
    Ok(some
        .iter()
        .filter_map(|name| u32::try_from(index(name)?).ok())
        .collect())
}
