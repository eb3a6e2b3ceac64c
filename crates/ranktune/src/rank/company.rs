//! Scores of a model among the other models of the hub: terms of every model by itself, and the column that follows once all are known.

use ranktune_core::one_line;
use ranktune_data::Task;
use ranktune_scores::ScoreOptions;
use ranktune_scores::scores::ScoreData;
use ranktune_scores::scores::company::{COMPANY_SCORES, CompanyScore, find};
use serde_json::{Map, Value, json};

use super::order::Ranked;
use super::scores::{Detail, ScoreEntry, ScoreList, TERMS};
use crate::error::{Error, ErrorKind};

/// The names of scores that a model has by itself, and the scores that it has among others.
///
/// # Errors
/// [`ErrorKind::Arguments`]: a score of the second kind that would order the ranking, or that the task does not allow.
pub(super) fn split(names: Vec<String>, task: Task) -> Result<(Vec<String>, Vec<&'static CompanyScore>), Error> {
    let is_company = |name: &String| COMPANY_SCORES.iter().any(|score| score.name == name);
    if let Some(first) = names.first().filter(|name| is_company(name)) {
        let message = format!(
            "{first} compares the models of a hub with each other and cannot order them; name another score first, as in --scores logme,{first}"
        );
        return Err(Error::new(ErrorKind::Arguments, message));
    }
    let (company, own): (Vec<String>, Vec<String>) = names.into_iter().partition(is_company);
    if let Some(name) = company.first().filter(|_| task != Task::Classification) {
        let message = format!(
            "{name} compares classes from the rows of features, which the task {} does not have; leave {name} out",
            task.name()
        );
        return Err(Error::new(ErrorKind::Arguments, message));
    }
    let scores = company.iter().map(|name| find(name)).collect::<Result<Vec<_>, _>>()?;
    Ok((own, scores))
}

/// Adds the terms of one model.
pub(super) fn add_terms(list: &mut ScoreList, scores: &[&CompanyScore], data: &ScoreData<'_>, detail: Detail) {
    if detail == Detail::Interim {
        return;
    }
    for score in scores {
        let mut object = Map::from_iter([("value".to_owned(), Value::Null)]);
        match score.terms_of(data, &ScoreOptions::default()) {
            Ok(terms) => {
                let named = score
                    .terms
                    .iter()
                    .zip(terms)
                    .map(|(name, term)| ((*name).to_owned(), json!(term)));
                object.insert(TERMS.to_owned(), Value::Object(named.collect()));
            }
            Err(error) => {
                object.insert(REASON.to_owned(), json!(one_line(&error)));
            }
        }
        list.entries.push(ScoreEntry {
            name: score.name.to_owned(),
            value: f64::NAN,
            object,
        });
    }
}

/// The key of the reason why there is no value.
const REASON: &str = "reason";

/// Fills the columns, now that the terms of all models are known.
pub(super) fn fill(ranked: &mut [Ranked<'_>], scores: &[&CompanyScore]) {
    for score in scores {
        let terms: Vec<Option<Vec<f64>>> = ranked.iter().map(|model| terms_of(model, score)).collect();
        let known: Vec<Vec<f64>> = terms.iter().flatten().cloned().collect();
        let combined = score.combine(&known);
        let mut values = combined.iter().flatten();
        for (model, _) in ranked.iter_mut().zip(&terms).filter(|(_, terms)| terms.is_some()) {
            let Some(entry) = entry_mut(model, score) else { continue };
            match (&combined, values.next()) {
                (Ok(_), Some(&value)) => {
                    entry.value = value;
                    entry.object.insert("value".to_owned(), json!(value));
                    entry.object.insert("models".to_owned(), json!(known.len()));
                }
                (Err(error), _) => {
                    entry.object.insert(REASON.to_owned(), json!(one_line(error)));
                }
                _ => {}
            }
        }
    }
}

fn terms_of(model: &Ranked<'_>, score: &CompanyScore) -> Option<Vec<f64>> {
    let entry = model
        .scores
        .list
        .entries
        .iter()
        .find(|entry| entry.name == score.name)?;
    let terms = entry.object.get(TERMS)?;
    score.terms.iter().map(|name| terms.get(*name)?.as_f64()).collect()
}

fn entry_mut<'m>(model: &'m mut Ranked<'_>, score: &CompanyScore) -> Option<&'m mut ScoreEntry> {
    model
        .scores
        .list
        .entries
        .iter_mut()
        .find(|entry| entry.name == score.name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn scores_of_a_set_of_models_are_told_from_a_models_own() {
        let (own, company) = split(names(&["logme", "ncti", "leep"]), Task::Classification).unwrap();
        assert_eq!(own, ["logme", "leep"]);
        assert_eq!(company[0].name, "ncti");
    }

    #[test]
    fn they_order_no_ranking_and_compare_classes_only() {
        let error = split(names(&["etran", "logme"]), Task::Classification).unwrap_err();
        assert!(error.to_string().contains("--scores logme,etran"), "{error}");
        assert!(split(names(&["logme", "etran"]), Task::Regression).is_err());
    }
}
