//! Successive halving, where there is no decision model: the first models of the ranking are tried on the shortest rung, the better half
//! of them on the next, and so on (Jamieson and Talwalkar, AISTATS 2016).

use super::schedule::{Next, Step};
use super::standing::Standing;
use ranktune_report::ranking::DecisionEnd;

/// Models on the first rung.
const FIRST: usize = 8;

/// The next step. Models are in the order of the ranking.
pub(crate) fn next_step(standing: &Standing<'_>, budget: f64) -> Next {
    let seconds = standing.epoch_seconds();
    let mut field: Vec<usize> = (0..standing.reached.len().min(FIRST)).collect();
    for rung in 0..standing.rungs.len() {
        if field.len() <= 1 {
            break;
        }
        for &model in &field {
            if standing.reached[model].len() > rung || standing.is_out(model) {
                continue;
            }
            let cost = standing.epochs_to(model, rung) as f64 * seconds[model];
            if cost > budget {
                return Next::End(DecisionEnd::Budget);
            }
            return Next::Try(Step { model, seconds: cost });
        }
        let value = |model: usize| standing.reached[model].get(rung).and_then(|rung| rung.value);
        let mut ranked: Vec<(usize, f64)> = field
            .iter()
            .filter(|&&model| !standing.is_out(model))
            .filter_map(|&model| Some((model, value(model)?)))
            .collect();
        ranked.sort_by(|a, b| b.1.total_cmp(&a.1));
        let kept = ranked.len().div_ceil(2);
        field = ranked.into_iter().take(kept).map(|(model, _)| model).collect();
    }
    Next::End(DecisionEnd::NothingToLearn)
}

#[cfg(test)]
mod tests {
    use super::super::standing::tests::{done, standing};
    use super::*;

    /// Runs to the end, with a value and a second an epoch for each model.
    fn order(values: &[f64], budget: f64) -> (Vec<(usize, usize)>, DecisionEnd) {
        let rungs = [1, 2, 4];
        let mut standing = standing(&rungs, values.len());
        let mut steps = Vec::new();
        loop {
            match next_step(&standing, budget - standing.spent()) {
                Next::End(end) => return (steps, end),
                Next::Try(step) => {
                    let rung = standing.reached[step.model].len();
                    let count = standing.configurations_left(step.model);
                    let trained = standing.epochs_to(step.model, rung);
                    steps.push((step.model, rungs[rung]));
                    let value = values[step.model];
                    standing.reached[step.model].push(done(rungs[rung], value, trained as f64, (count, trained)));
                }
            }
        }
    }

    #[test]
    fn the_better_half_goes_on_until_one_is_left() {
        let (steps, end) = order(&[0.1, 0.4, 0.3, 0.2], f64::INFINITY);
        assert_eq!(steps, [(0, 1), (1, 1), (2, 1), (3, 1), (1, 2), (2, 2)]);
        assert_eq!(end, DecisionEnd::NothingToLearn);
    }

    #[test]
    fn the_budget_ends_it() {
        // Three first rungs of 5 s fit 19 s.
        let (steps, end) = order(&[0.1, 0.4, 0.3, 0.2], 19.0);
        assert_eq!((steps.len(), end), (3, DecisionEnd::Budget));
    }

    #[test]
    fn one_model_is_not_tried_and_of_many_the_first_of_the_ranking_are() {
        assert_eq!(order(&[0.5], f64::INFINITY).0, []);
        let (steps, _) = order(&[0.5; 20], f64::INFINITY);
        assert_eq!(steps.iter().filter(|(_, epochs)| *epochs == 1).count(), FIRST);
    }
}
