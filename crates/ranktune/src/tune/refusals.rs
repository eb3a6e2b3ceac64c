//! What a method cannot do with a task or with options, refused before any work.

use ranktune_data::{DataKind, Dataset, Task};
use ranktune_features::extract::PreparedModel;
use ranktune_train::{ClassWeights, MethodInfo, Need};

use super::options::{Target, TuneOptions, Validation};
use crate::error::{Error, ErrorKind};

/// Checks that `method` fits the data and the options.
///
/// # Errors
/// [`ErrorKind::Arguments`], naming what would do.
pub(crate) fn check(method: &MethodInfo, dataset: &Dataset, options: &TuneOptions) -> Result<(), Error> {
    let wrong = |message: String| Err(Error::new(ErrorKind::Arguments, message));
    let (name, task) = (method.name, dataset.targets.task());
    if method.needs(Need::Classes) && task != Task::Classification {
        return wrong(format!(
            "{name} needs one class per sample, and the task is {task}; use fine-tune or b-tuning"
        ));
    }
    let is_pooled = [Need::Attention, Need::Stack, Need::Ensemble]
        .into_iter()
        .any(|need| method.needs(need));
    if is_pooled && task == Task::Tokens {
        return wrong(format!(
            "{name} works on samples, and the targets are tags of words; use fine-tune or b-tuning"
        ));
    }
    if is_pooled && dataset.kind() == DataKind::TextPairs {
        return wrong(format!(
            "{name} works on the features of one text, and the data are pairs; use fine-tune or b-tuning"
        ));
    }
    if method.needs(Need::Search) && options.rates().is_none() {
        return wrong(format!(
            "{name} averages the runs of a search, and there is none; add --learning-rate auto, or several rates"
        ));
    }
    let is_of_several = method.needs(Need::Stack) || method.needs(Need::Ensemble);
    if let (true, Target::Named(model)) = (is_of_several, &options.model) {
        return wrong(format!(
            "{name} is of the best-ranked models, not of {model} alone; name its models with --teachers, and leave --model out"
        ));
    }
    let is_classes = matches!(task, Task::Classification | Task::Tokens);
    if options.train.class_weights == ClassWeights::Balanced && !is_classes {
        return wrong(format!(
            "class weights are for data with one class per sample or word, and the task is {task}; leave --class-weights out"
        ));
    }
    if options.train.patience.is_some() && options.validation == Validation::None {
        return wrong("--patience needs validation samples; leave it out, or leave --validation none out".to_owned());
    }
    Ok(())
}

/// Checks that `method` fits the model, before anything is computed with it.
///
/// # Errors
/// [`ErrorKind::Arguments`], naming what would do.
pub(crate) fn check_model(method: &MethodInfo, model: &PreparedModel) -> Result<(), Error> {
    let has_classes = model.located().n_classes.is_some_and(|count| count > 1);
    if method.needs(Need::SourceClasses) && !(model.logits().is_some() && has_classes) {
        let message = format!(
            "{} trains the classifier that a model already has, and {} has none; use fine-tune or b-tuning, or a model with a classifier",
            method.name,
            model.name()
        );
        return Err(Error::new(ErrorKind::Arguments, message));
    }
    Ok(())
}
