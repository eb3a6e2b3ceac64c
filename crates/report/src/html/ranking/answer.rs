//! The answer of a ranking in a sentence or two.

use super::{main_score, rivals};
use crate::format::count;
use crate::html::text::{decimal, isolated, listed, percent};
use crate::ranking::{RankedModel, Ranking};

/// Number of rivals that are named.
const NAMED: usize = 4;

pub(crate) fn sentence(ranking: &Ranking) -> String {
    let Some(first) = ranking.models.first() else {
        return format!("No model could be ranked; {} were skipped.", ranking.skipped.len());
    };
    let name = isolated(&first.name);
    let score = main_score(ranking);
    let value = first
        .score(score)
        .map_or_else(String::new, |value| format!(" ({score} {})", decimal(value)));
    let rivals: Vec<&RankedModel> = rivals(ranking).collect();
    if ranking.models.len() == 1 {
        return format!("{name} is the only model that was ranked{value}; there is nothing to compare it with.");
    }
    let Some(p_best) = first.p_best else {
        return format!("{name} has the highest score{value}; how sure that is was not computed.");
    };
    if rivals.is_empty() {
        return format!(
            "{name} is the best of {} models for these data{value}: it comes first on {} of resampled data sets.",
            ranking.models.len(),
            percent(p_best)
        );
    }
    let mut names: Vec<String> = rivals.iter().take(NAMED).map(|model| isolated(&model.name)).collect();
    if rivals.len() > NAMED {
        names.push(format!("{} more", rivals.len() - NAMED));
    }
    let mut text = format!(
        "{name} comes first{value}, but these samples do not tell it from {}: it is the best on {} of resampled data sets.",
        listed(&names),
        percent(p_best)
    );
    let smallest = rivals
        .iter()
        .copied()
        .chain([first])
        .min_by_key(|model| model.parameters);
    if let Some(model) = smallest {
        text.push_str(&format!(
            " The smallest of them is {}, with {} parameters.",
            isolated(&model.name),
            count(model.parameters)
        ));
    }
    text
}
