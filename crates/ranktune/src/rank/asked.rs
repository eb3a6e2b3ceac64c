//! From a ranking by score to the question which of its models is the best, and its answer.

use ranktune_data::Task;
use ranktune_hub::Hub;
use ranktune_report::ranking::{Data, Decision, DecisionEnd, RankedModel, TrialResult};

use super::decide::{Answer, Belief, ModelFacts, Question, TrialKinds};
use super::options::RankOptions;
use crate::record::{data_name, hub_id};

/// The question that the models of a ranking ask; those that a race eliminated, which are last, are no candidates. `too_few` is why the
/// samples allow no prediction; `protocol` is how the metric would be measured.
pub(super) fn question(
    models: &[RankedModel],
    hub: &Hub,
    (data, too_few): (&Data, Option<String>),
    (task, protocol): (Task, &str),
) -> Question {
    let is_left = |model: &&RankedModel| model.race.as_ref().is_none_or(|race| !race.stopped);
    Question {
        task,
        too_few,
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

/// A question, with what a search by trials needs to answer it.
pub(crate) struct Asked<'a> {
    pub(crate) question: &'a Question,
    /// The scored models; the first of them, in their order, are those of the question.
    pub(crate) models: &'a mut [RankedModel],
    pub(crate) hub: &'a Hub,
}

/// The decision, or why there is none.
#[derive(Debug, Default)]
pub(crate) struct Answered {
    pub(crate) decision: Option<Decision>,
    pub(crate) undecided: Option<String>,
}

impl Answered {
    pub(crate) fn undecided(reason: impl Into<String>) -> Self {
        Self {
            decision: None,
            undecided: Some(reason.into()),
        }
    }
}

impl Asked<'_> {
    /// The decision without trials, with the models in its order.
    pub(crate) fn answer(self, options: &RankOptions) -> Answered {
        match Belief::of(self.question, &options.record.rows(), TrialKinds::default()) {
            Answer::Undecided(reason) => Answered::undecided(reason),
            Answer::Belief(belief) => belief.answer(self.models, (Vec::new(), DecisionEnd::NoTrials), options.seed),
        }
    }
}

impl Belief {
    /// The decision with these trials, with the models in its order.
    pub(crate) fn answer(
        &self,
        models: &mut [RankedModel],
        trials: (Vec<TrialResult>, DecisionEnd),
        seed: u64,
    ) -> Answered {
        match self.conclude(models, trials, seed) {
            Ok(decision) => Answered {
                decision: Some(decision),
                undecided: None,
            },
            Err(error) => Answered::undecided(format!("The record and the scores cannot be used together: {error}.")),
        }
    }
}
