//! The data sets of a study: names, training and test samples, the metric that counts.

use std::path::Path;

use ranktune_core::Digest;
use ranktune_data::{Dataset, LoadOptions, Split, Task};
use ranktune_report::study::{StudyData, TestSource};

use super::options::{StudyInput, StudyOptions};
use crate::error::{Error, ErrorKind};
use crate::record::data_name;
use crate::scoring::scores_of_task;

/// A data set, drawn and split.
pub(super) struct StudySet {
    /// Unique in the study.
    pub(super) name: String,
    /// To rank with and to tune on.
    pub(super) train: Dataset,
    /// To measure tuned models on.
    pub(super) test: Dataset,
    test_source: TestSource,
    /// The metric of the test samples that counts.
    pub(super) metric: &'static str,
    /// The scores of the ranking; the first orders it.
    pub(super) scores: Vec<String>,
    digest: String,
}

impl StudySet {
    /// Reads the data set and draws its samples.
    ///
    /// # Errors
    /// [`ErrorKind::Data`] as [`load`](crate::load), or for too few samples to hold any out; [`ErrorKind::Arguments`] where no score that was
    /// asked for is defined for the task.
    pub(super) fn read(input: &StudyInput, name: String, options: &StudyOptions) -> Result<Self, Error> {
        let all = crate::load(&input.path, &input.load)?;
        let task = all.targets.task();
        let scores = scores_of_task(&options.scores, task)?;
        if scores.is_empty() {
            let message = format!(
                "{}: none of the scores {} is defined for the task {task}; name others with --scores, or leave it out for all",
                input.path.display(),
                options.scores.join(", ")
            );
            return Err(Error::new(ErrorKind::Arguments, message));
        }
        let (train, test, test_source) = match crate::load_test_split(&input.path, &input.load)? {
            Some(test) => (all, test, TestSource::Split),
            None => {
                let (train, test) = held_out(&all, options)?;
                (train, test, TestSource::HeldOut)
            }
        };
        let drawn = |samples: Dataset, limit: Option<usize>| match limit {
            Some(limit) => samples.subsample(limit, options.seed),
            None => samples,
        };
        let train = drawn(train, options.max_samples);
        let test = drawn(test, options.max_test_samples);
        let both = format!("{}{}", train.digest(), test.digest());
        Ok(Self {
            name,
            metric: metric_of(task),
            scores,
            digest: Digest::of(both.as_bytes()).to_string(),
            train,
            test,
            test_source,
        })
    }

    /// The data set as the documents have it.
    pub(super) fn document(&self, models: Vec<String>) -> StudyData {
        StudyData {
            name: self.name.clone(),
            path: self.train.path.display().to_string(),
            kind: self.train.kind().name().to_owned(),
            task: self.train.targets.task().name().to_owned(),
            metric: self.metric.to_owned(),
            samples: self.train.targets.n_predicted(),
            test_samples: self.test.targets.n_predicted(),
            test_source: self.test_source,
            classes: self.train.targets.names().len(),
            digest: self.digest.clone(),
            models,
        }
    }
}

/// Training samples, and a share of the data set that is held out.
fn held_out(all: &Dataset, options: &StudyOptions) -> Result<(Dataset, Dataset), Error> {
    let (train, test) = all.split(options.test_share, options.seed);
    if train.is_empty() || test.is_empty() {
        let message = format!(
            "{}: a share of {} leaves {} samples to train on and {} to test on; give more samples, or a test split",
            all.path.display(),
            options.test_share,
            train.len(),
            test.len()
        );
        return Err(Error::new(ErrorKind::Data, message));
    }
    Ok((all.select(&train)?, all.select(&test)?))
}

/// The metric of a task that counts: that by which checkpoints are chosen, or for numbers R², because more of it is better.
fn metric_of(task: Task) -> &'static str {
    match task {
        Task::MultiLabel => "map",
        Task::Regression => "r2",
        Task::Tokens => "f1",
        _ => "accuracy",
    }
}

/// A name for every data set: its folder or file, with folders above it where that is not enough.
///
/// # Errors
/// [`ErrorKind::Arguments`] without data sets, or where one is given twice.
pub(super) fn names(inputs: &[StudyInput]) -> Result<Vec<String>, Error> {
    if inputs.is_empty() {
        let message = "a study needs at least one data set; name some with --data";
        return Err(Error::new(ErrorKind::Arguments, message));
    }
    let of = |input: &StudyInput| match &input.load.name {
        // A repository is kept in a folder that is named by its commit.
        Some(name) => vec![data_name(name)],
        None => parts(&input.path),
    };
    let paths: Vec<Vec<String>> = inputs.iter().map(of).collect();
    let named = |path: &[String], depth: usize| path[path.len().saturating_sub(depth)..].join("-");
    let mut names: Vec<String> = Vec::new();
    for (place, path) in paths.iter().enumerate() {
        let is_unique = |depth: usize| {
            let others = paths.iter().enumerate().filter(|(other, _)| *other != place);
            others
                .into_iter()
                .all(|(_, other)| named(other, depth) != named(path, depth))
        };
        match (1..=path.len()).find(|depth| is_unique(*depth)) {
            Some(depth) => names.push(named(path, depth)),
            None => {
                let message = format!("data set {} is given twice", inputs[place].path.display());
                return Err(Error::new(ErrorKind::Arguments, message));
            }
        }
    }
    Ok(names)
}

/// The folders of a path, without the name of a split and without the ending of a file.
fn parts(path: &Path) -> Vec<String> {
    // `.` and links have the name of what they lead to.
    let full = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let mut parts: Vec<String> = full
        .components()
        .map(|part| part.as_os_str().to_string_lossy().into_owned())
        .collect();
    if full.is_file()
        && let (Some(last), Some(stem)) = (parts.last_mut(), full.file_stem())
    {
        *last = stem.to_string_lossy().into_owned();
    }
    let is_split = |name: &String| {
        let mut known = Split::ALL.iter().flat_map(|split| split.names());
        known.any(|split| name.eq_ignore_ascii_case(split))
    };
    if parts.len() > 1 && parts.last().is_some_and(is_split) {
        parts.pop();
    }
    parts
}

impl From<&Path> for StudyInput {
    fn from(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            load: LoadOptions::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names_of(paths: &[&str]) -> Result<Vec<String>, String> {
        let inputs: Vec<StudyInput> = paths.iter().map(|path| StudyInput::from(Path::new(path))).collect();
        names(&inputs).map_err(|error| error.to_string())
    }

    #[test]
    fn a_data_set_is_named_by_its_folder_or_file() {
        assert_eq!(
            names_of(&["nowhere/flowers", "nowhere/houses/train.csv"]).unwrap(),
            ["flowers", "train.csv"]
        );
        let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/data");
        let [digits, topics] = ["digits", "topics/train.jsonl"].map(|name| examples.join(name));
        let paths = [digits.to_str().unwrap(), topics.to_str().unwrap()];
        assert_eq!(names_of(&paths).unwrap(), ["digits", "topics"]);
    }

    #[test]
    fn equal_names_are_told_apart_by_the_folder_above() {
        assert_eq!(
            names_of(&["nowhere/a/flowers", "nowhere/b/flowers", "nowhere/cars"]).unwrap(),
            ["a-flowers", "b-flowers", "cars"]
        );
    }

    #[test]
    fn no_data_set_and_one_given_twice_are_refused() {
        assert!(names_of(&[]).unwrap_err().contains("at least one data set"));
        assert!(
            names_of(&["nowhere/a", "nowhere/a"])
                .unwrap_err()
                .contains("given twice")
        );
    }
}
