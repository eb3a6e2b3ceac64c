//! A ranking as CSV.

use super::columns::standard_error;
use crate::ranking::Ranking;
use crate::table::csv;

impl Ranking {
    /// The models as CSV, with all digits. Names of columns are the keys of the JSON, those of
    /// `score_uncertainty` with `score_` before them; a value that is not defined is empty.
    pub fn csv(&self) -> String {
        let scores = self.score_names();
        let mut header: Vec<String> = [
            "rank",
            "model",
            "predicted",
            "predicted_standard_error",
            "p_best",
            "rank_low",
            "rank_high",
        ]
        .map(str::to_owned)
        .into();
        for name in &scores {
            header.extend([(*name).to_owned(), format!("{name}_standard_error")]);
        }
        let throughput = self.throughput_unit().replace("/s", "_per_second");
        header.extend(
            [
                "score_p_best",
                "score_p_top_k",
                "score_rank_low",
                "score_rank_high",
                "feature_dim",
                "parameters",
                &throughput,
                "seconds",
                "race_samples",
                "race_stopped",
            ]
            .map(str::to_owned),
        );
        let rows = self.models.iter().map(|model| {
            let whole = |value: Option<usize>| value.map_or_else(String::new, |value| value.to_string());
            let predicted = model.predicted.as_ref();
            let mut row = vec![
                model.rank.to_string(),
                model.name.clone(),
                digits(predicted.map(|found| found.value)),
                digits(predicted.map(|found| found.standard_error)),
                digits(predicted.map(|found| found.p_best)),
                whole(predicted.map(|found| found.rank_interval[0])),
                whole(predicted.map(|found| found.rank_interval[1])),
            ];
            for name in &scores {
                row.extend([digits(model.score(name)), digits(standard_error(model, name))]);
            }
            let by_score = model.score_uncertainty.as_ref();
            let race = model.race.as_ref();
            row.extend([
                digits(by_score.map(|found| found.p_best)),
                digits(by_score.and_then(|found| found.p_top_k)),
                whole(by_score.map(|found| found.rank_interval[0])),
                whole(by_score.map(|found| found.rank_interval[1])),
                model.feature_dim.to_string(),
                model.parameters.to_string(),
                digits(model.throughput()),
                digits(Some(model.seconds.extract + model.seconds.score)),
                whole(race.map(|record| record.samples)),
                race.map_or_else(String::new, |record| record.stopped.to_string()),
            ]);
            row
        });
        csv(&header, rows)
    }
}

/// All digits of a number; empty where there is none.
fn digits(value: Option<f64>) -> String {
    value.map_or_else(String::new, |value| value.to_string())
}
