//! Numbers in tables.

pub(crate) use ranktune_core::counts::abbreviated as count;
use serde_json::Value;

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
pub fn seconds(value: f64) -> String {
    if value < 100.0 {
        format!("{value:.1}")
    } else {
        format!("{value:.0}")
    }
}

/// A time in the unit that suits it: `42 s`, `7 min`, `3.5 h`.
pub fn duration(seconds: f64) -> String {
    match seconds {
        s if s < 99.5 => format!("{s:.0} s"),
        s if s < 5970.0 => format!("{:.0} min", s / 60.0),
        s => format!("{:.1} h", s / 3600.0),
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
    fn a_time_is_in_the_unit_that_suits_it() {
        for (value, text) in [
            (0.4, "0 s"),
            (99.4, "99 s"),
            (99.6, "2 min"),
            (5969.0, "99 min"),
            (12_600.0, "3.5 h"),
        ] {
            assert_eq!(duration(value), text);
        }
    }
}
