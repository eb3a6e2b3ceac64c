//! The nearest known names to one that is not known, for suggestions in errors.
//!
//! One rule for all of them: a candidate is near if it contains the name or begins it (three letters or more), or if at
//! most a third of the longer name's letters have to be edited. An edit inserts, deletes or replaces a letter, or swaps
//! two neighbours; the case of letters is ignored.

/// Longer names are not typed by hand, and the time grows with both lengths.
const MAX_LETTERS: usize = 256;

/// Letters of a candidate that a suggestion shows.
const SHOWN: usize = 80;

/// The candidate nearest to `name`, if one is near enough to have been meant.
///
/// # Examples
/// ```
/// use ranktune_core::names::nearest_name;
/// assert_eq!(nearest_name("logmee", ["leep", "logme", "nce"]), Some("logme"));
/// assert_eq!(nearest_name("accuracy", ["leep", "logme", "nce"]), None);
/// ```
pub fn nearest_name<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    nearest_names(name, candidates, 1).first().copied()
}

/// Up to `count` candidates near to `name`, the nearest first; among equally near ones, in alphabetical order.
fn nearest_names<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>, count: usize) -> Vec<&'a str> {
    if name.is_empty() || name.len() > MAX_LETTERS {
        return Vec::new();
    }
    let wanted = name.to_lowercase();
    let mut near: Vec<(usize, &str)> = candidates
        .into_iter()
        .filter_map(|candidate| Some((distance(&wanted, candidate)?, candidate)))
        .collect();
    near.sort_unstable();
    near.dedup();
    near.into_iter().take(count).map(|(_, candidate)| candidate).collect()
}

/// `; did you mean "label"?` or `; did you mean "a" or "b"?` (at most three), or nothing where no candidate is near.
///
/// # Examples
/// ```
/// use ranktune_core::names::did_you_mean;
/// assert_eq!(did_you_mean("lable", ["file", "label"]), "; did you mean \"label\"?");
/// assert_eq!(did_you_mean("price", ["file", "label"]), "");
/// ```
pub fn did_you_mean<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> String {
    let quoted: Vec<String> = nearest_names(name, candidates, 3)
        .into_iter()
        .map(|candidate| match candidate.char_indices().nth(SHOWN) {
            Some((end, _)) => format!("{:?}", format!("{}…", &candidate[..end])),
            None => format!("{candidate:?}"),
        })
        .collect();
    if quoted.is_empty() {
        return String::new();
    }
    format!("; did you mean {}?", quoted.join(" or "))
}

/// Edits between a lower-case name and a candidate, if they are few enough. A name that is a part of the candidate, or
/// begins with it, counts as one edit: part of a long path is a common way to ask for a tensor.
fn distance(wanted: &str, candidate: &str) -> Option<usize> {
    if candidate.is_empty() || candidate.len() > MAX_LETTERS {
        return None;
    }
    let letters = candidate.to_lowercase();
    let contains = wanted.len() >= 3 && letters.contains(wanted) || letters.len() >= 3 && wanted.starts_with(&letters);
    let edits = strsim::osa_distance(wanted, &letters);
    if contains {
        return Some(edits.min(1));
    }
    let longest = wanted.chars().count().max(letters.chars().count());
    (edits * 3 <= longest).then_some(edits)
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
    fn a_part_of_a_tensor_name_finds_it() {
        let names = ["/Flatten_output_0", "/features/Conv", "logits"];
        for (typed, meant) in [
            ("/Flaten_output_0", "/Flatten_output_0"),
            ("Flatten", "/Flatten_output_0"),
            ("logit", "logits"),
        ] {
            assert_eq!(nearest_name(typed, names), Some(meant), "{typed}");
        }
    }

    #[test]
    fn an_unrelated_or_empty_or_endless_name_has_no_neighbour() {
        for name in ["", "zzzzzzzz", &"x".repeat(1 << 20)] {
            assert_eq!(nearest_name(name, ["logme", ""]), None);
        }
        assert_eq!(did_you_mean("price", []), "");
    }

    #[test]
    fn suggestions_are_few_and_short() {
        let long = "label".repeat(40);
        let text = did_you_mean("label", [long.as_str(), "labels", "label1", "label2"]);
        assert_eq!(text.matches(" or ").count(), 2);
        assert!(did_you_mean("label", [long.as_str()]).len() < 120);
    }

    #[test]
    fn names_and_candidates_of_256_letters_are_the_longest() {
        let (longest, longer) = ("x".repeat(256), "x".repeat(257));
        assert_eq!(nearest_name(&longest, [longest.as_str()]), Some(longest.as_str()));
        assert_eq!(nearest_name(&longer, [longer.as_str()]), None);
        assert_eq!(nearest_name("xxx", [longer.as_str()]), None);
        assert_eq!(nearest_name("xxx", [longest.as_str()]), Some(longest.as_str()));
    }

    #[test]
    fn a_name_that_begins_with_a_candidate_is_near_from_three_letters_on() {
        assert_eq!(nearest_name("logme-published", ["logme"]), Some("logme"));
        assert_eq!(nearest_name("logme", ["lo"]), None);
        // Three of six letters differ: more than a third.
        assert_eq!(nearest_name("abcdef", ["abcxyz"]), None);
    }
}
