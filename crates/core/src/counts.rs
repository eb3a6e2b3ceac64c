//! Numbers of things in messages.

/// The number of things called `one`, whose plural takes an s: `1 file`, `2 files`, `0 files`.
pub fn counted(n: usize, one: &str) -> String {
    let plural = if n == 1 { "" } else { "s" };
    format!("{n} {one}{plural}")
}

/// A count with a decimal prefix: `4.7 M`, `820 k`, `17`.
pub fn abbreviated(value: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
    let value_f = value as f64;
    match value {
        0..1_000 => value.to_string(),
        1_000..1_000_000 => format!("{:.0} k", value_f / 1e3),
        1_000_000..1_000_000_000 => format!("{:.1} M", value_f / 1e6),
        _ => format!("{:.1} G", value_f / 1e9),
    }
}

/// A count as people write it: `30M`, `1.5B`, `300k`, `25_600_000`. `K` is a thousand, `M` a million, and `B` or `G` a billion, in
/// either case; `None` for anything else, and for a count that is not a whole number.
///
/// # Examples
/// ```
/// use ranktune_core::counts::parse_count;
/// assert_eq!(parse_count("1.5M"), Some(1_500_000));
/// assert_eq!(parse_count("many"), None);
/// ```
pub fn parse_count(text: &str) -> Option<u64> {
    let digits: String = text.trim().chars().filter(|letter| *letter != '_').collect();
    let (number, zeros) = match digits.chars().last()?.to_ascii_lowercase() {
        'k' => (&digits[..digits.len() - 1], 3),
        'm' => (&digits[..digits.len() - 1], 6),
        'b' | 'g' => (&digits[..digits.len() - 1], 9),
        _ => (&*digits, 0),
    };
    let number = number.trim_end();
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let is_number = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !is_number(whole) || !is_number(fraction) || number.ends_with('.') || fraction.len() > zeros
    {
        return None;
    }
    format!("{whole}{fraction:0<zeros$}").parse().ok()
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
            assert_eq!(abbreviated(value), text);
        }
    }

    #[test]
    fn counts_are_read_with_and_without_a_unit() {
        for (text, count) in [
            ("0", 0),
            ("17", 17),
            ("25_600_000", 25_600_000),
            ("30M", 30_000_000),
            ("30 m", 30_000_000),
            ("0.5k", 500),
            ("1.25B", 1_250_000_000),
            ("2g", 2_000_000_000),
        ] {
            assert_eq!(parse_count(text), Some(count), "{text}");
        }
        let wrong = [
            "",
            "M",
            ".5M",
            "5.M",
            "1.2345k",
            "1.5",
            "-3",
            "+3",
            "3e6",
            "30MB",
            "99999999999B",
            "３M",
            "1é",
        ];
        for text in wrong {
            assert_eq!(parse_count(text), None, "{text}");
        }
    }

    #[test]
    fn one_thing_has_no_plural() {
        let counts = [0, 1, 2, 21].map(|n| counted(n, "sample"));
        assert_eq!(counts, ["0 samples", "1 sample", "2 samples", "21 samples"]);
    }
}
