//! The input and target columns of a table: those that the user names, or those with usual names.

use super::options::LoadOptions;
use crate::error::listed;
use crate::{Error, Result, Task};
use ranktune_core::names::did_you_mean;

const FILES: &[&str] = &[
    "file",
    "image",
    "path",
    "filename",
    "file_name",
    "image_path",
    "filepath",
    "file_path",
    "image_file",
    "image_name",
    "img",
    "img_path",
];
/// Names of a column of texts, each with the names that the second column of a pair has then.
const TEXTS: &[(&str, &[&str])] = &[
    ("text", &["text_pair", "text_b", "text2"]),
    ("sentence", &[]),
    ("sentence1", &["sentence2"]),
    ("sentence_1", &["sentence_2"]),
    ("text1", &["text2"]),
    ("text_a", &["text_b"]),
    ("premise", &["hypothesis"]),
    ("question1", &["question2"]),
    ("question", &["sentence"]),
    ("review", &[]),
    ("comment", &[]),
    ("content", &[]),
];
const TARGETS: &[&str] = &[
    "labels", "target", "targets", "class", "category", "choice", "score", "y",
];
/// Names of a column of identifiers, which may be files without their ending.
const IDS: &[&str] = &["id", "image_id", "img_id", "imageid", "photo_id", "file_id"];
/// Names of a column of words, in lists.
const WORDS: &[&str] = &["tokens", "words"];
/// Names of a column of their tags.
const TAGS: &[&str] = &[
    "ner_tags",
    "tags",
    "labels",
    "label",
    "ner",
    "pos_tags",
    "upos",
    "chunk_tags",
];

/// The chosen columns, as indices.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Choice {
    pub(super) input: Input,
    pub(super) targets: Vec<usize>,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Input {
    Files(usize),
    Texts(usize, Option<usize>),
    /// A column that the user named, with a name that does not decide; its values do.
    FilesOrTexts(usize),
    /// A column of identifiers; its values have to be names of files.
    Ids(usize),
}

impl Input {
    pub(super) fn columns(&self) -> Vec<usize> {
        match *self {
            Self::Files(column) | Self::FilesOrTexts(column) | Self::Ids(column) | Self::Texts(column, None) => {
                vec![column]
            }
            Self::Texts(first, Some(second)) => vec![first, second],
        }
    }
}

pub(super) fn choose(columns: &[String], options: &LoadOptions) -> Result<Choice> {
    let targets = targets(columns, &options.targets)?;
    let input = input(columns, options.input_column.as_deref(), &targets)?;
    let all = input.columns();
    for (i, target) in targets.iter().enumerate() {
        if targets[..i].contains(target) {
            return Err(Error::invalid(format!(
                "target column {:?} was given twice",
                columns[*target]
            )));
        }
        if all.contains(target) {
            return Err(Error::invalid(format!(
                "column {:?} cannot be both input and target",
                columns[*target]
            )));
        }
    }
    Ok(Choice { input, targets })
}

pub(super) fn targets(columns: &[String], asked: &[String]) -> Result<Vec<usize>> {
    if !asked.is_empty() {
        return asked.iter().map(|name| named(columns, name, "target")).collect();
    }
    if let Some(column) = find(columns, "label")? {
        return Ok(vec![column]);
    }
    let mut found = Vec::new();
    for name in TARGETS {
        found.extend(find(columns, name)?);
    }
    match found.as_slice() {
        [column] => Ok(vec![*column]),
        [] => {
            let message = format!(
                "no target column: expected \"label\", or the name of another with --target; the columns are {} (the first row must hold their names)",
                listed(columns)
            );
            Err(Error::not_found(
                message + &did_you_mean("label", columns.iter().map(String::as_str)),
            ))
        }
        several => {
            let names: Vec<&str> = several.iter().map(|&column| columns[column].as_str()).collect();
            let message = format!(
                "no column \"label\", but {} could be the target; name the one to predict with --target",
                listed(&names)
            );
            Err(Error::not_found(message))
        }
    }
}

