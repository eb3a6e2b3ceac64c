//! From a ranking by score to the question which of its models is the best, and its answer.

use ranktune_data::Task;
use ranktune_hub::Hub;
use ranktune_report::ranking::{Data, Decision, DecisionEnd, RankedModel};

use super::decide::{Answer, Belief, ModelFacts, Question};
use super::options::RankOptions;
use crate::record::{data_name, hub_id};

/// The question that the models of a ranking ask; those that a race eliminated, which are last, are no candidates. `protocol` is how the
/// metric would be measured.
pub(super) fn question(models: &[RankedModel], hub: &Hub, data: &Data, (task, protocol): (Task, &str)) -> Question {
    let is_left = |model: &&RankedModel| model.race.as_ref().is_none_or(|race| !race.stopped);
    Question {
        task,
        n_samples: data.samples,
        n_classes: data.classes.len(),
        data: data_name(&data.path),
        data_digest: data.digest.clone(),
        protocol: protocol.to_owned(),
        models: models
            .iter()
            .take_while(is_left)
            .map(|model| ModelFacts {
                name: model.name.clone(),
                digest: model.digest.clone(),
                hub_id: model.source.as_deref().map(hub_id),
                family: hub.get(&model.name).and_then(|entry| entry.config.model_type.clone()),
                scores: model
                    .scores
                    .keys()
                    .filter_map(|name| Some((name.clone(), model.score(name)?)))
                    .collect(),
                errors: model
                    .scores
                    .iter()
                    .filter_map(|(name, score)| Some((name.clone(), score.get("standard_error")?.as_f64()?)))
                    .collect(),
            })
            .collect(),
    }
}

/// The decision without trials, with the models in its order; or why there is none.
pub(super) fn decide(
    question: &Question,
    models: &mut [RankedModel],
    options: &RankOptions,
) -> (Option<Decision>, Option<String>) {
    match Belief::of(question, &options.record.rows(), Vec::new()) {
        Answer::Undecided(reason) => (None, Some(reason)),
        Answer::Belief(belief) => match belief.conclude(models, (Vec::new(), DecisionEnd::NoTrials), options.seed) {
            Ok(decision) => (Some(decision), None),
            Err(error) => (
                None,
                Some(format!("The record and the scores cannot be used together: {error}.")),
            ),
        },
    }
}
