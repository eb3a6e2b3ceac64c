//! Sizes on the command line.

use anyhow::Context as _;

/// A number of bytes such as `4G`, `1.5G` or `800M`: a unit is 1024 of the one before.
pub(crate) fn size(text: &str) -> anyhow::Result<u64> {
    let expected = || format!("expected a size such as 4G or 800M, got {text:?}");
    let units = [('G', 1u64 << 30), ('M', 1 << 20), ('K', 1 << 10)];
    let upper = text.to_ascii_uppercase();
    let (number, unit) = units
        .iter()
        .find_map(|(name, unit)| Some((upper.trim_end_matches('B').strip_suffix(*name)?, *unit)))
        .with_context(expected)?;
    let value: f64 = number.parse().with_context(expected)?;
    let bytes = value * unit as f64;
    anyhow::ensure!(bytes.is_finite() && bytes >= 1.0, expected());
    Ok(bytes as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_a_unit() {
        for (text, bytes) in [
            ("4G", 4 << 30),
            ("1.5g", 3 << 29),
            ("800M", 800 << 20),
            ("64KB", 64 << 10),
        ] {
            assert_eq!(size(text).unwrap(), bytes, "{text}");
        }
        for text in ["4", "", "G", "-1G", "0G", "infG", "4T"] {
            assert!(size(text).is_err(), "{text}");
        }
    }
}
