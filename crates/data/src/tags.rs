//! Tagging schemes of named entities: how tags mark where an entity begins and ends.
//!
//! | scheme | a word of an entity of type X | the rule |
//! |---|---|---|
//! | IOB1 | `I-X` | `B-X` only directly after another entity of type X |
//! | IOB2 | `B-X` first, then `I-X` | `I-X` only after `B-X` or `I-X` |
//! | IOBES | `B-X`, `I-X` …, `E-X`; a single word `S-X` | `I-X` and `E-X` only after `B-X` or `I-X`, and nothing else after those |
//! | plain | any tag | none, as for parts of speech |
//!
//! A word outside all entities is `O`. (Ramshaw and Marcus 1995; Tjong Kim Sang and Veenstra 1999.)

use std::fmt;
use std::str::FromStr;

use crate::error::shortened;
use crate::{Error, ErrorKind};

/// How tags mark entities.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TagScheme {
    /// `B-` only between two adjacent entities of one type.
    Iob1,
    /// `B-` begins every entity.
    Iob2,
    /// The end of an entity, and an entity of one word, are marked too.
    Iobes,
    /// Tags that mark no entities.
    Plain,
}

impl TagScheme {
    /// All schemes.
    pub const ALL: [Self; 4] = [Self::Iob1, Self::Iob2, Self::Iobes, Self::Plain];

    /// `iob1`, `iob2`, `iobes` or `plain`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Iob1 => "iob1",
            Self::Iob2 => "iob2",
            Self::Iobes => "iobes",
            Self::Plain => "plain",
        }
    }

    /// What is wrong with `tag` after `before`, two neighbours in a sentence; `None` stands for its start and end.
    pub(crate) fn fault(self, before: Option<&str>, tag: Option<&str>) -> Option<String> {
        if self == Self::Plain {
            return None;
        }
        let Some(this) = Tag::of(tag) else {
            let expected = match self {
                Self::Iobes => "O, or B-, I-, E- or S- and a type",
                _ => "O, or B- or I- and a type",
            };
            return Some(format!(
                "tag {:?}: expected {expected}",
                shortened(tag.unwrap_or_default())
            ));
        };
        // A faulty tag has been reported at its own place.
        let last = Tag::of(before).unwrap_or(Tag::OUTSIDE);
        let continues = matches!(last.mark, b'B' | b'I') && last.kind == this.kind;
        let wrong = match (self, this.mark) {
            (Self::Iob1 | Self::Iob2, b'E' | b'S') => "which does not use it",
            (Self::Iob1, b'B') if !continues => "which allows B- only between two adjacent entities of one type",
            (Self::Iob2, b'I') if !continues => "which allows I- only after B- or I- of its type",
            (Self::Iobes, b'I' | b'E') if !continues => "which allows I- and E- only after B- or I- of their type",
            (Self::Iobes, _) if matches!(last.mark, b'B' | b'I') && !matches!(this.mark, b'I' | b'E') => {
                "which ends an entity of several words with E-"
            }
            _ => return None,
        };
        let place = match before {
            Some(before) => format!("after {:?}", shortened(before)),
            None => "at the start of a sentence".to_owned(),
        };
        let what = match tag {
            Some(tag) => format!("tag {:?}", shortened(tag)),
            None => "the end of a sentence".to_owned(),
        };
        Some(format!("{what} {place} breaks the scheme {self}, {wrong}"))
    }
}

impl fmt::Display for TagScheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for TagScheme {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Error> {
        let found = Self::ALL
            .into_iter()
            .find(|scheme| scheme.name().eq_ignore_ascii_case(name));
        found.ok_or_else(|| {
            let message = format!("unknown tag scheme {name:?}; expected iob1, iob2, iobes or plain");
            Error::new(ErrorKind::NotFound, message)
        })
    }
}

/// The parts of a tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Tag<'a> {
    /// `B`, `I`, `E`, `S` or `O`.
    mark: u8,
    kind: &'a str,
}

impl<'a> Tag<'a> {
    const OUTSIDE: Tag<'static> = Tag { mark: b'O', kind: "" };

    /// The parts of a tag; the start and end of a sentence count as outside.
    fn of(tag: Option<&'a str>) -> Option<Self> {
        tag.map_or(Some(Tag::OUTSIDE), Self::parse)
    }

    fn parse(tag: &'a str) -> Option<Self> {
        match tag.split_once('-') {
            None if tag == "O" => Some(Tag { mark: b'O', kind: "" }),
            Some((mark @ ("B" | "I" | "E" | "S"), kind)) if !kind.is_empty() => Some(Self {
                mark: mark.as_bytes()[0],
                kind,
            }),
            _ => None,
        }
    }
}