/// The columns of words and of their tags, if the table has tagged words: as the user names them, or lists with usual names.
pub(super) fn tagged(
    columns: &[String],
    options: &LoadOptions,
    holds_lists: &dyn Fn(usize) -> bool,
) -> Result<Option<(usize, usize)>> {
    let is_requested = options.task == Some(Task::Tokens);
    if !is_requested && options.task.is_some() {
        return Ok(None);
    }
    let first = |names: &[&str]| -> Result<Option<usize>> {
        for name in names {
            if let Some(column) = find(columns, name)?.filter(|&column| holds_lists(column)) {
                return Ok(Some(column));
            }
        }
        Ok(None)
    };
    let words = match &options.input_column {
        Some(name) => Some(named(columns, name, "input")?).filter(|&column| is_requested || holds_lists(column)),
        None => first(WORDS)?,
    };
    let tags = match options.targets.as_slice() {
        [] => first(TAGS)?,
        [name] => Some(named(columns, name, "target")?).filter(|&column| is_requested || holds_lists(column)),
        _ => None,
    };
    match (words, tags) {
        (Some(words), Some(tags)) if words != tags => Ok(Some((words, tags))),
        _ if is_requested => {
            let message = format!(
                "expected tagged words: a column of lists of words ({} …) and one of lists of tags ({} …), or the names of others with --input-column and --target; the columns are {}; tagged words are read from CoNLL columns too",
                listed(&WORDS[..1]),
                listed(&TAGS[..2]),
                listed(columns)
            );
            Err(Error::not_found(message))
        }
        _ => Ok(None),
    }
}

fn input(columns: &[String], asked: Option<&str>, targets: &[usize]) -> Result<Input> {
    if let Some(name) = asked {
        let column = named(columns, name, "input")?;
        let lower = columns[column].to_lowercase();
        if let Some((_, seconds)) = TEXTS.iter().find(|(first, _)| *first == lower) {
            return Ok(Input::Texts(column, second(columns, seconds, targets)?));
        }
        return Ok(if FILES.contains(&lower.as_str()) {
            Input::Files(column)
        } else {
            Input::FilesOrTexts(column)
        });
    }
    let is_free = |column: &usize| !targets.contains(column);
    let mut files = Vec::new();
    for name in FILES {
        files.extend(find(columns, name)?.filter(is_free));
    }
    let mut texts = Vec::new();
    for (name, seconds) in TEXTS {
        if let Some(first) = find(columns, name)?.filter(is_free) {
            texts.push((first, second(columns, seconds, targets)?));
        }
    }
    // In question,sentence the sentence is the second text of a pair.
    let seconds: Vec<usize> = texts.iter().filter_map(|(_, second)| *second).collect();
    texts.retain(|(first, _)| !seconds.contains(first));
    match (files.as_slice(), texts.as_slice()) {
        ([column], []) => Ok(Input::Files(*column)),
        ([], [(first, second), ..]) => Ok(Input::Texts(*first, *second)),
        ([], []) => {
            for name in IDS {
                if let Some(column) = find(columns, name)?.filter(is_free) {
                    return Ok(Input::Ids(column));
                }
            }
            let message = format!(
                "no input column: expected one of files ({} …) or of texts (\"text\", \"sentence\" …), or the name of another with --input-column; the columns are {}",
                listed(&FILES[..4]),
                listed(columns)
            );
            Err(Error::not_found(message))
        }
        _ => {
            let both = files.iter().copied().chain(texts.iter().map(|(first, _)| *first));
            let names: Vec<&str> = both.map(|column| columns[column].as_str()).collect();
            let message = format!(
                "columns {} could all be the input; name one of them with --input-column",
                listed(&names)
            );
            Err(Error::invalid(message))
        }
    }
}

fn second(columns: &[String], names: &[&str], targets: &[usize]) -> Result<Option<usize>> {
    for name in names {
        if let Some(column) = find(columns, name)?.filter(|column| !targets.contains(column)) {
            return Ok(Some(column));
        }
    }
    Ok(None)
}

