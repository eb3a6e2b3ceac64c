//! What must hold of a search, with trials that cost what they are said to cost.

use std::cell::RefCell;
use std::collections::BTreeSet;

use ranktune_core::{Interrupt, Silent};
use ranktune_data::Task;
use ranktune_report::ranking::DecisionEnd;
use ranktune_report::trial::{TrialRung, TrialStatus};
use ranktune_scores::decision::{AdviceOptions, OutlookOptions, Trial};

use super::results;
use super::schedule::{self, Next, weigh};
use super::search::Search;
use super::standing::Standing;
use super::standing::tests::{done, standing};
use super::trial::{Trainer, half};
use crate::error::{Error, ErrorKind};
use crate::rank::decide::{Answer, Belief, ModelFacts, Question};

const RUNGS: [usize; 4] = [1, 2, 4, 8];

/// Accuracies after tuning, of which a trial of e epochs falls short by 0.1 / e. A second an epoch.
struct Fake {
    accuracies: Vec<f64>,
    diverging: BTreeSet<usize>,
    /// The call that is interrupted, from 0.
    stops_at: Option<usize>,
    calls: RefCell<Vec<(usize, usize)>>,
}

impl Fake {
    fn new(accuracies: &[f64]) -> Self {
        Self {
            accuracies: accuracies.to_vec(),
            diverging: BTreeSet::new(),
            stops_at: None,
            calls: RefCell::default(),
        }
    }
}

impl Trainer for Fake {
    fn step(&self, model: usize, epochs: usize, earlier: &[TrialRung]) -> Result<TrialRung, Error> {
        if self.stops_at == Some(self.calls.borrow().len()) {
            return Err(Error::new(ErrorKind::Interrupted, "stopped"));
        }
        self.calls.borrow_mut().push((model, epochs));
        let (count, from) = earlier
            .last()
            .map_or((5, 0), |below| (half(below.configurations.len()), below.epochs));
        let trained = count * (epochs - from);
        let value = self.accuracies[model] - 0.1 / epochs as f64;
        let rung = done(epochs, value, trained as f64, (count, trained));
        if self.diverging.contains(&model) {
            return Ok(TrialRung {
                status: TrialStatus::Diverged,
                value: None,
                metric: None,
                reason: Some("the loss is NaN".to_owned()),
                configurations: Vec::new(),
                epochs_trained: 0,
                ..rung
            });
        }
        Ok(rung)
    }
}

/// Models whose scores rise with their position.
fn question(count: usize) -> Question {
    let of_model = |at: usize| ModelFacts {
        name: format!("model {at}"),
        digest: format!("digest {at}"),
        scores: [("logme".to_owned(), 0.01 * at as f64)].into(),
        ..ModelFacts::default()
    };
    Question {
        task: Task::Classification,
        too_few: None,
        data: "flowers".to_owned(),
        data_digest: "d".to_owned(),
        protocol: "ranktune fine-tune".to_owned(),
        models: (0..count).map(of_model).collect(),
    }
}

fn belief(count: usize) -> Belief {
    let kinds = results::trial_kinds(&standing(&RUNGS, count), &question(count), 1000);
    match Belief::of(&question(count), &[], kinds) {
        Answer::Belief(belief) => *belief,
        Answer::Undecided(reason) => panic!("{reason}"),
    }
}

fn search(
    trainer: &Fake,
    standing: &mut Standing<'_>,
    (tolerance, budget): (f64, Option<f64>),
) -> Result<DecisionEnd, Error> {
    let count = standing.reached.len();
    let names: Vec<String> = (0..count).map(|at| format!("model {at}")).collect();
    let belief = belief(count);
    Search {
        names: &names,
        trainer,
        belief: Some(&belief),
        tolerance,
        budget,
        seed: 0,
        progress: &Silent,
        interrupt: &Interrupt::default(),
    }
    .run(standing)
}

/// Expected regret of the first model, and its position, by what is known now.
fn regret(standing: &Standing<'_>) -> (f64, usize) {
    let belief = belief(standing.reached.len());
    let weighed = weigh(&belief, standing, &AdviceOptions::default()).unwrap();
    let outlook = weighed.outlook.unwrap();
    (outlook.expected_regret, weighed.left[outlook.first])
}

