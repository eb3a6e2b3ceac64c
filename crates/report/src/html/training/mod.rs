//! The page of a tuned model. Its sections, in order, are those of [`sections`].

mod choice;
mod contest;
mod curves;
mod metrics;
mod reproduce;
mod teachers;

pub(crate) use contest::contest;
pub(crate) use metrics::metric;

use super::contents::{Contents, titled};
use super::text::{decimal, isolated};
use super::{Section, Sections};
use crate::training::Training;

/// Title, answer and sections of a training run; identifiers begin with `prefix`.
pub(crate) fn contents(training: &Training, prefix: &str) -> Contents {
    let what = format!("{} tuned by {}", isolated(&training.model), training.method);
    Contents {
        title: titled(&what, &training.data.path),
        answer: answer(training),
        sections: sections(training, prefix),
    }
}

fn sections(training: &Training, prefix: &str) -> Vec<Section> {
    let mut sections = Sections::default();
    sections.add("metrics", "Metrics", metrics::html(training, prefix));
    sections.add("curves", "Training curves", curves::html(training, prefix));
    sections.add("choice", "How settings were chosen", choice::html(training, prefix));
    sections.add("teachers", "Teachers", teachers::html(training, prefix));
    sections.add("data", "Data", reproduce::data(training));
    sections.add("reproduce", "How to repeat this", reproduce::html(training));
    sections.into_list()
}

/// The metric that the run was judged by: the first one of the validation history, or else of the splits.
fn main_metric(training: &Training) -> Option<&str> {
    let validated = training.history.iter().find_map(|epoch| {
        let validation = epoch.validation.as_ref()?;
        validation.keys().find(|key| *key != "loss")
    });
    let metrics = &training.metrics;
    let first = || {
        [&metrics.test, &metrics.validation, &metrics.train]
            .into_iter()
            .find_map(|split| split.keys().next())
    };
    validated.or_else(first).map(String::as_str)
}

fn answer(training: &Training) -> String {
    let metrics = &training.metrics;
    let held_out = [
        ("test", &metrics.test),
        ("validation", &metrics.validation),
        ("training", &metrics.train),
    ];
    let found = main_metric(training).and_then(|metric| {
        held_out.iter().find_map(|(split, values)| {
            let value = values.get(metric)?.as_f64()?;
            Some(format!("{metric} {} on the {split} samples", decimal(value)))
        })
    });
    let mut text = format!(
        "{} was tuned by {}: {}",
        isolated(&training.model),
        training.method,
        found.unwrap_or_else(|| "no metric is defined".to_owned()),
    );
    // A head without steps, or several models, has no epoch.
    match training.chosen_epoch {
        0 => text.push('.'),
        epoch => text.push_str(&format!(", with the weights of epoch {epoch} of {}.", training.epochs)),
    }
    let is_chosen = training.settings.get("keep").and_then(|keep| keep.as_str()) == Some("best");
    if is_chosen && metrics.test.is_empty() && !metrics.validation.is_empty() {
        text.push_str(" The validation samples chose the epoch, so a test set may show less.");
    }
    text
}