/// The column that the user named.
fn named(columns: &[String], name: &str, role: &str) -> Result<usize> {
    find(columns, name)?.ok_or_else(|| {
        let message = format!("no column {name:?} for the {role}; the columns are {}", listed(columns));
        Error::not_found(message + &did_you_mean(name, columns.iter().map(String::as_str)))
    })
}

/// The column with exactly this name, or else with this name in another case.
fn find(columns: &[String], name: &str) -> Result<Option<usize>> {
    let all = |matches: &dyn Fn(&str) -> bool| -> Vec<usize> {
        (0..columns.len()).filter(|&column| matches(&columns[column])).collect()
    };
    let mut found = all(&|column| column == name);
    if found.is_empty() {
        found = all(&|column| column.eq_ignore_ascii_case(name));
    }
    match found.as_slice() {
        [] => Ok(None),
        [column] => Ok(Some(*column)),
        several => Err(Error::invalid(format!(
            "column {name:?} occurs {} times; give each column its own name",
            several.len()
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(columns: &str, options: &LoadOptions) -> Result<Choice> {
        let columns: Vec<String> = columns.split(',').map(str::to_owned).collect();
        choose(&columns, options)
    }

    #[test]
    fn columns_are_found_by_their_names() {
        let default = LoadOptions::default();
        for (columns, input, target) in [
            ("file,label", Input::Files(0), 1),
            ("id,Label,Image", Input::Files(2), 1),
            ("text,label", Input::Texts(0, None), 1),
            ("text_pair,text,label", Input::Texts(1, Some(0)), 2),
            ("sentence1,sentence2,score", Input::Texts(0, Some(1)), 2),
            ("question,sentence,label", Input::Texts(0, Some(1)), 2),
            ("idx,premise,hypothesis,label,score", Input::Texts(1, Some(2)), 3),
            ("filename,class", Input::Files(0), 1),
            ("text,target", Input::Texts(0, None), 1),
        ] {
            let targets = vec![target];
            assert_eq!(of(columns, &default).unwrap(), Choice { input, targets }, "{columns}");
        }
    }

    #[test]
    fn columns_named_by_the_user_take_precedence() {
        let options = LoadOptions {
            targets: vec!["score".to_owned(), "price".to_owned()],
            input_column: Some("caption".to_owned()),
            ..LoadOptions::default()
        };
        let chosen = of("file,label,score,price,caption", &options).unwrap();
        assert_eq!(chosen.input, Input::FilesOrTexts(4));
        assert_eq!(chosen.targets, [2, 3]);
    }

    #[test]
    fn every_missing_or_ambiguous_column_is_reported() {
        let with = |targets: &[&str]| LoadOptions {
            targets: targets.iter().map(|target| (*target).to_owned()).collect(),
            ..LoadOptions::default()
        };
        for (columns, targets, expected) in [
            ("file,lable", &[][..], "no target column: expected \"label\""),
            ("file,lable", &[], "did you mean \"lable\"?"),
            ("file,lable", &[], "the columns are \"file\", \"lable\""),
            (
                "file,price",
                &["prize"],
                "no column \"prize\" for the target; the columns are \"file\", \"price\"; did you mean \"price\"?",
            ),
            ("file,class,target", &[], "\"target\", \"class\" could be the target"),
            ("name,label", &[], "no input column"),
            (
                "file,text,label",
                &[],
                "columns \"file\", \"text\" could all be the input",
            ),
            ("file,label,label", &[], "column \"label\" occurs 2 times"),
            (
                "file,price",
                &["price", "price"],
                "target column \"price\" was given twice",
            ),
        ] {
            let error = of(columns, &with(targets)).unwrap_err().to_string();
            assert!(error.contains(expected), "{columns} gives {error:?}");
        }
        let both = LoadOptions {
            targets: vec!["file".to_owned()],
            input_column: Some("file".to_owned()),
            ..LoadOptions::default()
        };
        assert!(
            of("file,label", &both)
                .unwrap_err()
                .to_string()
                .contains("both input and target")
        );
    }
}
