//! A study with every kind of row: it reads back, and its tables say what it holds.

use std::collections::BTreeMap;

use serde_json::{Map, json};

use super::*;
use crate::record;

fn accuracy(model: &str, value: f64, deviation: Option<f64>) -> StudyAccuracy {
    StudyAccuracy {
        data: "pets".to_owned(),
        model: model.to_owned(),
        method: "fine-tune".to_owned(),
        metric: "accuracy".to_owned(),
        protocol: "fine-tune, all samples, 10 epochs, learning rate auto".to_owned(),
        value,
        deviation,
        values: vec![value],
        seconds: 30.0,
        scores: BTreeMap::from([("logme".to_owned(), 0.25)]),
        rungs: Vec::new(),
    }
}

fn study() -> Study {
    let model = |name: &str, parameters| StudyModel {
        name: name.to_owned(),
        digest: format!("digest of {name}"),
        parameters,
    };
    Study {
        schema: SCHEMA.to_owned(),
        settings: Map::from_iter([("seeds".to_owned(), json!([0, 1]))]),
        data: vec![StudyData {
            name: "pets".to_owned(),
            path: "data/pets".to_owned(),
            kind: "images".to_owned(),
            task: "classification".to_owned(),
            metric: "accuracy".to_owned(),
            samples: 300,
            test_samples: 75,
            test_source: TestSource::HeldOut,
            classes: 5,
            digest: "digest of pets".to_owned(),
            models: vec!["vit".to_owned(), "resnet".to_owned(), "mixer".to_owned()],
        }],
        models: vec![
            model("vit", 5_700_000),
            model("resnet", 11_700_000),
            model("mixer", 900_000),
        ],
        skipped: Vec::new(),
        measured: 3,
        failures: vec![StudyFailure {
            data: "pets".to_owned(),
            model: Some("mixer".to_owned()),
            method: Some("fine-tune".to_owned()),
            seed: Some(1),
            reason: "the loss diverged".to_owned(),
        }],
        accuracies: vec![accuracy("vit", 0.9, Some(0.01)), accuracy("resnet", 0.85, None)],
        agreement: vec![Agreement {
            method: "fine-tune".to_owned(),
            metric: "accuracy".to_owned(),
            kind: "images".to_owned(),
            level: 0.9,
            scores: vec![ScoreAgreement {
                score: "logme".to_owned(),
                weighted_tau: Some(0.5),
                interval: Some([-0.25, 1.0]),
                top_1_regret: Some(0.05),
                top_3_regret: Some(0.0),
                data: vec![DataAgreement {
                    data: "pets".to_owned(),
                    models: 2,
                    weighted_tau: None,
                    interval: None,
                    top_1_regret: Some(0.05),
                    top_3_regret: Some(0.0),
                }],
            }],
        }],
        decisions: vec![DecisionCalibration {
            method: "fine-tune".to_owned(),
            metric: "accuracy".to_owned(),
            kind: "images".to_owned(),
            scores: vec!["logme".to_owned()],
            data_sets: 2,
            predictions: 4,
            weighted_tau: Some(0.75),
            top_1_regret: Some(0.01),
            expected_regret: Some(0.02),
            levels: vec![0.5, 0.9],
            coverage: vec![0.52, 0.91],
            coverage_of_differences: vec![0.6, 0.95],
            brier: Some(0.3),
            uniform_brier: Some(0.5),
            bins: vec![ProbabilityRange {
                below: 1.0,
                predictions: 4,
                probability: Some(0.5),
                best: Some(0.5),
            }],
        }],
        methods: vec![MethodTable {
            data: "pets".to_owned(),
            metric: "accuracy".to_owned(),
            models: 2,
            methods: vec![MethodMean {
                method: "fine-tune".to_owned(),
                value: Some(0.875),
                best: Some(0.9),
                difference: None,
                standard_error: None,
                seconds: Some(30.0),
            }],
        }],
        cost: StudyCost {
            data: vec![DataCost {
                data: "pets".to_owned(),
                models: 2,
                extract_seconds: 1.5,
                score_seconds: 0.5,
                tuning_seconds: 60.0,
                seconds_ratio: Some(30.0),
            }],
            ranking_seconds: 2.0,
            tuning_seconds: 60.0,
            seconds_ratio: Some(30.0),
        },
        notes: vec!["one seed".to_owned()],
    }
}

