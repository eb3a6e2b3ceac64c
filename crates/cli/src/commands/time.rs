//! Times on the command line.

use std::time::Duration;

use anyhow::{Context as _, bail, ensure};

/// A time such as `20ms`, `90s`, `5m`, `1.5h`, or `90`, which is seconds.
pub(crate) fn duration(text: &str) -> anyhow::Result<Duration> {
    let wrong = || format!("expected a time such as 20ms, 90s, 5m or 1h, got {text}");
    let (number, unit) = match text.find(|c: char| c.is_ascii_alphabetic()) {
        Some(at) => text.split_at(at),
        None => (text, "s"),
    };
    let seconds = match unit {
        "ms" => 1e-3,
        "s" => 1.0,
        "m" | "min" => 60.0,
        "h" => 3600.0,
        _ => bail!(wrong()),
    };
    let number: f64 = number.trim().parse().with_context(wrong)?;
    let above_zero = || format!("expected a time above 0, got {text}");
    let time = Duration::try_from_secs_f64(number * seconds).with_context(above_zero)?;
    ensure!(!time.is_zero(), above_zero());
    Ok(time)
}
