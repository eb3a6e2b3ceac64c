//! Whether integers are class labels or numbers to predict.
//!
//! They are classes if there are at most two different integers; or if the column has the name of a class column and at most half
//! as many integers as rows (or 20); or if they are exactly `0, 1, …, k − 1` with `k ≤ 100` and at least two rows each. Counts and
//! grades usually begin at 1 and have gaps. A wrong guess costs little: it is reported, and `task` overrides it.

use std::collections::HashSet;

use crate::Task;

const NAMES: [&str; 8] = [
    "label",
    "labels",
    "class",
    "class_id",
    "class_idx",
    "class_name",
    "category",
    "category_id",
];
const ENDINGS: [&str; 3] = ["_label", "_class", "_category"];

pub(super) fn infer<'a>(name: &str, integers: impl Iterator<Item = &'a str>, n_rows: usize) -> (Task, String) {
    let mut distinct: HashSet<i64> = HashSet::new();
    let mut huge = false;
    for text in integers {
        match text.parse() {
            Ok(integer) => {
                distinct.insert(integer);
            }
            Err(_) => huge = true,
        }
    }
    let k = distinct.len();
    let lower = name.to_lowercase();
    let named = NAMES.contains(&lower.as_str()) || ENDINGS.iter().any(|ending| lower.ends_with(ending));
    let counts_from_0 = (0..).take(k).all(|integer| distinct.contains(&integer));
    let classes = format!("column {name:?} holds {k} different integers");
    if huge {
        (
            Task::Regression,
            format!("column {name:?} holds integers of more than 64 bits"),
        )
    } else if k <= 2 {
        (Task::Classification, classes)
    } else if named && k <= (n_rows / 2).max(20) {
        (Task::Classification, classes + " and has the name of a class column")
    } else if counts_from_0 && k <= 100 && 2 * k <= n_rows {
        (
            Task::Classification,
            format!("column {name:?} holds the integers 0 to {}", k - 1),
        )
    } else {
        let hint = "if they are classes, set --task classification";
        (
            Task::Regression,
            format!("column {name:?} holds {k} different integers; {hint}"),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_are_classes_by_number_name_or_sequence() {
        use Task::{Classification, Regression};
        let repeat = |values: std::ops::Range<i64>, times: usize| -> Vec<String> {
            values.flat_map(|value| vec![value.to_string(); times]).collect()
        };
        for (name, values, task, why) in [
            ("fraud", repeat(0..2, 50), Classification, "two values"),
            ("label", repeat(0..1000, 5), Classification, "a label of many classes"),
            ("label", repeat(0..15, 1), Classification, "few rows"),
            ("label", repeat(0..1000, 1), Regression, "as many as rows"),
            ("digit", repeat(0..10, 20), Classification, "0 to 9"),
            ("grade", repeat(1..6, 20), Regression, "from 1"),
            ("price", repeat(20_000..20_400, 1), Regression, "prices"),
            ("y", vec!["99999999999999999999".to_owned()], Regression, "huge"),
        ] {
            let (found, reason) = infer(name, values.iter().map(String::as_str), values.len());
            assert_eq!(found, task, "{why}: {reason}");
        }
    }
}
