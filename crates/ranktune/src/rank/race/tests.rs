//! The rounds on a track of numbers: models whose scores and standard errors are known on every prefix.

use std::sync::Mutex;
use std::time::Duration;

use super::super::scores::ScoreList;
use super::*;

/// Deviations of replicates; each model takes them from another place on, so that their errors are not shared.
const NOISE: [f64; 10] = [0.3, -0.1, 0.2, -0.4, 0.1, 0.0, -0.2, 0.25, -0.15, 0.05];

/// 1,000 samples.
const ALL: usize = 1000;

struct Numbers {
    /// The score of each model on every prefix; NaN for a model that cannot be scored.
    values: Vec<f64>,
    /// Samples below which a model has no score.
    least: Vec<usize>,
    /// Of a model on one sample; it shrinks with the root of their number.
    error: f64,
    /// Seconds for a sample.
    rate: f64,
    seen: Vec<usize>,
    stopped: Vec<bool>,
    goals: Vec<Goal>,
    finals: Vec<(usize, usize)>,
}

impl Numbers {
    fn new(values: &[f64]) -> Self {
        Self {
            values: values.to_vec(),
            least: vec![0; values.len()],
            error: 1.0,
            rate: 0.001,
            seen: vec![0; values.len()],
            stopped: vec![false; values.len()],
            goals: Vec::new(),
            finals: Vec::new(),
        }
    }
}

impl Track for Numbers {
    fn samples(&self) -> usize {
        ALL
    }

    fn advance(&mut self, goal: Goal, reached: &mut super::super::track::Reached<'_>) -> Result<(), Error> {
        self.goals.push(goal);
        for model in 0..self.values.len() {
            if !self.stopped[model] {
                self.seen[model] = goal.samples;
                reached(model, self.score(model, goal));
            }
        }
        Ok(())
    }

    fn score(&mut self, model: usize, goal: Goal) -> Scored {
        assert!(
            self.seen[model] >= goal.samples,
            "a model is scored on samples that it has seen"
        );
        if self.values[model].is_nan() {
            return Err(Error::new(ErrorKind::Scores, "no number"));
        }
        if goal.detail == Detail::Interim && goal.samples < self.least[model] {
            return Ok(None);
        }
        if goal.detail == Detail::Final {
            self.finals.push((model, goal.samples));
        }
        let scale = self.error / (goal.samples as f64).sqrt();
        let replicates = (0..10).map(|group| self.values[model] + scale * NOISE[(group + 3 * model) % 10]);
        let list = ScoreList {
            entries: Vec::new(),
            jackknife: Some(Jackknife::new(self.values[model], replicates.collect()).unwrap()),
            permuted: None,
            classes: None,
        };
        Ok(Some(ModelScores {
            list,
            tensor: String::new(),
            n_features: 1,
            layers: Vec::new(),
            n_samples: goal.samples,
            seconds: 0.0,
        }))
    }

    fn stop(&mut self, model: usize) {
        self.stopped[model] = true;
    }

    fn cost(&self, model: usize) -> Cost {
        Cost {
            seconds: self.rate * self.seen[model] as f64,
            samples: self.seen[model],
            rows: self.seen[model],
        }
    }
}

#[derive(Default)]
struct Recorder(Mutex<Vec<String>>);

impl Progress for Recorder {
    fn event(&self, event: Event<'_>) {
        let line = match event {
            Event::ModelStopped { model, .. } => format!("stopped {model}"),
            Event::ModelSkipped { model, reason } => format!("skipped {model}: {reason}"),
            _ => return,
        };
        self.0.lock().unwrap().push(line);
    }
}

const NAMES: [&str; 6] = ["a", "b", "c", "d", "e", "f"];

fn run(track: &mut Numbers, options: Option<RaceOptions>, top_k: usize) -> (Raced, Vec<String>) {
    let recorder = Recorder::default();
    let race = Race {
        models: NAMES[..track.values.len()].to_vec(),
        options: options.as_ref(),
        top_k,
        n_columns: 3,
        seed: 0,
        progress: &recorder,
    };
    let raced = race.run(track).unwrap();
    (raced, recorder.0.into_inner().unwrap())
}

fn budget(seconds: f64) -> Option<RaceOptions> {
    Some(RaceOptions {
        budget: Some(Duration::from_secs_f64(seconds)),
        ..RaceOptions::default()
    })
}

/// Samples and models of every round, and why the race ended.
fn schedule(raced: &Raced) -> (Vec<(usize, usize)>, RaceEnd) {
    let summary = raced.summary.as_ref().unwrap();
    let rounds = summary.rounds.iter().map(|round| (round.samples, round.models));
    (rounds.collect(), summary.ended)
}

#[test]
fn a_plain_ranking_is_one_round_over_all_samples() {
    let mut track = Numbers::new(&[0.0, 1.0]);
    let (raced, events) = run(&mut track, None, 3);
    let goal = Goal {
        samples: ALL,
        detail: Detail::Final,
    };
    assert_eq!((track.goals, track.finals), (vec![goal], vec![(0, ALL), (1, ALL)]));
    assert!(raced.summary.is_none() && raced.models.iter().all(|model| model.record.is_none()));
    assert!(events.is_empty());
}