/// The scheme that the tags of these sentences follow; if none fits, the scheme with the fewest faults, so that the error can name
/// them.
pub(crate) fn detect(sentences: &[Vec<&str>]) -> TagScheme {
    let tags = || sentences.iter().flatten();
    let marks: Vec<u8> = tags().filter_map(|tag| Some(Tag::parse(tag)?.mark)).collect();
    if marks.iter().all(|mark| *mark == b'O') {
        return TagScheme::Plain;
    }
    if marks.iter().any(|mark| matches!(mark, b'E' | b'S')) {
        return TagScheme::Iobes;
    }
    let faults = |scheme: TagScheme| sentences.iter().map(|tags| faults(scheme, tags).count()).sum::<usize>();
    let (first, second) = (faults(TagScheme::Iob1), faults(TagScheme::Iob2));
    // Both fit only if no entity begins with B-, which is impossible in IOB2 with entities.
    if second <= first {
        TagScheme::Iob2
    } else {
        TagScheme::Iob1
    }
}

/// The scheme of the tags of these sentences: the one that the user names, or the detected one.
///
/// # Errors
/// `Invalid` at `place(sentence, word)` of the first tag that breaks it.
pub(crate) fn checked_scheme(
    sentences: &[Vec<&str>],
    asked: Option<TagScheme>,
    place: &dyn Fn(usize, usize) -> String,
) -> crate::Result<TagScheme> {
    let scheme = asked.unwrap_or_else(|| detect(sentences));
    for (at, tags) in sentences.iter().enumerate() {
        if let Some((word, fault)) = faults(scheme, tags).next() {
            let advice = if asked.is_some() {
                "; leave --tag-scheme out to infer it"
            } else {
                "; set --tag-scheme to iob1, iob2 or iobes, or to plain to take the tags as they are"
            };
            return Err(Error::invalid(fault + advice).at(place(at, word)));
        }
    }
    Ok(scheme)
}

/// `scheme iob2`, for the reason of a task.
pub(crate) fn described(scheme: TagScheme) -> String {
    match scheme {
        TagScheme::Plain => "without entities".to_owned(),
        scheme => format!("scheme {scheme}"),
    }
}

/// The faults in the tags of a sentence: the index of the word, and the reason.
pub(crate) fn faults<'a>(scheme: TagScheme, tags: &'a [&'a str]) -> impl Iterator<Item = (usize, String)> + 'a {
    let before = std::iter::once(None).chain(tags.iter().map(|tag| Some(*tag)));
    let behind = tags.iter().map(|tag| Some(*tag)).chain(std::iter::once(None));
    let last = tags.len().saturating_sub(1);
    let pairs = before.zip(behind).enumerate();
    pairs.filter_map(move |(at, (before, tag))| Some((at.min(last), scheme.fault(before, tag)?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sentences(text: &str) -> Vec<Vec<&str>> {
        text.split('|')
            .map(|sentence| sentence.split_whitespace().collect())
            .collect()
    }

    #[test]
    fn a_scheme_is_known_by_what_it_allows() {
        for (tags, scheme) in [
            ("O I-PER I-PER O I-LOC", TagScheme::Iob1),
            ("I-PER B-PER I-PER | O", TagScheme::Iob1),
            ("O B-PER I-PER O B-LOC", TagScheme::Iob2),
            ("B-PER | B-LOC I-LOC", TagScheme::Iob2),
            ("B-PER E-PER O S-LOC", TagScheme::Iobes),
            ("NN VB DT", TagScheme::Plain),
            ("O O | O", TagScheme::Plain),
        ] {
            let sentences = sentences(tags);
            assert_eq!(detect(&sentences), scheme, "{tags}");
            assert!(
                sentences.iter().all(|tags| faults(scheme, tags).next().is_none()),
                "{tags}"
            );
        }
    }

    #[test]
    fn what_breaks_a_scheme_is_found_where_it_stands() {
        for (scheme, tags, place, reason) in [
            (TagScheme::Iob2, "O I-PER", 1, "allows I- only after"),
            (TagScheme::Iob2, "B-PER I-LOC", 1, "of its type"),
            (TagScheme::Iob1, "O B-PER", 1, "two adjacent entities of one type"),
            (TagScheme::Iob1, "I-LOC B-PER", 1, "two adjacent entities of one type"),
            (TagScheme::Iobes, "B-PER O", 1, "with E-"),
            (TagScheme::Iobes, "O B-PER", 1, "the end of a sentence after \"B-PER\""),
            (TagScheme::Iobes, "S-PER E-PER", 1, "I- and E- only after"),
            (
                TagScheme::Iob2,
                "B-PER X-PER",
                1,
                "tag \"X-PER\": expected O, or B- or I- and a type",
            ),
            (TagScheme::Iob2, "B-", 0, "tag \"B-\""),
            (TagScheme::Iob2, "S-PER", 0, "does not use it"),
        ] {
            let tags: Vec<&str> = tags.split(' ').collect();
            let found: Vec<(usize, String)> = faults(scheme, &tags).collect();
            assert_eq!(found.len(), 1, "{scheme} {tags:?}: {found:?}");
            assert_eq!(found[0].0, place, "{scheme} {tags:?}: {found:?}");
            assert!(found[0].1.contains(reason), "{scheme} {tags:?}: {found:?}");
        }
    }
}
