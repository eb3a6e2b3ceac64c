//! The model card of a tuned model: `README.md` with metadata that the Hugging Face hub reads.

use serde_json::Value;

use ranktune_core::counted;

use super::Training;
use crate::format::metric_cell;

/// What a card states beside the document of the run.
#[derive(Clone, Copy, Debug)]
pub struct CardFacts<'a> {
    /// `images`, `texts` or `sentences`.
    pub kind: &'a str,
    /// Name of the data set.
    pub data: &'a str,
    /// Identifiers of the licenses of the model before tuning; empty where they are unknown.
    pub licenses: &'a [String],
    /// Number of weights of the tuned model.
    pub parameters: u64,
}

impl Training {
    /// The model card in Markdown. It has no path and no date.
    pub fn card(&self, facts: &CardFacts<'_>) -> String {
        format!("---\n{}---\n\n{}", self.metadata(facts), self.body(facts))
    }

    /// The metadata in YAML. Texts are written as JSON strings, which YAML reads as they are.
    fn metadata(&self, facts: &CardFacts<'_>) -> String {
        let mut text = String::new();
        match facts.licenses {
            [] => {}
            [one] => text.push_str(&format!("license: {}\n", quoted(one))),
            several => {
                text.push_str("license:\n");
                several
                    .iter()
                    .for_each(|name| text.push_str(&format!("- {}\n", quoted(name))));
            }
        }
        if let Some(repository) = self.repository() {
            text.push_str(&format!("base_model: {}\n", quoted(repository)));
        }
        text.push_str("library_name: onnx\n");
        let task = self.pipeline(facts.kind);
        if let Some(task) = task {
            text.push_str(&format!("pipeline_tag: {task}\n"));
        }
        text.push_str(&format!("tags:\n- onnx\n- ranktune\n- {}\n", quoted(&self.method)));
        let measured = self.measured();
        if let (Some((split, metrics)), Some(task)) = (measured, task) {
            let data = quoted(facts.data);
            text.push_str(&format!(
                "model-index:\n- name: {}\n  results:\n  - task:\n      type: {task}\n    dataset:\n      name: {data}\n      type: {data}\n      split: {split}\n    metrics:\n",
                quoted(&self.model)
            ));
            for (name, value) in metrics {
                if let Some(value) = value.as_f64() {
                    text.push_str(&format!("    - type: {}\n      value: {value}\n", quoted(name)));
                }
            }
        }
        text
    }

    fn body(&self, facts: &CardFacts<'_>) -> String {
        let data = code(facts.data);
        let mut text = format!(
            "# {}, tuned on {data}\n\nMade by ranktune from {} with the method `{}`: {} training samples, {} validation samples, {}, \
             seed {}. `training.json` has all settings.\n",
            code(&self.model),
            self.source.as_deref().map_or_else(|| code(&self.model), code),
            self.method,
            self.data.samples,
            self.data.validation_samples,
            counted(self.epochs, "epoch"),
            self.seed
        );
        let splits = [
            ("test", &self.metrics.test),
            ("validation", &self.metrics.validation),
            ("train", &self.metrics.train),
        ];
        let filled: Vec<_> = splits.iter().filter(|(_, metrics)| !metrics.is_empty()).collect();
        if let Some((_, first)) = filled.first() {
            text.push_str("\n## Metrics\n\n| metric |");
            filled
                .iter()
                .for_each(|(split, _)| text.push_str(&format!(" {split} |")));
            text.push_str(&format!("\n|---|{}\n", "---:|".repeat(filled.len())));
            for name in first.keys() {
                text.push_str(&format!("| {name} |"));
                for (_, metrics) in &filled {
                    let cell = metrics.get(name).map_or_else(|| "–".to_owned(), metric_cell);
                    text.push_str(&format!(" {cell} |"));
                }
                text.push('\n');
            }
            if self.metrics.test.is_empty() {
                text.push_str("\nNo test samples were given. The validation samples chose the epoch and the settings, so their metrics are too high.\n");
            }
        }
        if !self.teachers.is_empty() {
            text.push_str("\n## Teachers\n\n| model | share |\n|---|---:|\n");
            for teacher in &self.teachers {
                text.push_str(&format!("| {} | {:.3} |\n", code(&teacher.name), teacher.weight));
            }
        }
        let input = match facts.kind {
            "images" => "IMAGE",
            _ => "'a text'",
        };
        text.push_str(&format!(
            "\n## Use\n\n    ranktune predict --model . {input}\n\n`model.onnx` is read by every ONNX runtime; the files beside it say how inputs are prepared. The output \
             `logits` has {} in the order of `config.json`. The model has {} weights.\n",
            match self.data.classes.len() {
                1 => "1 column".to_owned(),
                count => format!("{count} columns"),
            },
            facts.parameters
        ));
        text.push_str("\n## License\n\n");
        text.push_str(&match facts.licenses {
            [] => "The license of the model before tuning is not known here; check it, and that of the data, before this model is shared.\n".to_owned(),
            names => format!(
                "The model before tuning has the license {}. That of the data may restrict it further.\n",
                names.iter().map(|name| code(name)).collect::<Vec<_>>().join(" and ")
            ),
        });
        text.push_str(&format!(
            "\n## Source\n\n| | |\n|---|---|\n| model before tuning | {} |\n| its digest | `{}` |\n| digest of the data | `{}` |\n",
            self.source.as_deref().map_or_else(|| code(&self.model), code),
            self.model_digest,
            self.data.digest
        ));
        text
    }

