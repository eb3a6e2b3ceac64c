//! Targets of a data set, reordered to the names of another data set or a model.

use ranktune_core::counted;
use ranktune_core::names::did_you_mean;
use ranktune_data::{Dataset, Task};

use crate::error::{Error, ErrorKind};

/// `dataset` with its classes, labels or target columns in the order of `names`, the outputs of `whose`. Names match exactly, or
/// else in another case, or else as indices of the outputs.
///
/// # Errors
/// [`ErrorKind::Data`] for a class, label or column that is not among `names`. The data set need not have all of them.
pub(crate) fn aligned(dataset: &Dataset, names: &[String], whose: &str) -> Result<Dataset, Error> {
    let own = dataset.targets.names();
    let match_names = Match::of(own, names);
    let places = own
        .iter()
        .map(|name| {
            match_names.place(name, names).ok_or_else(|| {
                let message = format!(
                    "{}: {name:?} is not among the {} of {whose}{}: {}",
                    dataset.path.display(),
                    counted(names.len(), "output"),
                    did_you_mean(name, names.iter().map(String::as_str)),
                    first_names(names)
                );
                Error::new(ErrorKind::Data, message)
            })
        })
        .collect::<Result<Vec<u32>, Error>>()?;
    if dataset.targets.task() == Task::Regression && own.len() != names.len() {
        let message = format!(
            "{}: the data set has {}, but {whose} has {}: {}",
            dataset.path.display(),
            counted(own.len(), "target column"),
            counted(names.len(), "output"),
            names.join(", ")
        );
        return Err(Error::new(ErrorKind::Data, message));
    }
    let targets = dataset.targets.renamed(names, &places);
    Ok(Dataset {
        targets,
        ..dataset.clone()
    })
}

/// How the names of a data set are found among those of a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Match {
    Exact,
    /// `Positive` is `positive`.
    AnyCase,
    /// The data set has the indices of the outputs, as tables without the names of their classes do.
    ByIndex,
}

impl Match {
    /// The first way in which all of `own` are found.
    fn of(own: &[String], names: &[String]) -> Self {
        let fits = |way: &Self| own.iter().all(|name| way.place(name, names).is_some());
        let ways = [Self::Exact, Self::AnyCase, Self::ByIndex];
        ways.into_iter().find(fits).unwrap_or(Self::Exact)
    }

    fn place(self, name: &str, names: &[String]) -> Option<u32> {
        let mut all = (0..).zip(names);
        match self {
            Self::Exact => all.find(|(_, known)| *known == name).map(|(place, _)| place),
            Self::AnyCase => {
                let same = |known: &str| known.to_lowercase() == name.to_lowercase();
                let mut found = all.filter(|(_, known)| same(known));
                let place = found.next()?.0;
                found.next().is_none().then_some(place)
            }
            Self::ByIndex => name.parse().ok().filter(|index: &u32| (*index as usize) < names.len()),
        }
    }
}

/// The first names, which show what kind of names they are.
fn first_names(names: &[String]) -> String {
    const SHOWN: usize = 5;
    let mut list: Vec<&str> = names.iter().take(SHOWN).map(String::as_str).collect();
    if names.len() > SHOWN {
        list.push("…");
    }
    list.join(", ")
}

#[cfg(test)]
mod tests {
    use ranktune_data::{DatasetTargets, Inputs};

    use super::*;

    fn named(names: &[&str]) -> Vec<String> {
        names.iter().map(|&name| name.to_owned()).collect()
    }

    fn dataset(targets: DatasetTargets) -> Dataset {
        let inputs = Inputs::texts(vec![String::new(); targets.n_samples()]);
        Dataset::new("data", inputs, targets).unwrap()
    }

    #[test]
    fn labels_mean_the_same_class_in_the_other_order() {
        let names = named(&["a", "c"]);
        let classes = dataset(DatasetTargets::Classes {
            names,
            labels: vec![0, 1, 1],
        });
        let found = aligned(&classes, &named(&["c", "b", "a"]), "the model").unwrap();
        assert_eq!(
            found.targets,
            DatasetTargets::Classes {
                names: named(&["c", "b", "a"]),
                labels: vec![2, 0, 0]
            }
        );
        let error = aligned(&classes, &named(&["a", "cc"]), "the model")
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("\"c\" is not among the 2 outputs of the model"),
            "{error}"
        );
    }

    #[test]
    fn indices_and_names_in_another_case_are_those_of_the_outputs() {
        let outputs = named(&["negative", "neutral", "positive"]);
        for names in [&["Negative", "POSITIVE"][..], &["0", "2"]] {
            let data = dataset(DatasetTargets::Classes {
                names: named(names),
                labels: vec![1, 0],
            });
            let found = aligned(&data, &outputs, "the model").unwrap();
            let DatasetTargets::Classes { labels, .. } = found.targets else {
                panic!()
            };
            assert_eq!(labels, [2, 0], "{names:?}");
        }
        for names in [&["0", "3"][..], &["-1", "1"], &["negative", "2"]] {
            let data = dataset(DatasetTargets::Classes {
                names: named(names),
                labels: vec![1, 0],
            });
            assert!(aligned(&data, &outputs, "the model").is_err(), "{names:?}");
        }
    }

    #[test]
    fn numbers_move_with_their_columns() {
        let numbers = dataset(DatasetTargets::Regression {
            names: named(&["x", "y"]),
            values: vec![1.0, 2.0, 3.0, 4.0],
        });
        let found = aligned(&numbers, &named(&["y", "x"]), "the model").unwrap();
        assert_eq!(
            found.targets,
            DatasetTargets::Regression {
                names: named(&["y", "x"]),
                values: vec![2.0, 1.0, 4.0, 3.0]
            }
        );
        assert!(aligned(&numbers, &named(&["y", "x", "z"]), "the model").is_err());
    }
}
