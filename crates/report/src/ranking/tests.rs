use super::*;
use serde_json::json;

fn model(rank: usize, name: &str, value: f64, p_best: f64, interval: [usize; 2]) -> RankedModel {
    let mut scores = Map::new();
    scores.insert(
        "logme".into(),
        json!({"value": value, "standard_error": 0.01, "status": "interior"}),
    );
    scores.insert("leep".into(), json!({"value": null, "reason": "no classifier"}));
    RankedModel {
        rank,
        name: name.into(),
        source: None,
        digest: "d".into(),
        parameters: 4_652_008,
        feature_tensor: "pooled".into(),
        feature_dim: 1280,
        scores,
        predicted: None,
        score_uncertainty: Some(ScoreUncertainty {
            p_best,
            p_top_k: Some(1.0),
            rank_interval: interval,
        }),
        layers: vec![],
        race: None,
        classes: None,
        seconds: Seconds {
            extract: 10.0,
            score: 0.25,
        },
        samples_computed: Some(400),
        images_per_second: Some(json!(43.21)),
        samples_per_second: None,
    }
}

fn ranking() -> Ranking {
    Ranking {
        schema: SCHEMA.into(),
        task: "classification".into(),
        data: Data {
            path: "data".into(),
            samples: 400,
            classes: vec!["a".into(), "b".into()],
            digest: "x".into(),
            skipped: 0,
            notes: vec![],
            unreadable: vec![],
        },
        options: Map::new(),
        models: vec![
            model(1, "good", 0.25, 0.75, [1, 2]),
            model(2, "rival", 0.24, 0.25, [1, 2]),
            model(3, "bad", -1.0, 0.0, [3, 3]),
        ],
        decision: None,
        undecided: None,
        baseline: None,
        warnings: vec![],
        race: None,
        skipped: vec![SkippedModel {
            name: "broken".into(),
            reason: "truncated".into(),
        }],
    }
}

#[test]
fn the_json_reads_back_as_it_was_written() {
    let text = crate::to_json(&ranking()).unwrap();
    assert_eq!(serde_json::from_str::<Ranking>(&text).unwrap(), ranking());
}

#[test]
fn the_json_has_the_keys_of_the_contract_and_one_throughput() {
    let value = serde_json::to_value(ranking()).unwrap();
    let model = &value["models"][0];
    for key in [
        "rank",
        "name",
        "digest",
        "parameters",
        "feature_tensor",
        "feature_dim",
        "scores",
        "score_uncertainty",
        "seconds",
        "images_per_second",
    ] {
        assert!(model.get(key).is_some(), "{key} is missing");
    }
    assert!(model.get("samples_per_second").is_none());
}

#[test]
fn p_top_k_is_of_the_first_three_in_version_1_and_of_the_stated_k_since() {
    let mut document = serde_json::to_value(ranking()).unwrap();
    document["schema"] = json!("ranktune.ranking/1");
    for model in document["models"].as_array_mut().unwrap() {
        let moved = model.as_object_mut().unwrap().remove("score_uncertainty").unwrap();
        model
            .as_object_mut()
            .unwrap()
            .extend(moved.as_object().unwrap().clone());
    }
    let first: Ranking = serde_json::from_value(document).unwrap();
    assert_eq!(first.models, ranking().models);
    assert!(first.table().contains("logme top 3"), "{}", first.table());
    let mut second = ranking();
    second.options.insert("top_k".into(), json!(5));
    assert!(second.table().contains("logme top 5"), "{}", second.table());
}

#[test]
fn the_default_table_fits_80_columns_and_csv_has_all_digits() {
    let mut ranking = ranking();
    ranking.models[1].name = "organisation/a-name-of-more-than-thirty-characters".into();
    let text = ranking.text(crate::Style {
        width: Some(80),
        ..crate::Style::default()
    });
    let rows: Vec<&str> = text.lines().take(4).collect();
    assert!(rows.iter().all(|row| row.chars().count() <= 80), "{text}");
    assert!(
        rows[0].contains("params") && rows[1].contains("0.75") && rows[0].contains("logme first"),
        "{text}"
    );
    assert!(!rows[0].contains("seconds") && ranking.table().contains("seconds"));
    let csv = ranking.csv();
    let lines: Vec<&str> = csv.lines().collect();
    assert!(
        lines[0].starts_with(
            "rank,model,predicted,predicted_standard_error,p_best,rank_low,rank_high,logme,logme_standard_error,leep,"
        ),
        "{csv}"
    );
    assert!(
        lines[1].starts_with("1,good,,,,,,0.25,0.01,,,0.75,1,1,2,1280,4652008,43.21,10.25,,"),
        "{csv}"
    );
    assert!(
        ranking
            .markdown(crate::Style::default())
            .starts_with("| rank | model | logme | logme first | params | images/s |\n")
    );
}

