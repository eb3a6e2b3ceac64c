//! Entities that are marked by where they stand in a text (brat, Label Studio), as tagged words.
//!
//! ```text
//! "Ms Smith-Jones left."   PER 3–14   →   Ms/O Smith/B-PER -/I-PER Jones/I-PER left/O ./O
//! ```
//!
//! A word is a run of letters and digits, or one other character, as in brat's own `anntoconll.py`; it is cut where an entity begins or
//! ends within it. Every line is a sentence. Words are tagged in the scheme IOB2.

/// An entity: its type, and the characters of the text from `start` up to `end`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) kind: String,
    pub(super) start: usize,
    pub(super) end: usize,
}

/// The words and tags of every line with words, and how many entities were left out because a longer one overlaps them.
pub(super) struct TaggedText {
    /// Words and tags, of equal number.
    pub(super) sentences: Vec<(Vec<String>, Vec<String>)>,
    pub(super) overlapping: usize,
}

/// Tags the words of `text`.
pub(super) fn tagged(text: &str, spans: &[Span]) -> TaggedText {
    let (spans, overlapping) = without_overlaps(spans);
    let (mut sentences, mut words, mut tags) = (Vec::new(), Vec::new(), Vec::new());
    let mut word = String::new();
    // The entity of the current word, and that of the word before.
    let (mut current, mut before): (Option<usize>, Option<usize>) = (None, None);
    let mut next = 0;
    let mut flush = |word: &mut String, current: Option<usize>, before: &mut Option<usize>, tags: &mut Vec<String>| {
        if word.is_empty() {
            return;
        }
        tags.push(match current {
            None => "O".to_owned(),
            Some(span) if *before == Some(span) => format!("I-{}", spans[span].kind),
            Some(span) => format!("B-{}", spans[span].kind),
        });
        *before = current;
        words.push(std::mem::take(word));
    };
    let mut lines: Vec<usize> = Vec::new();
    for (at, char) in text.chars().enumerate() {
        while spans.get(next).is_some_and(|span| span.end <= at) {
            next += 1;
        }
        let here = spans.get(next).filter(|span| span.start <= at).map(|_| next);
        let is_letter = char.is_alphanumeric();
        if here != current || !is_letter {
            flush(&mut word, current, &mut before, &mut tags);
        }
        current = here;
        if char.is_whitespace() {
            if char == '\n' {
                lines.push(tags.len());
            }
            continue;
        }
        word.push(char);
        if !is_letter {
            flush(&mut word, current, &mut before, &mut tags);
        }
    }
    flush(&mut word, current, &mut before, &mut tags);
    lines.push(tags.len());
    let mut start = 0;
    for end in lines {
        if end > start {
            let mut own = tags[start..end].to_vec();
            // An entity goes on from the line before.
            if let Some(kind) = own[0].strip_prefix("I-") {
                own[0] = format!("B-{kind}");
            }
            sentences.push((words[start..end].to_vec(), own));
        }
        start = end;
    }
    TaggedText { sentences, overlapping }
}

/// The spans in order, of those that overlap the longest.
fn without_overlaps(spans: &[Span]) -> (Vec<Span>, usize) {
    let mut longest: Vec<&Span> = spans.iter().filter(|span| span.start < span.end).collect();
    longest.sort_by_key(|span| (std::cmp::Reverse(span.end - span.start), span.start));
    let mut kept: std::collections::BTreeMap<usize, &Span> = std::collections::BTreeMap::new();
    let mut left_out = 0;
    for span in longest {
        let before = kept.range(..span.end).next_back();
        if before.is_some_and(|(_, other)| other.end > span.start) {
            left_out += 1;
        } else {
            kept.insert(span.start, span);
        }
    }
    (kept.into_values().cloned().collect(), left_out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str, spans: &[(&str, usize, usize)]) -> Vec<String> {
        let spans: Vec<Span> = spans
            .iter()
            .map(|(kind, start, end)| Span {
                kind: (*kind).to_owned(),
                start: *start,
                end: *end,
            })
            .collect();
        let found = tagged(text, &spans);
        let pairs = |(words, tags): &(Vec<String>, Vec<String>)| {
            let pairs: Vec<String> = words
                .iter()
                .zip(tags)
                .map(|(word, tag)| format!("{word}/{tag}"))
                .collect();
            pairs.join(" ")
        };
        found.sentences.iter().map(pairs).collect()
    }

    #[test]
    fn words_of_an_entity_are_tagged_and_lines_are_sentences() {
        for (text, spans, expected) in [
            (
                "Ms Smith-Jones left.",
                &[("PER", 3, 14)][..],
                &["Ms/O Smith/B-PER -/I-PER Jones/I-PER left/O ./O"][..],
            ),
            ("ab cd", &[("X", 0, 2), ("X", 3, 5)], &["ab/B-X cd/B-X"]),
            ("abcd", &[("X", 0, 2), ("Y", 2, 4)], &["ab/B-X cd/B-Y"]),
            ("Überé ok", &[("X", 0, 5)], &["Überé/B-X ok/O"]),
            ("a\n\nb c\n", &[("X", 3, 6)], &["a/O", "b/B-X c/I-X"]),
            ("New\nYork", &[("LOC", 0, 8)], &["New/B-LOC", "York/B-LOC"]),
            ("", &[], &[]),
        ] {
            assert_eq!(line(text, spans), expected, "{text:?}");
        }
    }

    #[test]
    fn of_entities_that_overlap_the_longest_stays() {
        let span = |start, end| Span {
            kind: "X".to_owned(),
            start,
            end,
        };
        let found = tagged("Bank of China", &[span(8, 13), span(0, 13), span(0, 4)]);
        assert_eq!(found.overlapping, 2);
        assert_eq!(found.sentences[0].1, ["B-X", "I-X", "I-X"]);
        // No entity, and one beyond the text.
        assert_eq!(tagged("ab", &[span(1, 1), span(5, 9)]).sentences[0].1, ["O"]);
    }
}
