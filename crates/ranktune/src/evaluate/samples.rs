//! Target and prediction of every sample of an evaluation.

use ranktune_data::{Dataset, DatasetTargets};
use ranktune_report::evaluation::EvaluatedSamples;
use ranktune_scores::metrics::largest;

use crate::scoring::probabilities;

/// The rows of samples with `logits` `[n, c]`, in the order of `dataset`, whose targets are in the order of the model's outputs.
pub(super) fn of_samples(dataset: &Dataset, logits: &[f32], c: usize) -> EvaluatedSamples {
    let rows = logits.chunks_exact(c.max(1)).enumerate();
    let (header, cells): (Vec<String>, Vec<Vec<String>>) = match &dataset.targets {
        DatasetTargets::Classes { names, labels } => (
            strings(&["target", "prediction", "probability", "right"]),
            rows.zip(labels)
                .map(|((_, row), &label)| {
                    let found = largest(row);
                    let shares = probabilities(row, c).0;
                    vec![
                        names[label as usize].clone(),
                        names[found].clone(),
                        shares[found].to_string(),
                        (found == label as usize).to_string(),
                    ]
                })
                .collect(),
        ),
        DatasetTargets::MultiLabel { names, rows: labels } => (
            strings(&["target", "prediction"]),
            rows.zip(labels)
                .map(|((_, row), labels)| {
                    let target: Vec<&str> = labels.iter().map(|&label| names[label as usize].as_str()).collect();
                    let there = names.iter().zip(row).filter(|(_, logit)| **logit > 0.0);
                    let found: Vec<&str> = there.map(|(name, _)| name.as_str()).collect();
                    vec![target.join("|"), found.join("|")]
                })
                .collect(),
        ),
        DatasetTargets::Regression { names, values } => {
            let header = |name: &String| [format!("{name}_target"), format!("{name}_prediction")];
            (
                names.iter().flat_map(header).collect(),
                rows.zip(values.chunks_exact(c.max(1)))
                    .map(|((_, row), values)| {
                        let both = values.iter().zip(row);
                        both.flat_map(|(value, predicted)| [value.to_string(), predicted.to_string()])
                            .collect()
                    })
                    .collect(),
            )
        }
        DatasetTargets::Tags { .. } => (Vec::new(), Vec::new()),
    };
    let rows = cells.into_iter().enumerate().map(|(i, cells)| {
        let mut row = inputs(dataset, i);
        row.extend(cells);
        row
    });
    let mut names = match dataset.inputs.as_texts() {
        Some(texts) if texts.second.is_some() => strings(&["text", "text_pair"]),
        Some(_) => strings(&["text"]),
        None => strings(&["file"]),
    };
    names.extend(header);
    EvaluatedSamples {
        header: names,
        rows: rows.collect(),
    }
}

/// The rows of words with their tags, sentence after sentence; sentences are counted from 1.
pub(super) fn of_words(dataset: &Dataset, tags: &[usize]) -> EvaluatedSamples {
    let mut rows = Vec::new();
    if let (DatasetTargets::Tags { names, sentences, .. }, Some(inputs)) =
        (&dataset.targets, dataset.inputs.as_sentences())
    {
        let mut found = tags.iter();
        for (place, (words, targets)) in inputs.words.iter().zip(sentences).enumerate() {
            for ((word, &target), &found) in words.iter().zip(targets).zip(found.by_ref()) {
                rows.push(vec![
                    (place + 1).to_string(),
                    word.clone(),
                    names[target as usize].clone(),
                    names[found].clone(),
                ]);
            }
        }
    }
    EvaluatedSamples {
        header: strings(&["sentence", "word", "target", "prediction"]),
        rows,
    }
}

/// The cells that name input `i`: its file, its text, or its two texts.
fn inputs(dataset: &Dataset, i: usize) -> Vec<String> {
    match dataset.inputs.as_texts() {
        Some(texts) => {
            let second = texts.second.as_ref().map(|second| second[i].clone());
            std::iter::once(texts.first[i].clone()).chain(second).collect()
        }
        None => vec![dataset.inputs.place(i).display().to_string()],
    }
}

fn strings(names: &[&str]) -> Vec<String> {
    names.iter().map(|&name| name.to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use ranktune_data::{Inputs, TagScheme};

    use super::*;

    fn texts(targets: DatasetTargets) -> Dataset {
        let texts = Inputs::pairs(strings(&["a", "b"]), strings(&["c", "d"]));
        Dataset::new("memory", texts, targets).unwrap()
    }

    #[test]
    fn samples_of_every_task_have_their_target_beside_their_prediction() {
        let classes = texts(DatasetTargets::Classes {
            names: strings(&["no", "yes"]),
            labels: vec![0, 1],
        });
        let found = of_samples(&classes, &[0.0, 3.0_f32.ln(), -1e9, 0.0], 2);
        assert_eq!(
            found.header,
            ["text", "text_pair", "target", "prediction", "probability", "right"]
        );
        assert_eq!(found.rows[0][..4], ["a", "c", "no", "yes"]);
        assert!((found.rows[0][4].parse::<f64>().unwrap() - 0.75).abs() < 1e-6);
        assert_eq!(found.rows[1][2..], ["yes", "yes", "1", "true"]);
        let labels = texts(DatasetTargets::MultiLabel {
            names: strings(&["red", "blue"]),
            rows: vec![vec![0, 1], vec![]],
        });
        let found = of_samples(&labels, &[1.0, -1.0, -1.0, 2.0], 2);
        assert_eq!((&*found.rows[0][2], &*found.rows[0][3]), ("red|blue", "red"));
        assert_eq!((&*found.rows[1][2], &*found.rows[1][3]), ("", "blue"));
        let numbers = texts(DatasetTargets::Regression {
            names: strings(&["price"]),
            values: vec![1.5, -2.0],
        });
        let found = of_samples(&numbers, &[1.25, 0.5], 1);
        assert_eq!(found.header[2..], ["price_target", "price_prediction"]);
        assert_eq!(found.rows[1], ["b", "d", "-2", "0.5"]);
    }

    #[test]
    fn words_have_the_number_of_their_sentence() {
        let words = vec![strings(&["New", "York"]), strings(&["is"])];
        let targets = DatasetTargets::Tags {
            names: strings(&["O", "B-LOC"]),
            sentences: vec![vec![1, 1], vec![0]],
            scheme: TagScheme::Plain,
        };
        let dataset = Dataset::new("memory", Inputs::sentences(words), targets).unwrap();
        let found = of_words(&dataset, &[1, 0, 0]);
        assert_eq!(found.rows[1], ["1", "York", "B-LOC", "O"]);
        assert_eq!(found.rows[2], ["2", "is", "O", "O"]);
    }
}
