//! Scores of a model among others: their terms are scaled over the set of models, so a value changes with the company it is in.
//!
//! ```text
//! terms of every model (from its features alone) ──► minimum and maximum of each term over the models ──► a column of values
//! ```
//!
//! They are columns of a ranking, never a model's own score: no value without other models, no standard error, and no comparison between
//! rankings. A new one is a file here and a line in [`COMPANY_SCORES`].

mod etran;
mod ncti;

use super::{ScoreData, ScoreOptions};
use crate::error::{Error, ErrorKind, Result};
use ranktune_core::names::nearest_name;

/// Every score of this kind.
pub static COMPANY_SCORES: &[CompanyScore] = &[ncti::SCORE, etran::SCORE];

/// A score that exists among the models of a hub only.
#[derive(Debug)]
#[non_exhaustive]
pub struct CompanyScore {
    /// Its name on the command line and in JSON.
    pub name: &'static str,
    /// What it is, in a line.
    pub summary: &'static str,
    /// Where it was published: authors, title, venue and year.
    pub source: &'static str,
    /// What its terms are, in their order.
    pub terms: &'static [&'static str],
    /// The weight of each term once it is scaled to `[0, 1]` over the models.
    pub weights: &'static [f64],
    of_model: fn(&ScoreData<'_>, &ScoreOptions) -> Result<Vec<f64>>,
}

impl CompanyScore {
    /// The terms of one model, in the order of [`terms`](Self::terms); they take rows of features and one class a sample.
    ///
    /// # Errors
    /// [`ErrorKind::MissingInput`] without rows or classes, [`ErrorKind::TooFewClasses`],
    /// [`ErrorKind::NonFinite`] where a term is not finite.
    pub fn terms_of(&self, data: &ScoreData<'_>, options: &ScoreOptions) -> Result<Vec<f64>> {
        let terms = (self.of_model)(data, options)?;
        match terms.iter().position(|term| !term.is_finite()) {
            None => Ok(terms),
            Some(at) => Err(Error::new(
                ErrorKind::NonFinite,
                format!(
                    "{}'s {} is {} for these inputs; check the features' scale",
                    self.name, self.terms[at], terms[at]
                ),
            )),
        }
    }

    /// The values of all models from their terms: each term scaled to `[0, 1]` over the models, times its weight. A term that is the same for
    /// all models counts for nothing (published code divides by zero).
    ///
    /// # Errors
    /// [`ErrorKind::Shape`] with fewer than two models, or another number of terms.
    ///
    /// # Examples
    /// ```
    /// use ranktune_scores::scores::company::find;
    /// let etran = find("etran")?;
    /// let values = etran.combine(&[vec![3.0, 0.9], vec![5.0, 0.5], vec![4.0, 0.9]])?;
    /// assert!(values[2] > values[0] && values[0] > values[1]);
    /// # Ok::<(), ranktune_scores::Error>(())
    /// ```
    pub fn combine(&self, models: &[Vec<f64>]) -> Result<Vec<f64>> {
        if models.len() < 2 {
            return Err(Error::new(
                ErrorKind::Shape,
                format!(
                    "{} compares a model with others and needs at least 2 models, got {}",
                    self.name,
                    models.len()
                ),
            ));
        }
        if let Some(terms) = models.iter().find(|terms| terms.len() != self.weights.len()) {
            return Err(Error::new(
                ErrorKind::Shape,
                format!("{} has {} terms, got {}", self.name, self.weights.len(), terms.len()),
            ));
        }
        let mut values = vec![0.0; models.len()];
        for (place, weight) in self.weights.iter().enumerate() {
            let of_models = || models.iter().map(|terms| terms[place]);
            let (least, most) = (
                of_models().fold(f64::INFINITY, f64::min),
                of_models().fold(f64::NEG_INFINITY, f64::max),
            );
            if most <= least {
                continue;
            }
            for (value, term) in values.iter_mut().zip(of_models()) {
                *value += weight * ((term - least) / (most - least));
            }
        }
        Ok(values)
    }
}

/// The score called `name`.
///
/// # Errors
/// [`ErrorKind::UnknownName`], with the nearest known name.
pub fn find(name: &str) -> Result<&'static CompanyScore> {
    let names = || COMPANY_SCORES.iter().map(|score| score.name);
    COMPANY_SCORES.iter().find(|score| score.name == name).ok_or_else(|| {
        let advice = match nearest_name(name, names()) {
            Some(nearest) => format!("did you mean {nearest:?}?"),
            None => format!("known ones are {}", names().collect::<Vec<_>>().join(", ")),
        };
        Error::new(
            ErrorKind::UnknownName,
            format!("unknown score of a set of models {name:?}; {advice}"),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terms_are_scaled_over_the_models_and_weighted() {
        let ncti = find("ncti").unwrap();
        let values = ncti
            .combine(&[vec![1.0, 0.2, 3.0], vec![3.0, 0.6, 5.0], vec![2.0, 0.6, 5.0]])
            .unwrap();
        assert_eq!(values, [0.0, 1.0, 0.5]);
    }

    #[test]
    fn a_term_that_all_models_share_counts_for_nothing() {
        let values = find("etran")
            .unwrap()
            .combine(&[vec![7.0, 0.2], vec![7.0, 0.6]])
            .unwrap();
        assert_eq!(values, [0.0, 0.85]);
    }

    #[test]
    fn one_model_and_an_unknown_name_are_refused() {
        let etran = find("etran").unwrap();
        assert_eq!(etran.combine(&[vec![1.0, 2.0]]).unwrap_err().kind(), ErrorKind::Shape);
        assert!(find("nctl").unwrap_err().to_string().contains("did you mean \"ncti\"?"));
    }
}