const ACCURACIES: [f64; 4] = [0.80, 0.92, 0.86, 0.84];

#[test]
fn trials_lower_the_regret_and_find_the_best_model_against_its_score() {
    let mut found = standing(&RUNGS, 4);
    let before = regret(&found);
    assert_eq!(before.1, 3, "the score is highest for the last");
    let end = search(&Fake::new(&ACCURACIES), &mut found, (0.005, Some(1000.0))).unwrap();
    let after = regret(&found);
    assert_eq!(after.1, 1, "{:?}", schedule::trials(&found));
    assert!(after.0 < before.0, "{before:?} {after:?}");
    let is_done = match end {
        DecisionEnd::Tolerance => after.0 <= 0.005,
        other => other == DecisionEnd::NothingToLearn,
    };
    assert!(is_done, "{end:?} {after:?}");
}

#[test]
fn a_tolerance_that_is_met_from_the_start_runs_no_trial() {
    let trainer = Fake::new(&ACCURACIES);
    let mut found = standing(&RUNGS, 4);
    assert_eq!(
        search(&trainer, &mut found, (0.5, None)).unwrap(),
        DecisionEnd::Tolerance
    );
    assert!(trainer.calls.borrow().is_empty());
    assert_eq!(found.cost().share, 0.0);
}

#[test]
fn only_trials_that_fit_the_budget_run() {
    for budget in [4.0, 5.0, 9.0, 10.0, 17.0] {
        let trainer = Fake::new(&ACCURACIES);
        let mut found = standing(&RUNGS, 4);
        let end = search(&trainer, &mut found, (0.0, Some(budget))).unwrap();
        assert!(found.spent() <= budget, "{budget}: {}", found.spent());
        // A first rung takes 5 s.
        assert_eq!(trainer.calls.borrow().is_empty(), budget < 5.0, "{budget}");
        if budget <= 5.0 {
            assert_eq!(end, DecisionEnd::Budget, "{budget}");
        }
    }
}

#[test]
fn the_default_budget_of_twenty_models_is_a_twentieth_of_tuning_them() {
    let accuracies: Vec<f64> = (0..20).map(|at| 0.8 + 0.005 * f64::from(at * 7 % 20)).collect();
    let mut found = standing(&RUNGS, 20);
    search(&Fake::new(&accuracies), &mut found, (0.0, None)).unwrap();
    assert!(
        found.spent() > 0.0 && found.cost().share <= 0.05 + 1e-12,
        "{:?}",
        found.cost()
    );
}

#[test]
fn a_model_that_diverges_is_left_out_and_the_search_goes_on() {
    let mut trainer = Fake::new(&ACCURACIES);
    // The one that the score prefers.
    trainer.diverging = [3].into();
    let mut found = standing(&RUNGS, 4);
    search(&trainer, &mut found, (0.001, Some(1000.0))).unwrap();
    let calls = trainer.calls.into_inner();
    assert_eq!(calls.iter().filter(|(model, _)| *model == 3).count(), 1, "{calls:?}");
    assert_eq!(found.left(), [0, 1, 2]);
    assert_eq!(regret(&found).1, 1);
    let rows = results::trial_results(&question(4), &found);
    let row = rows.iter().find(|row| row.model == "model 3").unwrap();
    assert_eq!((row.status, row.value), (TrialStatus::Diverged, None));
    assert_eq!(row.reason.as_deref(), Some("the loss is NaN"));
    assert!(
        results::record_rows(&question(4), &found, &[])
            .iter()
            .all(|row| row.model != "model 3")
    );
}

#[test]
fn where_every_model_diverges_the_search_ends() {
    let mut trainer = Fake::new(&ACCURACIES);
    trainer.diverging = (0..4).collect();
    let mut found = standing(&RUNGS, 4);
    let end = search(&trainer, &mut found, (0.0, Some(1000.0))).unwrap();
    // One model alone has no regret.
    assert!(
        matches!(end, DecisionEnd::NothingToLearn | DecisionEnd::Tolerance),
        "{end:?}"
    );
    assert!(trainer.calls.borrow().len() <= 4);
}

