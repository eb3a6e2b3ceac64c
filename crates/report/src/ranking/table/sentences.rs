//! What is said below the table of a ranking.

use ranktune_core::counted;

use crate::ranking::{Decision, Prediction, RankedModel, Ranking};

impl Ranking {
    /// What predictions without features reach in the scores of the table that predict; nothing where there are no such scores.
    pub(super) fn chance_line(&self) -> Option<String> {
        let names = self.score_names().into_iter();
        let chances: Vec<String> = names
            .filter_map(|name| Some(format!("{name} {:.4}", self.chance_of(name)?)))
            .collect();
        (!chances.is_empty()).then(|| format!("By chance: {}.", chances.join(", ")))
    }

    /// How scores of the table were estimated that are not from all samples.
    pub(super) fn estimate_lines(&self) -> Vec<String> {
        let estimate = |name: &str| {
            let of = |model: &RankedModel| Some(model.scores.get(name)?.get("estimate")?.as_str()?.to_owned());
            self.models.iter().find_map(of)
        };
        let names = self
            .score_names()
            .into_iter()
            .filter(|name| self.chance_of(name).is_some());
        names
            .filter_map(|name| Some(format!("{name} is {}.", estimate(name)?)))
            .collect()
    }

    /// Which model is expected to be the best after tuning, what choosing it now risks, and what that rests on; or why nothing is predicted.
    ///
    /// `display` is how the name of a model is written.
    pub(crate) fn decision_line(&self, display: impl Fn(&str) -> String) -> Option<String> {
        let predicted = self.models.first().and_then(|first| first.predicted.as_ref());
        let (Some(decision), Some(first)) = (&self.decision, predicted) else {
            return self.undecided.clone();
        };
        let compared = self.models.iter().filter_map(|model| model.predicted.as_ref());
        let count = compared.clone().count();
        let (p, best) = (first.p_best, display(&decision.best));
        let metric = &first.metric;
        let belief = match (count, p) {
            (1, _) => format!("{best} is the only model; its {metric} after tuning"),
            (_, p) if p >= 0.5 => format!("{best} is likely the best after tuning ({p:.2}); choosing it now"),
            _ => format!(
                "No model is likely the best after tuning; {best} has the best chance ({p:.2}), and choosing it now"
            ),
        };
        let risk = if count == 1 {
            format!("is expected to be {:.3} ± {:.3}.", first.value, first.standard_error)
        } else {
            format!("risks {:.1} points of {metric}.", 100.0 * first.expected_regret)
        };
        Some(format!("{belief} {risk} {}", self.basis(decision)))
    }

    /// What the decision rests on.
    fn basis(&self, decision: &Decision) -> String {
        let compared: Vec<&Prediction> = self
            .models
            .iter()
            .filter_map(|model| model.predicted.as_ref())
            .collect();
        let count = compared.len();
        let known = compared.iter().filter(|found| found.record_rows > 0).count();
        let by_family = compared
            .iter()
            .filter(|found| found.record_rows == 0 && found.family.is_some())
            .count();
        let mut parts = Vec::new();
        if known > 0 {
            let rows = compared.iter().map(|found| found.record_rows).sum();
            parts.push(format!(
                "{} of {known} of {count} models",
                counted(rows, "earlier result")
            ));
        }
        if by_family > 0 {
            parts.push(format!("results of the families of {by_family} of {count} models"));
        }
        if !decision.trials.is_empty() {
            parts.push(counted(decision.trials.len(), "trial tuning"));
        }
        parts.extend(decision.score.clone());
        let head = if known == 0 {
            "No earlier result of these models is known; this"
        } else {
            "This"
        };
        match parts.split_last() {
            Some((last, [])) => format!("{head} rests on {last}."),
            Some((last, others)) => format!("{head} rests on {} and {last}.", others.join(", ")),
            None => format!("{head} rests on nothing that tells them apart."),
        }
    }

    /// A sentence on the score alone, for the case that the samples do not separate the model with the highest from others.
    pub(super) fn tie_line(&self) -> Option<String> {
        let score = self.score_names().first().copied()?;
        let is_first = |model: &&RankedModel| model.score_uncertainty.is_some_and(|found| found.rank_interval[0] == 1);
        let value = |model: &RankedModel| model.score(score).unwrap_or(f64::NEG_INFINITY);
        let mut candidates: Vec<&RankedModel> = self.models.iter().filter(is_first).collect();
        candidates.sort_by(|a, b| value(b).total_cmp(&value(a)));
        let (first, rivals) = candidates.split_first()?;
        let certainty = first.score_uncertainty?.p_best;
        let names: Vec<&str> = rivals.iter().map(|model| model.name.as_str()).collect();
        (!names.is_empty()).then(|| {
            format!(
                "By {score} alone, these samples do not tell {} from {}: its {score} is the highest on {:.0} % of resampled data sets.",
                first.name,
                names.join(", "),
                100.0 * certainty
            )
        })
    }
}
