//! The candidates of a contest of methods, and the models of a result that is several.

use serde::{Deserialize, Serialize};

use super::curves::Measured;
use crate::format::seconds;
use crate::table::{Align, Table};

/// A model of a result that is several.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Member {
    /// Name in the hub.
    pub name: String,
    /// Its weight in the prediction; the weights add up to 1.
    pub weight: f64,
}

/// A candidate of `--method auto`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Contestant {
    /// Name of the method.
    pub method: String,
    /// Its validation; none for a candidate without a result.
    #[serde(flatten)]
    pub measured: Option<Measured>,
    /// Wall-clock time of the candidate.
    pub seconds: f64,
    /// Whether it is the one that was kept.
    pub chosen: bool,
    /// Why it has no result.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// The contest as text; the kept candidate is marked.
pub(super) fn table(contest: &[Contestant]) -> String {
    let metric = contest
        .iter()
        .find_map(|one| Some(one.measured.as_ref()?.metric.clone()));
    let metric = metric.unwrap_or_else(|| "validation".to_owned());
    let mut table = Table::new(&[
        ("method", Align::Left),
        (&metric, Align::Right),
        ("validation loss", Align::Right),
        ("from fine-tune", Align::Right),
        ("seconds", Align::Right),
        ("", Align::Left),
    ]);
    let reference = contest.iter().find(|one| one.method == "fine-tune");
    let reference = reference.and_then(|one| Some(one.measured.as_ref()?.value));
    for one in contest {
        let mark = if one.chosen { "*" } else { "" };
        let difference = one.measured.as_ref().zip(reference).and_then(|(own, reference)| {
            let error = own.standard_error?;
            Some(format!("{:+.4} ± {error:.4}", own.value - reference))
        });
        let value = |of: fn(&Measured) -> f64| {
            let measured = one.measured.as_ref();
            measured.map_or_else(|| "–".to_owned(), |own| format!("{:.4}", of(own)))
        };
        table.row(vec![
            format!("{mark}{}", one.method),
            value(|own| own.value),
            value(|own| own.loss),
            difference.unwrap_or_default(),
            seconds(one.seconds),
            one.reason.clone().unwrap_or_default(),
        ]);
    }
    table.render()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_candidate_without_a_result_is_a_row_with_its_reason_and_is_read_back() {
        let own = |method: &str, measured: Option<Measured>, reason: Option<&str>| Contestant {
            method: method.to_owned(),
            chosen: measured.is_some(),
            measured,
            seconds: 3.0,
            reason: reason.map(str::to_owned),
        };
        let measured = Measured {
            metric: "accuracy".to_owned(),
            value: 0.75,
            loss: 0.5,
            standard_error: None,
        };
        let contest = [
            own("fine-tune", Some(measured), None),
            own("b-tuning", None, Some("training diverged at step 3")),
        ];
        let text = table(&contest);
        for part in ["*fine-tune", "0.7500", "b-tuning", "training diverged at step 3"] {
            assert!(text.contains(part), "{part}: {text}");
        }
        let json = serde_json::to_string(&contest).unwrap();
        assert_eq!(serde_json::from_str::<Vec<Contestant>>(&json).unwrap(), contest);
    }
}
