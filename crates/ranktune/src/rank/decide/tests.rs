//! What must hold of decisions, whatever the record.

use ranktune_data::Task;
use ranktune_report::ranking::{Decision, DecisionEnd, RankedModel, Ranking};
use ranktune_report::{RecordRow, ranking};
use ranktune_scores::decision::{Rung, Trial};
use serde_json::json;

use super::{Answer, Belief, ModelFacts, Question, TrialKinds};
use crate::record::shipped;

const PROTOCOL: &str = "ranktune b-tuning";

/// Models by name with their LogME.
fn question(models: &[(&str, f64)]) -> Question {
    Question {
        task: Task::Classification,
        too_few: None,
        data: "flowers".to_owned(),
        data_digest: "d".to_owned(),
        protocol: PROTOCOL.to_owned(),
        models: models
            .iter()
            .map(|(name, logme)| ModelFacts {
                name: (*name).to_owned(),
                digest: format!("digest of {name}"),
                scores: [("logme".to_owned(), *logme)].into(),
                ..ModelFacts::default()
            })
            .collect(),
    }
}

/// The models as a ranking by score has them.
fn ranked(question: &Question) -> Vec<RankedModel> {
    let models: Vec<serde_json::Value> = question
        .models
        .iter()
        .enumerate()
        .map(|(at, model)| {
            json!({
                "rank": at + 1, "name": model.name, "digest": model.digest, "parameters": 1, "feature_tensor": "x", "feature_dim": 1,
                "scores": {"logme": {"value": model.scores.get("logme")}}, "score_uncertainty": null,
                "seconds": {"extract": 0.0, "score": 0.0},
            })
        })
        .collect();
    serde_json::from_value(json!(models)).unwrap()
}

fn belief(question: &Question, rows: &[RecordRow]) -> Belief {
    match Belief::of(question, rows, TrialKinds::default()) {
        Answer::Belief(belief) => *belief,
        Answer::Undecided(reason) => panic!("{reason}"),
    }
}

fn undecided(question: &Question, rows: &[RecordRow]) -> String {
    match Belief::of(question, rows, TrialKinds::default()) {
        Answer::Belief(_) => panic!("a decision was made"),
        Answer::Undecided(reason) => reason,
    }
}

fn decide(question: &Question, rows: &[RecordRow]) -> (Vec<RankedModel>, Decision) {
    let mut models = ranked(question);
    let decision = belief(question, rows)
        .conclude(&mut models, (Vec::new(), DecisionEnd::NoTrials), 0)
        .unwrap();
    (models, decision)
}

fn names(models: &[RankedModel]) -> Vec<&str> {
    models.iter().map(|model| model.name.as_str()).collect()
}

fn p_best(models: &[RankedModel], name: &str) -> f64 {
    let model = models.iter().find(|model| model.name == name).unwrap();
    model.predicted.as_ref().unwrap().p_best
}

/// Results on data sets in turn, of models by name.
fn rows(table: &[&[(&str, f64)]]) -> Vec<RecordRow> {
    let of = |(set, results): (usize, &&[(&str, f64)])| -> Vec<RecordRow> {
        let row =
            |(model, value): &(&str, f64)| RecordRow::new(model, &format!("set {set}"), "accuracy", *value, PROTOCOL);
        results.iter().map(row).collect()
    };
    table.iter().enumerate().flat_map(of).collect()
}