    /// The split that a metric is stated of: the test samples, or else those of validation.
    fn measured(&self) -> Option<(&'static str, &serde_json::Map<String, Value>)> {
        let splits = [("test", &self.metrics.test), ("validation", &self.metrics.validation)];
        splits.into_iter().find(|(_, metrics)| !metrics.is_empty())
    }

    /// The task as the Hugging Face hub calls it; it has no name for numbers of images.
    fn pipeline(&self, kind: &str) -> Option<&'static str> {
        match (kind, self.task.as_str()) {
            ("images", "classification" | "multilabel") => Some("image-classification"),
            ("texts", "classification" | "multilabel" | "regression") => Some("text-classification"),
            (_, "tokens") => Some("token-classification"),
            _ => None,
        }
    }

    /// `ORG/NAME` of a model from the Hugging Face hub.
    fn repository(&self) -> Option<&str> {
        let name = self.source.as_deref()?.strip_prefix("hf:")?;
        Some(name.split('@').next().unwrap_or(name))
    }
}

/// A text in YAML: every JSON string is one.
fn quoted(text: &str) -> String {
    Value::String(text.to_owned()).to_string()
}

/// A text that Markdown shows as it is.
fn code(text: &str) -> String {
    let fence = if text.contains('`') { "``" } else { "`" };
    let inner = text.replace(['\n', '\r', '|'], " ");
    format!("{fence}{inner}{fence}")
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, json};

    use super::*;
    use crate::training::{Metrics, Teacher};

    fn training() -> Training {
        let mut training = crate::training::tests::training();
        training.source = Some("hf:org/vit@abc".to_owned());
        training.data.path = "/home/someone/photos/".to_owned();
        training
    }

    fn facts<'a>(licenses: &'a [String]) -> CardFacts<'a> {
        CardFacts {
            kind: "images",
            data: "photos",
            licenses,
            parameters: 1000,
        }
    }

    #[test]
    fn the_metadata_name_license_base_and_results() {
        let licenses = ["apache-2.0".to_owned()];
        let card = training().card(&facts(&licenses));
        let metadata = card.split("---\n").nth(1).unwrap();
        for line in [
            "license: \"apache-2.0\"",
            "base_model: \"org/vit\"",
            "pipeline_tag: image-classification",
            "      name: \"photos\"",
            "      split: validation",
            "    - type: \"accuracy\"\n      value: 0.8",
        ] {
            assert!(metadata.contains(line), "{line}\n{metadata}");
        }
        assert!(!card.contains("/home/someone"), "{card}");
        assert!(card.contains("their metrics are too high"), "{card}");
        assert!(card.contains("| `vit` | 0.750 |"), "{card}");
    }

    #[test]
    fn an_unknown_license_is_said_and_test_metrics_come_first() {
        let mut training = training();
        training.source = None;
        training.metrics = Metrics {
            test: Map::from_iter([("accuracy".to_owned(), json!(0.75))]),
            ..training.metrics
        };
        let card = training.card(&facts(&[]));
        assert!(
            !card.contains("license:") && card.contains("is not known here"),
            "{card}"
        );
        assert!(
            card.contains("split: test\n    metrics:\n    - type: \"accuracy\"\n      value: 0.75"),
            "{card}"
        );
        assert!(card.contains("| metric | test | validation | train |"), "{card}");
        assert!(!card.contains("too high") && !card.contains("base_model"), "{card}");
    }

    #[test]
    fn hostile_names_stay_in_their_place() {
        let mut training = training();
        training.model = "a\"\n---\nlicense: mit".to_owned();
        training.teachers = vec![Teacher {
            name: "x | y\n# z".to_owned(),
            weight: 1.0,
            logme: None,
        }];
        let card = training.card(&facts(&[]));
        assert_eq!(card.lines().filter(|line| *line == "---").count(), 2, "{card}");
        assert!(
            !card
                .lines()
                .any(|line| line.starts_with("license: mit") || line.starts_with("# z")),
            "{card}"
        );
    }
}
