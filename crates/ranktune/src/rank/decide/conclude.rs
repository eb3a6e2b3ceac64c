//! From what is believed to the order of a ranking and the keys of its document.

use ranktune_report::ranking::{Decision, DecisionEnd, Prediction, RankedModel, TrialResult};
use ranktune_scores::decision::{ModelOutlook, OutlookOptions};

use super::Belief;

impl Belief {
    /// Predicts the first models of a ranking, which are those of the question, puts them in the order of their expected metric, and
    /// numbers all models anew. Models of equal expectation keep their order; excluded ones follow, and those behind keep their places.
    /// At least one model must not be excluded.
    ///
    /// # Errors
    /// As [`posterior`](Self::posterior); `models` is then as it was.
    pub(crate) fn conclude(
        &self,
        models: &mut [RankedModel],
        (trials, ended): (Vec<TrialResult>, DecisionEnd),
        seed: u64,
    ) -> Result<Decision, ranktune_scores::Error> {
        let mut options = OutlookOptions::default();
        options.seed = seed;
        let count = self.target.models.len();
        let left: Vec<usize> = (0..count).filter(|at| !self.out.contains(at)).collect();
        let outlook = self.posterior()?.restricted(&left).outlook(&options)?;
        for (&at, expected) in left.iter().zip(&outlook.models) {
            models[at].predicted = Some(self.prediction(at, expected));
        }
        // Not by the value: near 1, where accuracies end, a model that is less certain has a lower one.
        let regret = |model: &RankedModel| {
            model
                .predicted
                .as_ref()
                .map_or(f64::INFINITY, |found| found.expected_regret)
        };
        models[..count].sort_by(|a, b| regret(a).total_cmp(&regret(b)));
        for (place, model) in models.iter_mut().enumerate() {
            model.rank = place + 1;
        }
        Ok(Decision {
            best: models.first().map(|model| model.name.clone()).unwrap_or_default(),
            expected_regret: Some(outlook.expected_regret),
            record_rows: self.record_rows,
            trials,
            cost: None,
            ended,
            protocol: self.target.protocol.clone(),
            score: self.score.clone(),
        })
    }

    fn prediction(&self, at: usize, expected: &ModelOutlook) -> Prediction {
        let matched = &self.matched[at];
        Prediction {
            metric: self.metric.to_owned(),
            value: expected.mean,
            standard_error: expected.sd,
            p_best: expected.p_best,
            rank_interval: [expected.rank_interval.0, expected.rank_interval.1],
            expected_regret: expected.expected_regret,
            record_rows: matched.rows,
            matched_by: matched.by.map(|by| by.name().to_owned()),
            family: matched.family.clone(),
        }
    }
}