fn decided() -> Ranking {
    let mut ranking = ranking();
    for (model, (value, p_best)) in ranking.models.iter_mut().zip([(0.9, 0.71), (0.88, 0.28), (0.7, 0.01)]) {
        model.predicted = Some(Prediction {
            metric: "accuracy".into(),
            value,
            standard_error: 0.06,
            p_best,
            rank_interval: [1, 2],
            expected_regret: 0.018 + 0.9 - value,
            record_rows: if value > 0.8 { 4 } else { 0 },
            matched_by: (value > 0.8).then(|| "digest".into()),
            family: None,
        });
    }
    ranking.decision = Some(Decision {
        best: "good".into(),
        expected_regret: Some(0.018),
        record_rows: 201,
        trials: vec![],
        cost: None,
        ended: DecisionEnd::NoTrials,
        protocol: "ranktune b-tuning".into(),
        score: Some("logme".into()),
    });
    ranking
}

#[test]
fn a_decision_has_columns_of_its_own_and_says_what_it_rests_on() {
    let text = decided().text(crate::Style {
        width: Some(80),
        ..crate::Style::default()
    });
    let rows: Vec<&str> = text.lines().take(4).collect();
    assert!(rows.iter().all(|row| row.chars().count() <= 80), "{text}");
    assert!(
        rows[0].contains("predicted") && !rows[0].contains("logme first"),
        "{text}"
    );
    assert!(
        rows[1].contains("0.900 ± 0.060") && rows[1].contains("   0.71"),
        "{text}"
    );
    assert!(
        text.contains(
            "good is likely the best after tuning (0.71); choosing it now risks 1.8 points of accuracy. \
             This rests on 8 earlier results of 2 of 3 models and logme."
        ),
        "{text}"
    );
    assert!(decided().table().contains("logme first"));
    let csv = decided().csv();
    assert!(csv.contains("\n1,good,0.9,0.06,0.71,1,2,0.25,0.01,,,0.75,"), "{csv}");
    let json = crate::to_json(&decided()).unwrap();
    assert_eq!(serde_json::from_str::<Ranking>(&json).unwrap(), decided());
}

#[test]
fn a_reason_stands_where_a_decision_would() {
    let mut ranking = ranking();
    ranking.undecided = Some("Too few samples.".into());
    let text = ranking.table();
    assert!(
        text.contains("\nToo few samples.\n") && !text.contains("P(best)"),
        "{text}"
    );
}

#[test]
fn a_model_that_a_race_eliminated_has_no_uncertainty_in_any_version() {
    let mut document = serde_json::to_value(ranking()).unwrap();
    let model = document["models"][2].as_object_mut().unwrap();
    model.remove("score_uncertainty");
    for key in ["p_best", "p_top_k", "rank_interval"] {
        model.insert(key.to_owned(), Value::Null);
    }
    let read: Ranking = serde_json::from_value(document).unwrap();
    assert_eq!(read.models[2].score_uncertainty, None);
    assert!(read.models[1].score_uncertainty.is_some());
    assert!(serde_json::to_value(&read).unwrap()["models"][2]["score_uncertainty"].is_null());
}

#[test]
fn baselines_are_rows_below_the_models_and_warnings_are_printed() {
    let mut ranking = ranking();
    ranking.baseline = Some(Baseline {
        without_features: Map::from_iter([("logme".to_owned(), json!(-1.25)), ("leep".to_owned(), Value::Null)]),
        permuted_labels: Some(PermutedLabels {
            model: "good".into(),
            score: "logme".into(),
            value: -1.5,
            standard_deviation: 0.01,
            permutations: 5,
        }),
        reason: None,
        is_beaten: Some(true),
    });
    ranking.warnings = vec!["few samples".into()];
    let text = ranking.table();
    let row = |name: &str| {
        text.lines()
            .find(|line| line.contains(name))
            .unwrap_or_default()
            .to_owned()
    };
    assert!(row("(no features)").contains("-1.2500"), "{text}");
    assert!(row("(permuted labels)").contains("-1.5000 ± 0.0100"), "{text}");
    assert!(text.contains("\nWarning: few samples"), "{text}");
    let again: Ranking = serde_json::from_str(&crate::to_json(&ranking).unwrap()).unwrap();
    assert_eq!(again, ranking);
}

#[test]
fn saturated_scores_are_named_and_predictions_are_beside_the_first_score() {
    let mut ranking = ranking();
    for model in &mut ranking.models {
        let scores = &mut model.scores;
        scores.insert("h-score".into(), json!({"value": 9.0, "status": "saturated"}));
        scores.insert(
            "loo-accuracy".into(),
            json!({"value": 1.0, "chance": 0.5, "status": "saturated"}),
        );
    }
    let text = ranking.table();
    assert!(text.contains("saturated") && !text.contains("9.0000"), "{text}");
    let short = ranking.text(crate::Style::default());
    assert!(
        !short.contains("h-score") && short.contains("loo-accuracy") && short.contains("1.0000"),
        "{short}"
    );
    assert!(short.contains("By chance: loo-accuracy 0.5000."), "{short}");
}

#[test]
fn the_table_names_rivals_that_may_be_first_and_what_was_skipped() {
    let text = ranking().table();
    assert!(
        text.contains("By logme alone, these samples do not tell good from rival:"),
        "{text}"
    );
    assert!(text.contains("broken: truncated"), "{text}");
    assert!(text.contains("0.2500 ± 0.0100"), "{text}");
    assert!(text.contains("4.7 M"), "{text}");
}
