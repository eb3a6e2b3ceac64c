//! The nearest right name for a wrong one.

/// The candidate nearest to `name` by edit distance (insert, delete, replace, swap of neighbours; letter case free), if
/// any is near enough to have been meant: at most a third of the longer name's letters differ, or one begins the other.
///
/// # Examples
/// ```
/// use ranktune_scores::nearest_name;
/// assert_eq!(nearest_name("logmee", ["leep", "logme", "nce"]), Some("logme"));
/// assert_eq!(nearest_name("accuracy", ["leep", "logme", "nce"]), None);
/// ```
pub fn nearest_name<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // A name from a file may be anything; past this length nothing is near.
    const LONGEST: usize = 256;
    let wanted: String = name.to_lowercase().chars().take(LONGEST).collect();
    candidates
        .into_iter()
        .filter_map(|candidate| {
            let letters: String = candidate.to_lowercase().chars().take(LONGEST).collect();
            let distance = strsim::osa_distance(&wanted, &letters);
            let longest = wanted.chars().count().max(letters.chars().count());
            let begins =
                wanted.len() >= 2 && (letters.starts_with(wanted.as_str()) || wanted.starts_with(letters.as_str()));
            (begins || distance * 3 <= longest).then_some((distance, candidate))
        })
        .min_by_key(|&(distance, _)| distance)
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_of_the_finger_are_recognised() {
        let names = ["logme", "leep", "nce", "h-score", "shrinkage-h-score", "transrate"];
        for (typed, meant) in [
            ("lgome", "logme"),
            ("LogME", "logme"),
            ("h_score", "h-score"),
            ("hscore", "h-score"),
            ("trans-rate", "transrate"),
            ("shrinkage", "shrinkage-h-score"),
        ] {
            assert_eq!(nearest_name(typed, names), Some(meant), "{typed}");
        }
    }

    #[test]
    fn an_unrelated_or_empty_name_has_no_neighbour() {
        assert_eq!(nearest_name("", ["logme"]), None);
        assert_eq!(nearest_name("zzzzzzzz", ["logme"]), None);
        assert_eq!(nearest_name(&"x".repeat(1 << 20), ["logme"]), None);
    }
}
