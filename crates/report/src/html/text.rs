//! Values as text of a page.

use serde_json::Value;

/// At most `limit` characters; the end is replaced by `…`.
pub(crate) fn shortened(text: &str, limit: usize) -> String {
    if text.chars().count() <= limit {
        return text.to_owned();
    }
    let mut short: String = text.chars().take(limit.saturating_sub(1)).collect();
    short.push('…');
    short
}

/// A name within a sentence or a tooltip: shortened, and isolated from the direction of the text around it (U+2068, U+2069).
pub(crate) fn isolated(text: &str) -> String {
    format!("\u{2068}{}\u{2069}", shortened(text, 80))
}

/// Four decimals, as in tables of the terminal.
pub(crate) fn decimal(value: f64) -> String {
    format!("{value:.4}")
}

/// A share of 1 in percent.
pub(crate) fn percent(share: f64) -> String {
    format!("{:.0} %", 100.0 * share)
}

/// `a`, `a and b`, `a, b and c`.
pub(crate) fn listed(names: &[String]) -> String {
    match names {
        [] => String::new(),
        [one] => one.clone(),
        [most @ .., last] => format!("{} and {last}", most.join(", ")),
    }
}

/// An option's value in one line: text without quotes, everything else as JSON.
pub(crate) fn option(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => "not set".to_owned(),
        Value::Array(values) if values.iter().all(|value| value.is_string() || value.is_number()) => {
            values.iter().map(option).collect::<Vec<_>>().join(", ")
        }
        other => other.to_string(),
    }
}

/// An argument of a command, quoted for a shell where it must be.
pub(crate) fn quoted(argument: &str) -> String {
    crate::shell::quoted(argument)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_end_in_an_ellipsis() {
        assert_eq!(shortened("resnet", 6), "resnet");
        assert_eq!(shortened("resnet50", 6), "resne…");
        assert_eq!(shortened(&"🦀".repeat(500), 3), "🦀🦀…");
    }

    #[test]
    fn lists_end_with_and() {
        let names = |count: usize| {
            ["a", "b", "c"][..count]
                .iter()
                .map(|&name| name.to_owned())
                .collect::<Vec<_>>()
        };
        assert_eq!(listed(&names(1)), "a");
        assert_eq!(listed(&names(2)), "a and b");
        assert_eq!(listed(&names(3)), "a, b and c");
    }
}
