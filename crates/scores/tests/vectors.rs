//! Every score against NumPy and SciPy (`vectors/make.py`), and against the published implementations where the reference data
//! outside the repository are present.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

mod common;

use common::reference::Singular;
use common::{cases, close};
use ranktune_scores::{Compat, Probabilities, ScoreInputs, ScoreOptions, Statistics, Status, evidence, score_all};

#[test]
fn logme_alpha_beta_and_status_agree_with_every_vector() {
    for case in cases() {
        let statistics = Statistics::of(&case.features(), &case.targets()).unwrap();
        let fit = evidence::fit_rows(&statistics, &case.features(), &case.targets(), Compat::Exact).unwrap();
        let evidence = fit.evidence();
        close(
            &format!("{} logme", case.name),
            evidence.value,
            case.expected["logme"].as_f64().unwrap(),
            1e-9,
        );
        for (j, column) in evidence.columns.iter().enumerate() {
            let name = format!("{} column {j}", case.name);
            assert_eq!(column.status.name(), case.expected["status"][j], "{name}");
            if column.status == Status::Interior {
                let t = column.alpha.unwrap() / column.beta.unwrap();
                let singular = Singular::new(&case.features, case.d, &case.column(column.column));
                close(&format!("{name} alpha/beta"), t, singular.stationary_near(t), 1e-8);
            }
            // The optimiser behind the vectors outside the repository stops within 1e-6 of the maximum in β and, where the
            // maximum is flat (no_signal), within 3e-6 in α: the stationary point above is the sharper test.
            for (what, got) in [("alpha", column.alpha), ("beta", column.beta)] {
                match case.expected[what][j].as_f64() {
                    Some(expected) => close(&format!("{name} {what}"), got.unwrap(), expected, 3e-6),
                    None => assert_eq!(got, None, "{name} {what}"),
                }
            }
        }
    }
}

#[test]
fn published_logme_agrees_with_every_vector() {
    for case in cases() {
        let statistics = Statistics::of(&case.features(), &case.targets()).unwrap();
        let fit = evidence::fit_rows(&statistics, &case.features(), &case.targets(), Compat::Published).unwrap();
        let expected = case.expected["logme_official"].as_f64().unwrap();
        close(&case.name, fit.evidence().value, expected, 1e-8);
    }
}

#[test]
fn the_other_scores_agree_with_every_vector() {
    for case in cases().iter().filter(|case| !case.labels.is_empty()) {
        let inputs = ScoreInputs {
            features: case.features(),
            targets: case.targets(),
            probabilities: Some(Probabilities::new(&case.probabilities, case.n_sources).unwrap()),
        };
        let names = ["leep", "nce", "h-score", "shrinkage-h-score", "transrate"];
        let keys = ["leep", "nce", "h_score", "regularized_h_score", "transrate"];
        let scores = score_all(&inputs, &names, &ScoreOptions::default()).unwrap();
        for ((name, outcome), key) in scores.into_iter().zip(keys) {
            let expected = case.expected[key].as_f64().unwrap();
            close(&format!("{} {name}", case.name), outcome.unwrap().value, expected, 1e-8);
        }
    }
}
