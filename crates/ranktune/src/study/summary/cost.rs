//! The time of ranking against that of tuning every model.

use ranktune_report::study::{DataCost, StudyAccuracy, StudyCost, StudyData, StudyRanking};

/// The time on every data set, of the models that were both ranked and tuned by `method`.
pub(super) fn of_study(
    data: &[StudyData],
    method: &str,
    accuracies: &[StudyAccuracy],
    rankings: &[StudyRanking],
) -> StudyCost {
    let of_data = |(data, ranked): (&StudyData, &StudyRanking)| {
        let mut cost = DataCost {
            data: data.name.clone(),
            models: 0,
            extract_seconds: 0.0,
            score_seconds: 0.0,
            tuning_seconds: 0.0,
            seconds_ratio: None,
        };
        for model in ranked.ranking.iter().flat_map(|ranking| &ranking.models) {
            let is_cell =
                |row: &&StudyAccuracy| row.data == data.name && row.model == model.name && row.method == method;
            let tuned = accuracies.iter().find(is_cell);
            let Some(tuned) = tuned else { continue };
            cost.models += 1;
            cost.extract_seconds += model.seconds.extract;
            cost.score_seconds += model.seconds.score;
            cost.tuning_seconds += tuned.seconds;
        }
        cost.seconds_ratio = ratio(cost.tuning_seconds, cost.extract_seconds + cost.score_seconds);
        cost
    };
    let costs: Vec<DataCost> = data.iter().zip(rankings).map(of_data).collect();
    let ranking: f64 = costs.iter().map(|cost| cost.extract_seconds + cost.score_seconds).sum();
    let tuning: f64 = costs.iter().map(|cost| cost.tuning_seconds).sum();
    StudyCost {
        data: costs,
        ranking_seconds: ranking,
        tuning_seconds: tuning,
        seconds_ratio: ratio(tuning, ranking),
    }
}

fn ratio(tuning: f64, ranking: f64) -> Option<f64> {
    (tuning > 0.0 && ranking > 0.0).then(|| tuning / ranking)
}
