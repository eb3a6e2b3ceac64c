//! The nearest names to one that is not there, for errors.

/// At most three of `candidates`, nearest first, by the number of edits; only ones that share most of their letters.
pub fn nearest<'a>(name: &str, candidates: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    // The time grows with both lengths; names longer than this are not typed by hand.
    const MAX_LENGTH: usize = 256;
    if name.len() > MAX_LENGTH {
        return Vec::new();
    }
    let candidates = candidates.filter(|candidate| !candidate.is_empty() && candidate.len() <= MAX_LENGTH);
    let mut found: Vec<(usize, &str)> = candidates
        .filter_map(|candidate| {
            // Part of a long path is a common way to ask for a tensor.
            let is_part = name.len() >= 3 && candidate.contains(name);
            let edits = if is_part { 1 } else { edits(name, candidate) };
            (is_part || 2 * edits <= name.len().max(candidate.len())).then_some((edits, candidate))
        })
        .collect();
    found.sort_unstable();
    found.dedup();
    found.into_iter().take(3).map(|(_, candidate)| candidate).collect()
}

/// Edits (a swap of neighbours counts as one) that turn `a` into `b`, letters in any case.
fn edits(a: &str, b: &str) -> usize {
    strsim::osa_distance(&a.to_lowercase(), &b.to_lowercase())
}

/// `; did you mean "a" or "b"?`, or nothing.
pub fn suggestion(nearest: &[&str]) -> String {
    let quoted: Vec<String> = nearest.iter().map(|name| format!("{name:?}")).collect();
    match quoted.is_empty() {
        true => String::new(),
        false => format!("; did you mean {}?", quoted.join(" or ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_comes_first() {
        let names = ["/Flatten_output_0", "/features/Conv", "logits"];
        assert_eq!(nearest("/Flaten_output_0", names.into_iter()), ["/Flatten_output_0"]);
        assert_eq!(nearest("logit", names.into_iter()), ["logits"]);
        assert_eq!(nearest("Flatten", names.into_iter()), ["/Flatten_output_0"]);
        assert!(nearest("something else", names.into_iter()).is_empty());
        assert_eq!(edits("kitten", "sitting"), 3);
    }
}
