//! Targets of a data set, reordered to the names of another data set or a model.

use ranktune_core::names::did_you_mean;
use ranktune_data::{Dataset, Task};

use crate::error::{Error, ErrorKind};

/// `dataset` with its classes, labels or target columns in the order of `names`, the outputs of `whose`.
///
/// # Errors
/// [`ErrorKind::Data`] for a class, label or column that is not among `names`. The data set need not have all of them.
pub(crate) fn aligned(dataset: &Dataset, names: &[String], whose: &str) -> Result<Dataset, Error> {
    let own = dataset.targets.names();
    let places = own
        .iter()
        .map(|name| {
            let place = (0..).zip(names).find(|(_, known)| *known == name);
            place.map(|(place, _)| place).ok_or_else(|| {
                let message = format!(
                    "{}: {name:?} is not among the {} outputs of {whose}{}",
                    dataset.path.display(),
                    names.len(),
                    did_you_mean(name, names.iter().map(String::as_str))
                );
                Error::new(ErrorKind::Data, message)
            })
        })
        .collect::<Result<Vec<u32>, Error>>()?;
    if dataset.targets.task() == Task::Regression && own.len() != names.len() {
        let message = format!(
            "{}: the data set has {} target columns, but {whose} has {} outputs: {}",
            dataset.path.display(),
            own.len(),
            names.len(),
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