#[test]
fn without_a_record_the_order_is_that_of_the_score_and_the_odds_are_no_certainty() {
    let question = question(&[("a", 0.9), ("b", 0.6), ("c", 0.3), ("d", 0.1)]);
    let (models, decision) = decide(&question, &[]);
    assert_eq!(names(&models), ["a", "b", "c", "d"]);
    assert_eq!((decision.best.as_str(), decision.record_rows), ("a", 0));
    let p: Vec<f64> = ["a", "b", "c", "d"].map(|name| p_best(&models, name)).to_vec();
    assert!((p.iter().sum::<f64>() - 1.0).abs() < 1e-9, "{p:?}");
    assert!(p.windows(2).all(|pair| pair[0] > pair[1]), "{p:?}");
    // The score explains a quarter of the differences in accuracy: its first model is the best more often than by chance, not always.
    assert!(p[0] > 0.3 && p[0] < 0.7 && p[3] > 0.02, "{p:?}");
    assert!(
        decision.expected_regret.is_some_and(|regret| regret > 0.002),
        "{decision:?}"
    );
    // Shipped results of other models change how sure that is, and not the order.
    let (models, decision) = decide(&question, &shipped().rows);
    assert_eq!(names(&models), ["a", "b", "c", "d"]);
    assert_eq!(decision.record_rows, shipped().rows.len());
    assert!(
        models
            .iter()
            .all(|model| model.predicted.as_ref().unwrap().record_rows == 0)
    );
}

#[test]
fn the_order_of_models_and_rows_does_not_matter() {
    let record = rows(&[
        &[("a", 0.9), ("b", 0.8), ("x", 0.85)],
        &[("a", 0.7), ("b", 0.72), ("c", 0.5)],
        &[("b", 0.95), ("c", 0.9)],
    ]);
    let one = question(&[("a", 0.2), ("b", 0.1), ("c", 0.5), ("d", 0.4)]);
    let mut other = one.clone();
    other.models.rotate_left(2);
    let reversed: Vec<RecordRow> = record.iter().rev().cloned().collect();
    let (first, second) = (decide(&one, &record).0, decide(&other, &reversed).0);
    assert_eq!(names(&first), names(&second));
    for (a, b) in first.iter().zip(&second) {
        let (a, b) = (a.predicted.as_ref().unwrap(), b.predicted.as_ref().unwrap());
        assert!((a.value - b.value).abs() < 1e-6 && (a.standard_error - b.standard_error).abs() < 1e-6);
        assert!((a.p_best - b.p_best).abs() < 0.03, "{} {}", a.p_best, b.p_best);
    }
}

#[test]
fn a_record_overrules_the_score_and_one_row_does_not_yet() {
    let question = question(&[("a", 0.9), ("b", 0.5), ("c", 0.1)]);
    let table: Vec<&[(&str, f64)]> = vec![&[("a", 0.7), ("b", 0.8), ("c", 0.9)]; 6];
    let (models, _) = decide(&question, &rows(&table));
    assert_eq!(names(&models), ["c", "b", "a"]);
    let found = models[0].predicted.as_ref().unwrap();
    assert_eq!((found.record_rows, found.matched_by.as_deref()), (6, Some("name")));

    let alone = p_best(&decide(&question, &[]).0, "a");
    let (models, decision) = decide(&question, &rows(&[&[("c", 0.9)]]));
    assert_eq!((names(&models)[0], decision.record_rows), ("a", 1));
    assert!((p_best(&models, "a") - alone).abs() < 0.1);
}

#[test]
fn a_record_that_contradicts_itself_leaves_the_score_and_loses_no_row() {
    let question = question(&[("a", 0.9), ("b", 0.5), ("c", 0.1)]);
    let mut contradictory = rows(&[
        &[("a", 0.9), ("b", 0.8), ("c", 0.7)],
        &[("a", 0.7), ("b", 0.8), ("c", 0.9)],
    ]);
    contradictory.extend(rows(&[
        &[("a", 0.7), ("b", 0.8), ("c", 0.9)],
        &[("a", 0.9), ("b", 0.8), ("c", 0.7)],
    ]));
    let (models, decision) = decide(&question, &contradictory);
    assert_eq!((names(&models), decision.record_rows), (vec!["a", "b", "c"], 12));
    assert!(p_best(&models, "a") < 0.8);
}

