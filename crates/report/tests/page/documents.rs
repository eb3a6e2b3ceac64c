//! Documents of any size, as JSON.

use serde_json::{Value, json};

/// A number in 0..1 that `seed` fixes.
pub fn number(seed: usize) -> f64 {
    let hash = (seed as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    (hash >> 11) as f64 / (1_u64 << 53) as f64
}

/// A ranking of these models on `classes` classes.
pub fn ranking(names: &[&str], classes: usize) -> Value {
    let models: Vec<Value> = names
        .iter()
        .enumerate()
        .map(|(place, name)| model(place, name))
        .collect();
    json!({
        "schema": "ranktune.ranking/2",
        "task": "classification",
        "data": {
            "path": "photos/train", "samples": 400,
            "classes": (0..classes).map(|class| format!("class {class}")).collect::<Vec<_>>(),
            "digest": "f76bc0455d83886c",
        },
        "options": {"scores": ["logme", "leep", "h-score"], "feature": "auto", "engine": "auto", "max_samples": null, "seed": 7, "top_k": 3},
        "models": models,
        "skipped": [],
    })
}

fn model(place: usize, name: &str) -> Value {
    let score = 0.9 - 0.01 * place as f64 - 0.005 * number(place);
    json!({
        "rank": place + 1,
        "name": name,
        "digest": format!("{:064x}", place + 1),
        "parameters": (1e5 * 1.01_f64.powf(1000.0 * number(place + 7))) as u64,
        "feature_tensor": "/Flatten_output_0",
        "feature_dim": 1280,
        "scores": {
            "logme": {"value": score, "standard_error": 0.0123, "interval": [score - 0.02, score + 0.02], "status": "interior"},
            "leep": {"value": null, "reason": "no classifier"},
            "h-score": {"value": 10.0 * number(place + 3)},
        },
        "p_best": if place == 0 { 0.58 } else { 0.0 },
        "p_top_k": 0.25,
        "rank_interval": [place.max(1), place + 2],
        "seconds": {"extract": 10.0 * number(place), "score": 0.25},
        "images_per_second": 1.0 + 500.0 * number(place + 11),
    })
}

/// A ranking with all that is optional: a race, layers, skipped models, unreadable samples.
pub fn full_ranking(names: &[&str]) -> Value {
    let mut document = ranking(names, 10);
    document["data"]["skipped"] = json!(2);
    document["data"]["unreadable"] = json!([{"file": "a.jpg", "reason": "truncated"}]);
    document["skipped"] = json!([{"name": "broken", "reason": "not applicable: takes texts"}]);
    document["race"] = json!({
        "top_k": 3, "unit": "samples", "threshold": 0.05, "budget_seconds": null,
        "rounds": [{"samples": 80, "models": names.len()}, {"samples": 160, "models": 3}],
        "ended": "settled", "seconds": 12.0, "full_seconds": 60.0,
    });
    for (place, model) in document["models"].as_array_mut().unwrap().iter_mut().enumerate() {
        model["race"] = json!({"samples": 80, "stopped": place > 2, "p_top_k": 0.01, "reason": "below 5 %"});
        model["layers"] = json!([
            {"name": "/layer1", "dim": 64, "score": 0.1, "standard_error": 0.01},
            {"name": "/layer2", "dim": 128, "score": 0.4, "standard_error": null},
        ]);
    }
    document
}

/// A training run with all that is optional.
pub fn training(model: &str, epochs: usize) -> Value {
    let history: Vec<Value> = (1..=epochs)
        .map(|epoch| {
            json!({
                "epoch": epoch, "loss": 2.0 / epoch as f64, "parts": {"task": 1.5 / epoch as f64, "teachers": 0.5 / epoch as f64},
                "validation": {"loss": 2.1 / epoch as f64, "accuracy": 1.0 - 0.5 / epoch as f64}, "seconds": 3.25,
            })
        })
        .collect();
    let measured = |value: f64, error: Option<f64>| {
        let mut point = json!({"metric": "accuracy", "value": value, "loss": 0.5});
        if let Some(error) = error {
            point["standard_error"] = json!(error);
        }
        point
    };
    let with = |mut point: Value, more: Value| {
        point.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        point
    };
    json!({
        "schema": "ranktune.training/1", "model": model, "model_digest": "204d", "method": "b-tuning",
        "teachers": [{"name": model, "weight": 0.7503, "logme": 0.59}, {"name": "vit", "weight": 0.2497}],
        "task": "classification",
        "data": {"path": "photos/train", "samples": 360, "validation_samples": 40, "classes": ["a", "b"], "digest": "c853"},
        "settings": {"batch_size": 32, "optimizer": {"sgd": {"momentum": 0.9}}, "learning_rate": 0.003, "batch_norm": "frozen", "lambda": 10.0, "freeze": []},
        "seed": 1, "epochs": epochs, "chosen_epoch": 2,
        "metrics": {"train": {"accuracy": 0.98765}, "validation": {"accuracy": 0.91234}, "test": {"accuracy": null}},
        "history": history,
        "rate_curve": [
            with(measured(0.8, None), json!({"learning_rate": 0.001, "batch_norm": "frozen"})),
            with(measured(0.9, Some(0.03)), json!({"learning_rate": 0.003, "batch_norm": "frozen"})),
        ],
        "lambda_curve": [
            with(measured(0.85, Some(0.02)), json!({"lambda": 0.0})),
            with(measured(0.9, None), json!({"lambda": 10.0})),
        ],
        "seconds": 106.7, "seconds_per_step": 3.77, "steps": 24,
    })
}

/// An evaluation.
pub fn evaluation(model: &str) -> Value {
    json!({
        "schema": "ranktune.evaluation/1", "model": model, "data": "photos/test", "task": "classification", "samples": 200,
        "metrics": {"accuracy": 0.7951, "r2": null}, "unreadable": [{"file": "b.jpg", "reason": "truncated"}],
    })
}

/// A comparison.
pub fn comparison() -> Value {
    json!({
        "schema": "ranktune.comparison/1", "models": 12, "weighted_tau": 0.81234, "kendall_tau": 0.7, "pearson": null, "spearman": 0.8,
        "top_1_regret": 0.0123, "top_3_regret": 0.0,
    })
}

/// A study of these models on two data sets.
pub fn study(names: &[&str]) -> Value {
    let data = ["pets", "cars"];
    let scores = ["logme", "leep"];
    let accuracies: Vec<Value> = data
        .iter()
        .flat_map(|data| {
            names.iter().enumerate().map(move |(place, name)| {
                json!({
                    "data": data, "model": name, "method": "fine-tune", "metric": "accuracy", "protocol": "fine-tune, 10 epochs",
                    "value": 0.5 + 0.4 * number(place), "values": [0.5], "seconds": 30.0, "scores": {"logme": number(place)},
                })
            })
        })
        .collect();
    let agreement = |place: usize, score: &str| {
        let tau = 0.8 - 0.3 * place as f64;
        json!({
            "score": score, "weighted_tau": tau, "interval": [tau - 0.2, tau + 0.1], "top_1_regret": 0.012, "top_3_regret": 0.0,
            "data": data.map(|data| json!({
                "data": data, "models": names.len(), "weighted_tau": tau, "interval": [tau - 0.3, tau + 0.2],
                "top_1_regret": 0.012, "top_3_regret": 0.0,
            })),
        })
    };
    json!({
        "schema": "ranktune.study/1", "settings": {"seeds": [0], "epochs": 10},
        "data": data.map(|data| json!({
            "name": data, "path": format!("data/{data}"), "kind": "images", "task": "classification", "metric": "accuracy",
            "samples": 300, "test_samples": 75, "test_source": "held-out", "classes": 5, "digest": format!("digest of {data}"),
            "models": names,
        })),
        "models": names.iter().map(|name| json!({"name": name, "digest": "d", "parameters": 1000})).collect::<Vec<_>>(),
        "skipped": [], "measured": accuracies.len(),
        "failures": [{"data": "cars", "model": names[0], "method": "fine-tune", "seed": 1, "reason": "the loss diverged"}],
        "accuracies": accuracies,
        "agreement": [{
            "method": "fine-tune", "metric": "accuracy", "kind": "images", "level": 0.9,
            "scores": scores.iter().enumerate().map(|(place, score)| agreement(place, score)).collect::<Vec<_>>(),
        }],
        "decisions": [{
            "method": "fine-tune", "metric": "accuracy", "kind": "images", "scores": ["logme"], "data_sets": 2, "predictions": 10,
            "weighted_tau": 0.71234, "top_1_regret": 0.01, "expected_regret": 0.02, "levels": [0.5, 0.9], "coverage": [0.5, 0.9],
            "coverage_of_differences": [0.4, 0.8], "brier": 0.5, "uniform_brier": 0.8,
            "bins": [
                {"below": 0.5, "predictions": 8, "probability": 0.1, "best": 0.125},
                {"below": 1.0, "predictions": 2, "probability": 0.7, "best": 0.5},
            ],
        }],
        "methods": [],
        "cost": {
            "data": [{
                "data": "pets", "models": 5, "extract_seconds": 10.0, "score_seconds": 1.0, "tuning_seconds": 3300.0, "seconds_ratio": 300.0,
            }],
            "ranking_seconds": 11.0, "tuning_seconds": 3300.0, "seconds_ratio": 300.0,
        },
        "notes": ["two data sets are few"],
    })
}