#[test]
fn the_json_reads_back_as_it_was_written() {
    let text = crate::to_json(&study()).unwrap();
    assert_eq!(serde_json::from_str::<Study>(&text).unwrap(), study());
}

#[test]
fn the_report_has_every_part() {
    let text = study().markdown();
    for part in [
        "3 models on 1 data set: 3 tunings, 1 failed.",
        "| pets | classification | 5 | 300 | 75 | held out | 3 |",
        "| vit | 5.7 M | 0.9000 ± 0.0100 |",
        "| mixer | 900 k | – |",
        "| logme | 0.500 [-0.25, 1.00] | 0.0500 | 0.0000 |",
        "Coverage is that of intervals of 50, 90 %",
        "| record, logme | 0.750 | 0.0100 | 0.0200 | 52 91 | 60 95 | 0.300 | 0.500 |",
        "| pets | 2 | 1.5 | 0.5 | 60.0 | 30 |",
        "- pets, mixer, fine-tune, seed 1: the loss diverged",
        "- one seed",
    ] {
        assert!(text.contains(part), "{part:?} is missing in {text}");
    }
    assert!(
        !text.contains("## Methods"),
        "one method has nothing to be compared with"
    );
    assert!(study().table().contains("the loss diverged"));
}

#[test]
fn the_record_has_digests_scores_and_the_protocol() {
    let (read, notes) = record::parse(&study().record().to_jsonl().unwrap());
    assert_eq!(notes, []);
    assert_eq!(read, study().record());
    let row = &read.rows[0];
    assert_eq!(row.digest.as_deref(), Some("digest of vit"));
    assert_eq!(
        (row.scores["logme"], row.data.as_str(), &row.data_digest),
        (0.25, "pets", &None)
    );
    assert!(row.protocol.starts_with("fine-tune, all samples"));
}

#[test]
fn tunings_that_failed_are_rows_of_the_table_too_and_the_others_can_be_imported() {
    let cell = |model: &str, value: Option<f64>, reason: Option<&str>| StudyCell {
        schema: CELL_SCHEMA.to_owned(),
        data: "pets".to_owned(),
        model: model.to_owned(),
        method: "fine-tune".to_owned(),
        seed: 1,
        metric: "accuracy".to_owned(),
        value,
        reason: reason.map(str::to_owned),
        test: Map::new(),
        validation: Map::new(),
        settings: Map::from_iter([
            ("learning_rate".to_owned(), json!(0.003)),
            ("batch_norm".to_owned(), json!("frozen")),
        ]),
        chosen_epoch: 4,
        seconds: 12.345,
        rungs: Vec::new(),
    };
    let cells = [cell("vit", Some(0.9), None), cell("mixer", None, Some("a, \"b\""))];
    let table = study().accuracies_csv(&cells);
    let lines: Vec<&str> = table.lines().collect();
    assert_eq!(
        lines[1],
        "pets,vit,digest of vit,fine-tune,1,accuracy,0.9,\"fine-tune, all samples, 10 epochs, learning rate auto\",0.003,frozen,4,12.35,"
    );
    assert!(lines[2].ends_with(",12.35,\"a, \"\"b\"\"\""), "{}", lines[2]);
    let (imported, _) = record::import_csv(&table, &record::ImportOptions::default()).unwrap();
    assert_eq!((imported.rows.len(), imported.rows[0].value), (1, 0.9));
    assert!(imported.rows[0].protocol.starts_with("fine-tune"));
}

#[test]
fn scores_are_columns_in_the_order_of_the_ranking() {
    let ranking = json!({
        "schema": "ranktune.ranking/2", "task": "classification",
        "data": {"path": "p", "samples": 3, "classes": [], "digest": "d"},
        "options": {},
        "models": [{
            "rank": 1, "name": "vit", "digest": "x", "parameters": 1, "feature_tensor": "f", "feature_dim": 2,
            "scores": {"nce": {"value": 0.5}, "leep": {"value": null}}, "p_best": null, "rank_interval": null,
            "seconds": {"extract": 1.0, "score": 0.25},
        }],
        "skipped": [],
    });
    let ranked = StudyRanking {
        schema: RANKING_SCHEMA.to_owned(),
        data: "pets".to_owned(),
        ranking: Some(serde_json::from_value(ranking).unwrap()),
        reason: None,
    };
    assert_eq!(
        scores_csv(&[ranked]),
        "data,model,digest,nce,leep,extract_seconds,score_seconds\npets,vit,x,0.5,,1.000,0.250\n"
    );
}
