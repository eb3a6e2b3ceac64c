//! Small CoNLL files, valid and invalid.

use super::*;
use crate::TagScheme;

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

/// Sentences of eight of 40 words, and the file that `line` writes of them.
fn written(head: &str, line: impl Fn(usize, &str, &str) -> String) -> String {
    let mut text = String::new();
    for sentence in 0..20 {
        text += head;
        for word in 0..8 {
            let id = (sentence * 8 + word * 3) % 40;
            let tag = ["O", "O", "B-PER", "B-LOC"][id % 4];
            text += &line(word + 1, &format!("w{id}"), tag);
        }
        text.push('\n');
    }
    text
}

#[test]
fn what_writers_of_tagged_words_write_gives_the_same_words() {
    let plain = parsed(
        written("", |_, word, tag| format!("{word}\t{tag}\n")).as_bytes(),
        &options(),
    )
    .unwrap();
    let third = LoadOptions {
        column: Some(3),
        ..options()
    };
    let tenth = LoadOptions {
        column: Some(10),
        ..options()
    };
    for (writer, options, text) in [
        (
            "CoNLL-2003",
            options(),
            written("", |_, word, tag| format!("{word} NN I-NP {tag}\n")),
        ),
        (
            "GermEval 2014",
            third.clone(),
            written("#\thttp://example.org [2009-10-17]\n", |i, word, tag| {
                format!("{i}\t{word}\t{tag}\tO\n")
            }),
        ),
        (
            "CoNLL-U Plus with entities in MISC",
            tenth,
            written(
                "# sent_id = s\n# text = a b\n1-2\tw0w3\t_\t_\t_\t_\t_\t_\t_\t_\n",
                |i, word, tag| format!("{i}\t{word}\t{word}\tNOUN\tNN\t_\t0\troot\t_\t{tag}\n"),
            ),
        ),
        (
            "MultiCoNER",
            options(),
            written("# id f423a88e\tdomain=en\n", |_, word, tag| {
                format!("{word} _ _ {tag}\n")
            }),
        ),
        (
            "WNUT 2017",
            options(),
            written("", |_, word, tag| format!("{word}\t{tag}\n")).replace("\n\n", "\n\t\n"),
        ),
        (
            "numbered from 0",
            third,
            written("", |i, word, tag| format!("{} {word} {tag}\n", i - 1)),
        ),
    ] {
        let dataset = parsed(text.as_bytes(), &options).unwrap_or_else(|error| panic!("{writer}: {error}"));
        assert_eq!(dataset.inputs, plain.inputs, "{writer}");
        assert_eq!(dataset.targets, plain.targets, "{writer}");
    }
}

#[test]
fn conll_u_gives_words_and_parts_of_speech_and_says_what_it_left_out() {
    let line = |id: &str, word: &str, tag: &str| format!("{id}\t{word}\t_\t{tag}\t_\t_\t_\t_\t_\t_\n");
    let text = format!(
        "# sent_id = 1\n{}{}{}{}\n{}{}",
        line("1-2", "vámonos", "_"),
        line("1", "vamos", "VERB"),
        line("2", "nos", "PRON"),
        line("2.1", "e", "VERB"),
        line("1", "Sí", "INTJ"),
        line("2", ".", "PUNCT"),
    );
    let dataset = parsed(text.as_bytes(), &options()).unwrap();
    assert_eq!(
        tagged(&dataset),
        [pairs("vamos/VERB nos/PRON"), pairs("Sí/INTJ ./PUNCT")]
    );
    assert_eq!(
        dataset.notes,
        [
            "4 words in 2 sentences",
            "CoNLL-U: the words are those of column 2, the tags those of column 4; --word-column and --column name others",
            "skipped 1 comment line (#)",
            "skipped 2 lines of CoNLL-U with multiword ranges (1-2) or empty nodes (8.1)",
        ]
    );
}

#[test]
fn only_ascii_blanks_separate_columns() {
    let text = "Anna B-PER\n30\u{a0}000 O\n\u{3000} O\n\nBerlin B-LOC\n. O\n";
    for text in [text.to_owned(), text.replace(' ', "\t")] {
        let dataset = parsed(text.as_bytes(), &options()).unwrap();
        let words = &dataset.inputs.as_sentences().unwrap().words;
        assert_eq!(words[0], ["Anna", "30\u{a0}000", "\u{3000}"]);
        assert_eq!(words.len(), 2);
    }
}

#[test]
fn numbers_are_not_taken_for_words_unless_the_user_says_so() {
    let numbered = "1\tO\n2\tB-X\n\n1\tO\n2\tO\n";
    let error = parsed(numbered.as_bytes(), &options()).unwrap_err().to_string();
    assert!(
        error.contains("column 1 only numbers the words") && error.contains("--word-column"),
        "{error}"
    );
    let numbers = "17 a O\n4 b B-X\n\n3 c O\n9 d O\n";
    let error = parsed(numbers.as_bytes(), &options()).unwrap_err().to_string();
    assert!(
        error.contains("all words of column 1 are numbers, such as \"17\""),
        "{error}"
    );
    let asked = LoadOptions {
        word_column: Some(2),
        ..options()
    };
    let dataset = parsed(numbers.as_bytes(), &asked).unwrap();
    assert_eq!(tagged(&dataset), [pairs("a/O b/B-X"), pairs("c/O d/O")]);
}
