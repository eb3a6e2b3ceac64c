//! Small CoNLL files, valid and invalid.

use super::*;

fn parsed(content: &[u8], options: &LoadOptions) -> Result<Dataset> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("eng.train");
    fs::write(&path, content).unwrap();
    read(&path, options, Vec::new())
}

fn options() -> LoadOptions {
    LoadOptions {
        task: Some(Task::Tokens),
        ..LoadOptions::default()
    }
}

/// Words and tags by name.
fn tagged(dataset: &Dataset) -> Vec<Vec<(String, String)>> {
    let Some(crate::Sentences { words }) = dataset.inputs.as_sentences() else {
        panic!("{:?}", dataset.inputs)
    };
    let DatasetTargets::Tags { names, sentences, .. } = &dataset.targets else {
        panic!("{:?}", dataset.targets)
    };
    let name = |tag: &u32| names[*tag as usize].clone();
    words
        .iter()
        .zip(sentences)
        .map(|(words, tags)| words.iter().cloned().zip(tags.iter().map(name)).collect())
        .collect()
}

fn pairs(text: &str) -> Vec<(String, String)> {
    text.split(' ')
        .map(|pair| pair.split_once('/').unwrap())
        .map(|(word, tag)| (word.to_owned(), tag.to_owned()))
        .collect()
}

const GOOD: &str = "-DOCSTART- -X- O O\n\nEU NNP I-NP I-ORG\nrejects VBZ I-VP O\n\n\n-DOCSTART- -X- O O\n\n# # I-NP O\nParis NNP I-NP I-LOC";

#[test]
fn sentences_end_at_empty_lines_and_documents_are_counted() {
    let dataset = parsed(GOOD.as_bytes(), &options()).unwrap();
    assert_eq!(
        tagged(&dataset),
        [pairs("EU/I-ORG rejects/O"), pairs("#/O Paris/I-LOC")]
    );
    assert_eq!(dataset.notes, ["4 words in 2 sentences of 2 documents"]);
    assert_eq!(dataset.inferred.reason, "column 4 holds 3 tags, scheme iob1");
    assert_eq!(dataset.n_samples(), 2);
}

#[test]
fn another_column_is_another_task_on_the_same_words() {
    let second = LoadOptions {
        column: Some(2),
        ..options()
    };
    let dataset = parsed(GOOD.as_bytes(), &second).unwrap();
    assert_eq!(tagged(&dataset)[0], pairs("EU/NNP rejects/VBZ"));
    assert_eq!(dataset.inferred.reason, "column 2 holds 3 tags, without entities");
}

#[test]
fn columns_may_be_tabs_with_comments_and_windows_line_ends() {
    let file = "\u{feff}# id = 1\r\nNew York\tB-LOC\r\nis\tO\r\n\r\n# id = 2\r\nA\tO\r\n";
    let dataset = parsed(file.as_bytes(), &options()).unwrap();
    let york = ("New York".to_owned(), "B-LOC".to_owned());
    assert_eq!(tagged(&dataset), [vec![york, ("is".into(), "O".into())], pairs("A/O")]);
}

#[test]
fn what_is_wrong_is_named_with_its_line() {
    let asked = |column, tag_scheme| LoadOptions {
        column,
        tag_scheme,
        ..options()
    };
    let plain = || asked(None, None);
    for (content, options, expected) in [
        (&b""[..], plain(), "no words found"),
        (b"\n\n-DOCSTART- O\n\n", plain(), "no words found"),
        (
            b"word\n",
            plain(),
            "line 1: expected a word and its tag, found only \"word\"",
        ),
        (
            b"a x O\nb O\n",
            plain(),
            "line 2: expected 3 columns as in line 1, found 2: \"b O\"",
        ),
        (
            b"a O\nb x y B-PER\n",
            plain(),
            "line 2: expected 2 columns as in line 1, found 4",
        ),
        (b"a O\n\xff O\n", plain(), "line 2: not valid UTF-8: found byte 0xff"),
        (
            b"a B-PER\nb O\n\nc O\nd I-LOC\n",
            plain(),
            "line 5: tag \"I-LOC\" after \"O\" breaks the scheme iob2",
        ),
        (
            b"a I-PER\nb O\n",
            asked(None, Some(TagScheme::Iob2)),
            "line 1: tag \"I-PER\" at the start of a sentence",
        ),
        (
            b"a B-PER\n\nb O\n",
            asked(None, Some(TagScheme::Iobes)),
            "line 1: the end of a sentence after \"B-PER\"",
        ),
        (b"a O\nb O\n", plain(), "all words have the tag \"O\""),
        (
            b"a O\n",
            asked(Some(3), None),
            "line 1: the file has 2 columns, but column 3 was requested",
        ),
        (b"a O\n", asked(Some(0), None), "columns are counted from 1"),
        (b"a\tO\nb\t\n", plain(), "line 2: column 2 is empty"),
    ] {
        let error = parsed(content, &options).unwrap_err().to_string();
        assert!(error.contains("eng.train: ") && error.contains(expected), "{error}");
    }
}

#[test]
fn tags_that_break_every_scheme_can_be_taken_as_they_are() {
    let broken = b"a B-PER\nb O\n\nc O\nd I-LOC\n";
    let plain = LoadOptions {
        tag_scheme: Some(TagScheme::Plain),
        ..options()
    };
    assert_eq!(tagged(&parsed(broken, &plain).unwrap()).len(), 2);
}
