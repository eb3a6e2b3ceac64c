//! Methods against each other, on the models that all of them have tuned.

use ranktune_report::study::{MethodMean, MethodTable, StudyAccuracy, StudyData};

use super::accuracies::{deviation, mean};

/// A table for every data set.
pub(super) fn tables(data: &[StudyData], methods: &[String], accuracies: &[StudyAccuracy]) -> Vec<MethodTable> {
    data.iter().map(|data| table(data, methods, accuracies)).collect()
}

fn table(data: &StudyData, methods: &[String], accuracies: &[StudyAccuracy]) -> MethodTable {
    let row = |method: &String, model: &String| {
        let mut rows = accuracies.iter();
        rows.find(|row| (&row.data, &row.method, &row.model) == (&data.name, method, model))
    };
    // One list of rows a model, in the order of the methods.
    let models: Vec<Vec<&StudyAccuracy>> = data
        .models
        .iter()
        .filter_map(|model| methods.iter().map(|method| row(method, model)).collect())
        .collect();
    let of_method = |place: usize| {
        let values: Vec<f64> = models.iter().map(|rows| rows[place].value).collect();
        let differences: Vec<f64> = models.iter().map(|rows| rows[place].value - rows[0].value).collect();
        let seconds: Vec<f64> = models.iter().map(|rows| rows[place].seconds).collect();
        let spread = deviation(&differences).filter(|_| place > 0);
        MethodMean {
            method: methods[place].clone(),
            value: mean(&values),
            best: values.iter().copied().reduce(f64::max),
            difference: mean(&differences).filter(|_| place > 0),
            standard_error: spread.map(|spread| spread / (differences.len() as f64).sqrt()),
            seconds: mean(&seconds),
        }
    };
    MethodTable {
        data: data.name.clone(),
        metric: data.metric.clone(),
        models: models.len(),
        methods: (0..methods.len()).map(of_method).collect(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use ranktune_report::study::TestSource;

    use super::*;

    #[test]
    fn methods_are_compared_on_the_models_that_both_have_tuned() {
        let data = StudyData {
            name: "d".to_owned(),
            path: String::new(),
            kind: "images".to_owned(),
            task: "classification".to_owned(),
            metric: "accuracy".to_owned(),
            samples: 10,
            test_samples: 5,
            test_source: TestSource::Split,
            classes: 2,
            digest: String::new(),
            models: ["x", "y", "z"].map(str::to_owned).to_vec(),
        };
        let row = |model: &str, method: &str, value| StudyAccuracy {
            data: "d".to_owned(),
            model: model.to_owned(),
            method: method.to_owned(),
            metric: "accuracy".to_owned(),
            protocol: String::new(),
            value,
            deviation: None,
            values: vec![value],
            seconds: 2.0,
            scores: BTreeMap::new(),
            rungs: Vec::new(),
        };
        let rows = [
            row("x", "a", 0.5),
            row("y", "a", 0.7),
            row("z", "a", 0.9),
            row("x", "b", 0.6),
            row("y", "b", 0.7),
        ];
        let methods = ["a", "b"].map(str::to_owned);
        let tables = tables(std::slice::from_ref(&data), &methods, &rows);
        let [first, second] = &tables[0].methods[..] else {
            panic!()
        };
        assert_eq!(tables[0].models, 2);
        assert!((first.value.unwrap() - 0.6).abs() < 1e-12 && (second.value.unwrap() - 0.65).abs() < 1e-12);
        assert_eq!((first.difference, first.standard_error), (None, None));
        // Differences 0.1 and 0: mean 0.05, deviation 0.0707, standard error 0.05.
        assert!((second.difference.unwrap() - 0.05).abs() < 1e-12);
        assert!((second.standard_error.unwrap() - 0.05).abs() < 1e-12);
        assert_eq!(second.best, Some(0.7));
    }
}