#[test]
fn identical_models_share_what_is_known_and_their_odds() {
    let mut question = question(&[("a", 0.5), ("copy of a", 0.5), ("b", 0.2)]);
    question.models[1].digest = question.models[0].digest.clone();
    let table: Vec<&[(&str, f64)]> = vec![&[("a", 0.9), ("b", 0.8)]; 3];
    let (models, _) = decide(&question, &rows(&table));
    let [a, copy] = ["a", "copy of a"].map(|name| models.iter().find(|model| model.name == name).unwrap());
    let [a, copy] = [a, copy].map(|model| model.predicted.clone().unwrap());
    assert!((a.value - copy.value).abs() < 1e-9);
    assert!((a.p_best - copy.p_best).abs() < 0.03, "{a:?} {copy:?}");
    assert_eq!((a.record_rows, copy.record_rows), (3, 3));
}

#[test]
fn models_are_found_by_digest_then_by_repository_then_by_name() {
    let mut question = question(&[("a", 0.5), ("b", 0.4), ("c", 0.3)]);
    question.models[1].hub_id = Some("hf:org/b".to_owned());
    let with = |change: &dyn Fn(&mut RecordRow), name: &str| {
        let mut row = RecordRow::new(name, "pets", "accuracy", 0.9, PROTOCOL);
        change(&mut row);
        row
    };
    let rows = [
        with(&|row| row.digest = Some("digest of a".to_owned()), "another name"),
        with(&|row| row.hub_id = Some("hf:org/b".to_owned()), "another name"),
        with(&|_| {}, "c"),
        // Other models of the same names.
        with(&|row| row.digest = Some("another digest".to_owned()), "c"),
        with(&|row| row.hub_id = Some("hf:other/b".to_owned()), "b"),
    ];
    let (models, _) = decide(&question, &rows);
    for (name, by) in [("a", "digest"), ("b", "hub-id"), ("c", "name")] {
        let model = models.iter().find(|model| model.name == name).unwrap();
        let found = model.predicted.as_ref().unwrap();
        assert_eq!(
            (found.record_rows, found.matched_by.as_deref()),
            (1, Some(by)),
            "{name}"
        );
    }
}

#[test]
fn results_of_a_family_count_for_its_members_and_a_family_is_no_guess() {
    let mut question = question(&[("resnet26", 0.5), ("vgg16", 0.5)]);
    question.models[0].family = Some("ResNet".to_owned());
    question.models[1].family = Some("vgg".to_owned());
    let mut rows = rows(&[&[("resnet50", 0.95), ("resnet18", 0.94), ("x", 0.7), ("y", 0.71)][..]; 5]);
    for row in rows.iter_mut().filter(|row| row.model.starts_with("resnet")) {
        row.family = Some("resnet".to_owned());
    }
    let (models, _) = decide(&question, &rows);
    assert_eq!(names(&models)[0], "resnet26");
    assert_eq!(models[0].predicted.as_ref().unwrap().family.as_deref(), Some("resnet"));
    assert_eq!(models[1].predicted.as_ref().unwrap().family, None);
}

#[test]
fn a_result_on_the_same_data_is_known_and_one_of_the_same_name_only_with_the_same_digest() {
    let question = question(&[("a", 0.5), ("b", 0.5)]);
    let mut here = RecordRow::new("a", "renamed", "accuracy", 0.93, PROTOCOL);
    here.data_digest = Some("d".to_owned());
    let (models, _) = decide(&question, &[here.clone()]);
    let a = models.iter().find(|model| model.name == "a").unwrap();
    let found = a.predicted.as_ref().unwrap();
    assert!(
        (found.value - 0.93).abs() < 1e-3 && found.standard_error < 2e-3,
        "{found:?}"
    );

    let mut elsewhere = here;
    elsewhere.data = "flowers".to_owned();
    elsewhere.data_digest = Some("another".to_owned());
    let (models, _) = decide(&question, &[elsewhere]);
    let a = models.iter().find(|model| model.name == "a").unwrap();
    assert!(a.predicted.as_ref().unwrap().standard_error > 0.02);
}

