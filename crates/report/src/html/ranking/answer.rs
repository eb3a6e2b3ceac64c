//! The answer of a ranking in a sentence or two.

use super::{first_by_score, main_score};
use crate::format::count;
use crate::html::text::{decimal, isolated, listed, percent};
use crate::ranking::{RankedModel, Ranking};

/// Number of rivals that are named.
const NAMED: usize = 4;

/// The answer, and what makes it doubtful.
pub(crate) fn text(ranking: &Ranking) -> String {
    let warnings = ranking.warnings.iter().map(|warning| format!(" Warning: {warning}."));
    sentence(ranking) + &warnings.collect::<String>()
}

fn sentence(ranking: &Ranking) -> String {
    let Some(first) = ranking.models.first() else {
        return format!("No model could be ranked; {} were skipped.", ranking.skipped.len());
    };
    if ranking.models.len() == 1 {
        let name = isolated(&first.name);
        return format!(
            "{name} is the only model that was ranked{}; there is nothing to compare it with.",
            value(ranking, first)
        );
    }
    match (&ranking.decision, &ranking.undecided) {
        (Some(_), _) => ranking.decision_line(isolated).unwrap_or_default(),
        (None, Some(reason)) => format!("{} {reason}", by_score(ranking, first)),
        (None, None) => by_score(ranking, first),
    }
}

/// What the score alone says, where nothing is predicted.
fn by_score(ranking: &Ranking, first: &RankedModel) -> String {
    let (name, value) = (isolated(&first.name), value(ranking, first));
    let Some(found) = &first.score_uncertainty else {
        return format!("{name} has the highest score{value}; how sure that is was not computed.");
    };
    let among = first_by_score(ranking);
    let rivals: Vec<&RankedModel> = among.iter().copied().filter(|model| model.rank != first.rank).collect();
    if rivals.is_empty() {
        return format!(
            "{name} has the highest score of {} models{value}, on {} of resampled data sets.",
            ranking.models.len(),
            percent(found.p_best)
        );
    }
    let mut names: Vec<String> = rivals.iter().take(NAMED).map(|model| isolated(&model.name)).collect();
    if rivals.len() > NAMED {
        names.push(format!("{} more", rivals.len() - NAMED));
    }
    let mut text = format!(
        "{name} has the highest score{value}, but these samples do not tell it from {}: it is the first on {} of resampled data sets.",
        listed(&names),
        percent(found.p_best)
    );
    let smallest = rivals.into_iter().chain([first]).min_by_key(|model| model.parameters);
    if let Some(model) = smallest {
        text.push_str(&format!(
            " The smallest of them is {}, with {} parameters.",
            isolated(&model.name),
            count(model.parameters)
        ));
    }
    text
}

/// ` (logme 0.5)`, where the model has the score.
fn value(ranking: &Ranking, model: &RankedModel) -> String {
    let score = main_score(ranking);
    let value = model.score(score);
    value.map_or_else(String::new, |value| format!(" ({score} {})", decimal(value)))
}
