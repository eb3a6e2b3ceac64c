//! A ranking as CSV.

use super::columns::standard_error;
use crate::ranking::Ranking;
use crate::table::csv;

impl Ranking {
    /// The models as CSV, with all digits. Names of columns are the keys of the JSON; a value that is not defined is empty.
    pub fn csv(&self) -> String {
        let scores = self.score_names();
        let mut header: Vec<String> = ["rank", "model"].map(str::to_owned).into();
        for name in &scores {
            header.extend([(*name).to_owned(), format!("{name}_standard_error")]);
        }
        let throughput = self.throughput_unit().replace("/s", "_per_second");
        header.extend(
            [
                "p_best",
                "p_top_k",
                "rank_low",
                "rank_high",
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
            let mut row = vec![model.rank.to_string(), model.name.clone()];
            for name in &scores {
                row.extend([digits(model.score(name)), digits(standard_error(model, name))]);
            }
            let [low, high] = model.rank_interval.map_or([None, None], |ends| ends.map(Some));
            let race = model.race.as_ref();
            let whole = |value: Option<usize>| value.map_or_else(String::new, |value| value.to_string());
            row.extend([
                digits(model.p_best),
                digits(model.p_top_k),
                whole(low),
                whole(high),
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
