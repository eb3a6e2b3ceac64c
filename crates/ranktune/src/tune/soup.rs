//! The soups of a search: averages of the weights of its runs (Wortsman et al., ICML 2022); see the method's own file for the rules.

use ranktune_core::Event;
use ranktune_onnx::Model;
use ranktune_train::{ValidationRecord, average};
use serde_json::{Value, json};

use super::run::TrialConfig;
use super::trials::Search;
use crate::error::Error;

/// A soup, or a single run.
struct Candidate {
    kind: &'static str,
    members: Vec<String>,
    model: Model,
    validation: ValidationRecord,
}

impl Candidate {
    fn document(&self) -> Value {
        json!({
            "members": self.members,
            "metric": self.validation.metric,
            "value": self.validation.value,
            "loss": self.validation.loss,
        })
    }
}

impl Search<'_> {
    /// The best of the greedy soup, the uniform soup and the best run of `tried`, which come with their validation metrics; `chosen` is the
    /// model of the run that the search has chosen. Returns the model, and what was compared.
    ///
    /// # Errors
    /// [`ErrorKind::Interrupted`](crate::ErrorKind::Interrupted); a checkpoint that cannot be read.
    pub(crate) fn cook(&self, mut tried: Vec<(TrialConfig, f64)>, chosen: Model) -> Result<(Model, Value), Error> {
        let runner = self.runner;
        tried.sort_by(|a, b| b.1.total_cmp(&a.1));
        let Some(&(first, _)) = tried.first() else {
            return Ok((chosen, Value::Null));
        };
        let validate = |model: &Model| runner.validate(model, first);
        let runs = tried
            .iter()
            .map(|&(config, _)| Ok((self.name(config), self.chosen(config)?.trained.model)))
            .collect::<Result<Vec<(String, Model)>, Error>>()?;
        let names = |places: &[usize]| places.iter().map(|&place| runs[place].0.clone()).collect();
        let models = |places: &[usize]| -> Vec<&Model> { places.iter().map(|&place| &runs[place].1).collect() };

        let single = Candidate {
            kind: "single",
            members: names(&[0]),
            validation: validate(&runs[0].1)?,
            model: runs[0].1.clone(),
        };
        let mut kept = vec![0];
        let (mut greedy, mut best) = (single.model.clone(), single.validation.clone());
        for place in 1..runs.len() {
            let with: Vec<usize> = kept.iter().copied().chain([place]).collect();
            let mixed = average(&models(&with))?;
            let found = validate(&mixed)?;
            if found.value >= best.value {
                (kept, greedy, best) = (with, mixed, found);
            }
        }
        let greedy = Candidate {
            kind: "greedy",
            members: names(&kept),
            model: greedy,
            validation: best,
        };
        let all: Vec<usize> = (0..runs.len()).collect();
        let uniform = average(&models(&all))?;
        let uniform = Candidate {
            kind: "uniform",
            members: names(&all),
            validation: validate(&uniform)?,
            model: uniform,
        };
        let mut rows = serde_json::Map::new();
        let mut written: Option<Candidate> = None;
        for candidate in [single, greedy, uniform] {
            let text = format!(
                "{} of {}: validation {} {:.4}, loss {:.4}",
                candidate.kind,
                candidate.members.join(" + "),
                candidate.validation.metric,
                candidate.validation.value,
                candidate.validation.loss
            );
            runner.progress.event(Event::Done(&text));
            rows.insert(candidate.kind.to_owned(), candidate.document());
            let is_better = written
                .as_ref()
                .is_none_or(|written| candidate.validation.is_better_than(&written.validation));
            if is_better {
                written = Some(candidate);
            }
        }
        let Some(written) = written else {
            return Ok((chosen, Value::Null));
        };
        rows.insert("written".to_owned(), json!(written.kind));
        Ok((written.model, Value::Object(rows)))
    }
}
