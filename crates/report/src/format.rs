//! Numbers in tables.

use serde_json::Value;

/// A count with a decimal prefix: `4.7 M`, `820 k`, `17`.
pub(crate) fn count(value: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
    let value_f = value as f64;
    match value {
        0..1_000 => value.to_string(),
        1_000..1_000_000 => format!("{:.0} k", value_f / 1e3),
        1_000_000..1_000_000_000 => format!("{:.1} M", value_f / 1e6),
        _ => format!("{:.1} G", value_f / 1e9),
    }
}

/// The size of a file: `22 B`, `300 kB`, `90.4 MB`.
pub fn bytes(value: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
    let value_f = value as f64;
    match value {
        0..1_000 => format!("{value} B"),
        1_000..1_000_000 => format!("{:.0} kB", value_f / 1e3),
        1_000_000..1_000_000_000 => format!("{:.1} MB", value_f / 1e6),
        _ => format!("{:.1} GB", value_f / 1e9),
    }
}

/// A place in a ranking that looks for the first `k`: `first`, or `among the first 3`.
pub fn first_places(k: usize) -> String {
    if k == 1 {
        return "first".to_owned();
    }
    format!("among the first {k}")
}

/// A number with about three digits.
pub(crate) fn number(value: f64) -> String {
    if value.abs() >= 100.0 {
        format!("{value:.0}")
    } else {
        format!("{value:.1}")
    }
}

/// Seconds, with one decimal below a hundred.
pub(crate) fn seconds(value: f64) -> String {
    if value < 100.0 {
        format!("{value:.1}")
    } else {
        format!("{value:.0}")
    }
}

/// A metric; a dash if it is not defined.
pub(crate) fn metric_cell(value: &Value) -> String {
    value
        .as_f64()
        .map_or_else(|| "–".to_owned(), |value| format!("{value:.4}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_have_the_shortest_form() {
        for (value, text) in [
            (0, "0"),
            (999, "999"),
            (1_000, "1 k"),
            (4_652_008, "4.7 M"),
            (7_000_000_000, "7.0 G"),
        ] {
            assert_eq!(count(value), text);
        }
    }
}
