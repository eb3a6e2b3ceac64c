//! What is said below the table of a ranking.

use crate::ranking::{RankedModel, Ranking};
use crate::table::Style;

impl Ranking {
    /// What predictions without features reach in the scores of the table that predict; nothing where there are no such scores.
    pub(super) fn chance_line(&self, style: Style) -> Option<String> {
        let names = self.score_names();
        let names = if style.is_wide {
            &names[..]
        } else {
            &names[..names.len().min(1)]
        };
        let chances: Vec<String> = names
            .iter()
            .filter_map(|name| {
                let chance = |model: &RankedModel| model.scores.get(*name)?.get("chance")?.as_f64();
                let chance = self.models.iter().find_map(chance)?;
                Some(format!("{name} {chance:.4}"))
            })
            .collect();
        (!chances.is_empty()).then(|| format!("By chance: {}.", chances.join(", ")))
    }

    /// A sentence for the case that the samples do not separate the first model from others.
    pub(super) fn tie_line(&self) -> Option<String> {
        let first = self.models.first()?;
        let rivals: Vec<&str> = self.models[1..]
            .iter()
            .filter(|model| model.rank_interval.is_some_and(|[low, _]| low == 1))
            .map(|model| model.name.as_str())
            .collect();
        let certainty = first.p_best?;
        (!rivals.is_empty()).then(|| {
            format!(
                "These samples do not tell {} from {}: it comes first on {:.0} % of resampled data sets.",
                first.name,
                rivals.join(", "),
                100.0 * certainty
            )
        })
    }
}
