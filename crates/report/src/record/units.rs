//! Percentages and shares. A record has shares; tables have either, or both.

/// Metrics that are a part of a whole, so that 84.1 is 84.1 %. Values of others are taken as they are.
const SHARES: [&str; 12] = [
    "accuracy",
    "top-1",
    "top1",
    "top-5",
    "top5",
    "balanced accuracy",
    "mean per class accuracy",
    "map",
    "f1",
    "f1_micro",
    "f1_macro",
    "auc",
];

pub(super) fn is_share(metric: &str) -> bool {
    SHARES.contains(&metric.to_lowercase().as_str())
}

/// A number as it stands in a table.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Written {
    pub value: f64,
    pub has_percent_sign: bool,
}

impl Written {
    pub fn parse(cell: &str) -> Result<Self, String> {
        let (digits, has_percent_sign) = match cell.strip_suffix('%') {
            Some(digits) => (digits.trim_end(), true),
            None => (cell, false),
        };
        match digits.parse::<f64>() {
            Ok(value) if value.is_finite() => Ok(Self {
                value,
                has_percent_sign,
            }),
            _ if digits.contains(',') => Err(format!("expected a number, found {cell:?}; write a decimal point")),
            _ => Err(format!("expected a number, found {cell:?}")),
        }
    }
}

/// How a value was taken.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Taken {
    Sure(f64),
    /// The others of its data set are of the other unit.
    Mixed(f64, &'static str),
}

/// The shares of the values of one data set and metric. Those with a percent sign are percentages; the others are shares where none
/// of them is above 1, and percentages where all are. Where both occur each is taken by itself, but 1 could be either.
pub(super) fn shares(values: &[Written]) -> Vec<Result<Taken, String>> {
    let is_above = |written: &&Written| !written.has_percent_sign && written.value > 1.0;
    let is_below = |written: &&Written| !written.has_percent_sign && written.value <= 1.0;
    let is_mixed = values.iter().any(|v| is_above(&v)) && values.iter().any(|v| is_below(&v));
    values
        .iter()
        .map(|written| {
            let value = written.value;
            if !(0.0..=100.0).contains(&value) {
                return Err(format!(
                    "expected a share from 0 to 1 or a percentage up to 100, found {value}"
                ));
            }
            if written.has_percent_sign {
                return Ok(Taken::Sure(percent(value)));
            }
            if value > 1.0 {
                return Ok(if is_mixed {
                    Taken::Mixed(percent(value), "a percentage")
                } else {
                    Taken::Sure(percent(value))
                });
            }
            if !is_mixed || value == 0.0 {
                return Ok(Taken::Sure(value));
            }
            if value == 1.0 {
                return Err("1 among percentages and shares is 1 % or 100 %; write which".to_owned());
            }
            Ok(Taken::Mixed(value, "a share"))
        })
        .collect()
}

/// A percentage as a share, with the digits that it was written with: 91.3 / 100 is 0.9129999999999999, but 91.3 % is 0.913.
fn percent(value: f64) -> f64 {
    format!("{value}e-2").parse().unwrap_or(value / 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(cells: &[&str]) -> Vec<Result<Taken, String>> {
        shares(
            &cells
                .iter()
                .map(|cell| Written::parse(cell).unwrap())
                .collect::<Vec<_>>(),
        )
    }

    fn close(got: &Result<Taken, String>, expected: f64) -> bool {
        matches!(got, Ok(Taken::Sure(value) | Taken::Mixed(value, _)) if (value - expected).abs() < 1e-12)
    }

    #[test]
    fn a_data_set_of_one_unit_is_sure() {
        assert_eq!(taken(&["0.5", "1", "0"]), [0.5, 1.0, 0.0].map(|v| Ok(Taken::Sure(v))));
        assert!(close(&taken(&["84.06", "1.5"])[0], 0.8406));
        assert!(close(&taken(&["0.7 %", "0.5"])[0], 0.007));
        assert_eq!(taken(&["0.7 %", "0.5"])[1], Ok(Taken::Sure(0.5)));
    }

    #[test]
    fn mixed_units_are_taken_one_by_one_and_marked() {
        let got = taken(&["84", "0.83", "1", "0"]);
        assert_eq!(got[0], Ok(Taken::Mixed(0.84, "a percentage")));
        assert_eq!(got[1], Ok(Taken::Mixed(0.83, "a share")));
        assert!(got[2].as_ref().unwrap_err().contains("1 % or 100 %"));
        assert_eq!(got[3], Ok(Taken::Sure(0.0)));
    }

    #[test]
    fn what_is_no_share_is_refused() {
        for cell in ["-0.1", "100.5", "840.6 %"] {
            assert!(taken(&[cell])[0].is_err(), "{cell}");
        }
        for cell in ["nan", "inf", "high", ""] {
            assert!(
                Written::parse(cell).unwrap_err().contains("expected a number"),
                "{cell}"
            );
        }
        assert!(Written::parse("84,06").unwrap_err().contains("decimal point"));
    }
}