#[test]
fn prefixes_double_and_a_race_ends_at_half_of_the_samples_of_a_full_ranking() {
    let mut track = Numbers::new(&[1.0; 4]);
    let (raced, _) = run(&mut track, Some(RaceOptions::default()), 2);
    // Nobody is eliminated: 4 · 500 of 4 · 1000 samples.
    assert_eq!(schedule(&raced), (vec![(125, 4), (250, 4), (500, 4)], RaceEnd::Share));
    assert_eq!(track.finals, [(0, 500), (1, 500), (2, 500), (3, 500)]);
}

#[test]
fn the_schedule_does_not_depend_on_time_without_a_budget() {
    let schedules = [0.0, 0.001, 50.0].map(|rate| {
        let mut track = Numbers::new(&[1.0, 1.0, 0.98, 0.9, 0.2, 0.1]);
        track.rate = rate;
        schedule(&run(&mut track, Some(RaceOptions::default()), 2).0)
    });
    assert_eq!(schedules[0], schedules[1]);
    assert_eq!(schedules[1], schedules[2]);
}

#[test]
fn unlikely_models_are_eliminated_with_their_scores_and_the_rest_is_settled() {
    let mut track = Numbers::new(&[3.0, 2.0, 1.0, 0.5]);
    let (raced, events) = run(&mut track, Some(RaceOptions::default()), 2);
    assert_eq!(schedule(&raced), (vec![(125, 4)], RaceEnd::Settled));
    assert_eq!(events.len(), 2, "{events:?}");
    assert!(events.contains(&"stopped c".to_owned()) && events.contains(&"stopped d".to_owned()));
    let stopped: Vec<bool> = raced
        .models
        .iter()
        .map(|model| model.record.as_ref().unwrap().stopped)
        .collect();
    assert_eq!(stopped, [false, false, true, true]);
    let record = raced.models[3].record.as_ref().unwrap();
    assert_eq!((record.samples, record.p_top_k), (125, 0.0));
    let reason = record.reason.as_ref().unwrap();
    assert_eq!(
        reason,
        "after 125 of 1000 samples its chance to be among the first 2 was below 0.1 %"
    );
    assert!(raced.models.iter().all(|model| model.scores.is_ok()));
}

#[test]
fn a_race_keeps_at_least_k_models() {
    let mut track = Numbers::new(&[3.0, 2.0, 1.0]);
    let (raced, events) = run(&mut track, Some(RaceOptions::default()), 3);
    assert_eq!(schedule(&raced), (vec![(125, 3)], RaceEnd::Settled));
    assert!(events.is_empty());
}

#[test]
fn a_budget_decides_how_far_the_race_goes_and_what_is_settled_goes_on() {
    let values = [3.0, 2.0, 1.0, 0.5];
    // 0.001 s for a sample: four models on 125 samples take 0.5 s, and two are left.
    let mut track = Numbers::new(&values);
    let (raced, _) = run(&mut track, budget(3600.0), 2);
    assert_eq!(
        schedule(&raced),
        (vec![(125, 4), (250, 2), (500, 2), (1000, 2)], RaceEnd::Complete)
    );
    let mut track = Numbers::new(&values);
    let (raced, _) = run(&mut track, budget(0.7005), 2);
    assert_eq!(schedule(&raced), (vec![(125, 4), (225, 2)], RaceEnd::Time));
    // Features that are all in the store cost nothing.
    let mut track = Numbers::new(&values);
    track.rate = 0.0;
    let (raced, _) = run(&mut track, budget(0.1), 2);
    assert_eq!(schedule(&raced).1, RaceEnd::Complete);
}

#[test]
fn a_model_without_a_score_yet_is_deferred_and_neither_eliminated_nor_settled() {
    let mut track = Numbers::new(&[3.0, 2.0, 1.0]);
    track.least[2] = 200;
    let (raced, events) = run(&mut track, Some(RaceOptions::default()), 2);
    assert_eq!(schedule(&raced), (vec![(125, 3), (250, 3)], RaceEnd::Settled));
    assert_eq!(events, ["stopped c"]);
    assert_eq!(raced.models[2].record.as_ref().unwrap().samples, 250);
}

#[test]
fn a_model_that_cannot_be_scored_is_reported_once_and_ends_no_race() {
    for options in [None, Some(RaceOptions::default()), budget(3600.0)] {
        let mut track = Numbers::new(&[3.0, f64::NAN, 2.0]);
        let (raced, events) = run(&mut track, options, 2);
        assert_eq!(events, ["skipped b: no number"], "{options:?}");
        let usable: Vec<bool> = raced.models.iter().map(|model| model.scores.is_ok()).collect();
        assert_eq!(usable, [true, false, true]);
    }
}