#[test]
fn a_search_that_was_stopped_anywhere_goes_on_to_the_same_trials() {
    let whole = Fake::new(&ACCURACIES);
    let mut expected = standing(&RUNGS, 4);
    let end = search(&whole, &mut expected, (0.002, Some(60.0))).unwrap();
    let count = whole.calls.borrow().len();
    assert!(count > 2, "{count}");
    for stop in 0..count {
        let mut first = Fake::new(&ACCURACIES);
        first.stops_at = Some(stop);
        let mut found = standing(&RUNGS, 4);
        let stopped = search(&first, &mut found, (0.002, Some(60.0))).unwrap();
        assert_eq!(stopped, DecisionEnd::Interrupted);
        let second = Fake::new(&ACCURACIES);
        assert_eq!(search(&second, &mut found, (0.002, Some(60.0))).unwrap(), end);
        assert_eq!(found.reached, expected.reached, "stopped before call {stop}");
        let calls = [first.calls.into_inner(), second.calls.into_inner()].concat();
        assert_eq!(calls, *whole.calls.borrow());
    }
}

#[test]
fn without_a_decision_model_trials_halve_the_models() {
    let trainer = Fake::new(&ACCURACIES);
    let names: Vec<String> = (0..4).map(|at| format!("model {at}")).collect();
    let mut found = standing(&RUNGS, 4);
    let end = Search {
        names: &names,
        trainer: &trainer,
        belief: None,
        tolerance: 0.01,
        budget: Some(1000.0),
        seed: 0,
        progress: &Silent,
        interrupt: &Interrupt::default(),
    }
    .run(&mut found)
    .unwrap();
    assert_eq!(end, DecisionEnd::NothingToLearn);
    assert_eq!(
        trainer.calls.into_inner(),
        [(0, 1), (1, 1), (2, 1), (3, 1), (1, 2), (2, 2)]
    );
}

#[test]
fn a_step_goes_one_rung_up_whatever_the_plan() {
    let mut found = standing(&RUNGS, 4);
    found.reached[3].push(done(1, 0.74, 5.0, (5, 5)));
    let weighed = weigh(&belief(4), &found, &AdviceOptions::default()).unwrap();
    let Next::Try(step) = weighed.next else {
        panic!("{weighed:?}")
    };
    let rung = found.reached[step.model].len();
    assert!(
        (step.seconds - found.epochs_to(step.model, rung) as f64).abs() < 1e-9,
        "{step:?}"
    );
}

#[test]
fn a_row_of_a_kept_trial_is_recognised_and_not_added_again() {
    let mut found = standing(&RUNGS, 2);
    found.reached[1].push(done(1, 0.7, 5.0, (5, 5)));
    let question = question(2);
    let rows = results::record_rows(&question, &found, &[]);
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0].rung.as_deref(), Some("1 of 10 epochs"));
    assert!(results::is_of_kept_trial(&rows[0], &question, &found));
    let mut earlier = rows[0].clone();
    earlier.date = "2020-02-02".to_owned();
    assert!(results::record_rows(&question, &found, &[earlier.clone()]).is_empty());
    earlier.rung = Some("2 of 10 epochs".to_owned());
    assert!(!results::is_of_kept_trial(&earlier, &question, &found));
    assert_eq!(results::record_rows(&question, &found, &[earlier]).len(), 1);
}

#[test]
fn fewer_validation_samples_make_trials_noisier() {
    let noise = |n_validation: usize| {
        let mut belief = match Belief::of(
            &question(2),
            &[],
            results::trial_kinds(&standing(&RUNGS, 2), &question(2), n_validation),
        ) {
            Answer::Belief(belief) => *belief,
            Answer::Undecided(reason) => panic!("{reason}"),
        };
        for (model, accuracy) in [(0, 0.8), (1, 0.7)] {
            belief.add_trial(Trial {
                model,
                rung: Some(0),
                accuracy,
            });
        }
        belief
            .posterior()
            .unwrap()
            .outlook(&OutlookOptions::default())
            .unwrap()
            .models[0]
            .p_best
    };
    assert!(noise(20) < noise(20_000) - 0.05, "{} {}", noise(20), noise(20_000));
}