#[test]
fn rows_of_other_metrics_and_impossible_values_do_not_count() {
    let question = question(&[("a", 0.9), ("b", 0.5)]);
    let mut odd = rows(&[&[("b", 0.99), ("a", 0.1)][..]; 4]);
    for row in &mut odd {
        row.metric = "map".to_owned();
    }
    odd.push(RecordRow::new("b", "x", "accuracy", 99.0, PROTOCOL));
    odd.push(RecordRow::new("b", "x", "accuracy", f64::NAN, PROTOCOL));
    let (models, decision) = decide(&question, &odd);
    assert_eq!((names(&models), decision.record_rows), (vec!["a", "b"], 0));
}

#[test]
fn where_nothing_can_be_predicted_the_reason_is_said() {
    let mut few = question(&[("a", 0.9), ("b", 0.5)]);
    few.too_few = Some("3 samples are too few".to_owned());
    assert!(undecided(&few, &[]).contains("3 samples are too few"));

    let mut numbers = question(&[("a", 0.9)]);
    numbers.task = Task::Regression;
    assert!(undecided(&numbers, &[]).contains("not for regression"));

    let mut labels = question(&[("a", 0.9), ("b", 0.5)]);
    labels.task = Task::MultiLabel;
    assert!(undecided(&labels, &shipped().rows).contains("too few results of map"));
    let mut of_labels = rows(&[&[("a", 0.6), ("b", 0.5)][..]; 3]);
    for row in &mut of_labels {
        row.metric = "map".to_owned();
    }
    assert_eq!(belief(&labels, &of_labels).metric, "map");

    let mut unscored = question(&[("a", 0.9), ("b", 0.5)]);
    for model in &mut unscored.models {
        model.scores.clear();
    }
    assert!(undecided(&unscored, &shipped().rows).contains("no result of these models"));
    assert_eq!(
        names(&decide(&unscored, &rows(&[&[("b", 0.9), ("a", 0.8)][..]; 3])).0)[0],
        "b"
    );
}

#[test]
fn a_trial_is_believed_and_replaces_an_earlier_one_of_its_rung() {
    let question = question(&[("a", 0.9), ("b", 0.5)]);
    let long = TrialKinds {
        rungs: vec![Rung::new("long", 0.5)],
        sampling: 0.0,
    };
    let Answer::Belief(mut belief) = Belief::of(&question, &[], long) else {
        panic!("no belief");
    };
    for (model, accuracy) in [(0, 0.9), (0, 0.70), (1, 0.80)] {
        belief.add_trial(Trial {
            model,
            rung: Some(0),
            accuracy,
        });
    }
    let mut models = ranked(&question);
    let decision = belief
        .conclude(&mut models, (Vec::new(), DecisionEnd::Tolerance), 0)
        .unwrap();
    assert_eq!((decision.best.as_str(), models[0].rank), ("b", 1));
    assert!(p_best(&models, "b") > 0.9);
}

#[test]
fn eliminated_models_stay_behind_without_a_prediction() {
    let question = question(&[("a", 0.5), ("b", 0.4)]);
    let mut all = question.clone();
    all.models.push(ModelFacts {
        name: "eliminated".to_owned(),
        ..ModelFacts::default()
    });
    let mut models = ranked(&all);
    let table: Vec<&[(&str, f64)]> = vec![&[("b", 0.9), ("a", 0.5)]; 4];
    belief(&question, &rows(&table))
        .conclude(&mut models, (Vec::new(), DecisionEnd::NoTrials), 0)
        .unwrap();
    assert_eq!(names(&models), ["b", "a", "eliminated"]);
    assert_eq!(models.iter().map(|model| model.rank).collect::<Vec<_>>(), [1, 2, 3]);
    assert_eq!(models[2].predicted, None);
}

#[test]
fn the_document_reads_back() {
    let question = question(&[("a", 0.5), ("b", 0.4)]);
    let (models, decision) = decide(&question, &shipped().rows);
    let document = json!({
        "schema": ranking::SCHEMA, "task": "classification", "data": {"path": "d", "samples": 400, "classes": [], "digest": "d"},
        "options": {}, "models": models, "decision": decision, "skipped": [],
    });
    let read: Ranking = serde_json::from_value(document).unwrap();
    assert_eq!((read.models, read.decision), (models, Some(decision)));
}
