//! JSON: one object a line, one list of objects, or one object of the kinds in [`whole`]. Files may be packed with gzip.
//!
//! Columns are the keys of the first [`SAMPLE`] objects; a key that an object lacks is a missing cell. Lines are parsed one by
//! one and lists element by element, so memory does not grow with the file.

mod label_studio;
mod whole;

use std::borrow::Cow;
use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use serde::de::{DeserializeSeed, Deserializer, SeqAccess, Visitor};
use serde_json::{Map, Value};

use super::cell::{Cell, OnRow, Table, ValueKind};
use super::packed;
use crate::error::shortened;
use crate::{Error, Result};

const SAMPLE: usize = 1000;
/// The longest line that is read into memory.
const LONGEST_LINE: u64 = 64 << 20;
/// The longest table that is one object.
const LONGEST_OBJECT: u64 = 1 << 30;

type Text = BufReader<Box<dyn Read>>;

#[derive(Clone, Copy)]
enum Framing {
    Lines,
    List,
    /// One object, whose rows are in memory.
    Whole,
}

struct JsonTable {
    path: PathBuf,
    framing: Framing,
    columns: Vec<String>,
    /// Whether the first value of each column is a list.
    lists: Vec<Option<bool>>,
    /// Whether a column has answers with several choices of Label Studio, so that all are lists.
    choices: Vec<bool>,
    /// The only question that Label Studio's tasks answer.
    target: Option<String>,
    /// The rows of a table that is one object.
    rows: Vec<Map<String, Value>>,
}

pub(super) fn open(path: &Path) -> Result<Box<dyn Table>> {
    let (framing, rows) = framing(path)?;
    let mut columns: Vec<String> = Vec::new();
    let mut lists: Vec<Option<bool>> = Vec::new();
    // A file may have a million keys.
    let mut places: HashMap<String, usize> = HashMap::new();
    let mut choices: Vec<bool> = Vec::new();
    let mut questions: Vec<String> = Vec::new();
    let mut seen = 0;
    let mut look = |_: u64, object: Map<String, Value>| {
        let object = match label_studio::row(&object) {
            Some((row, answered)) => {
                questions.extend(answered);
                questions.sort();
                questions.dedup();
                row
            }
            None => object,
        };
        for (key, value) in &object {
            let at = places.get(key).copied().unwrap_or_else(|| {
                columns.push(key.clone());
                lists.push(None);
                places.insert(key.clone(), columns.len() - 1);
                choices.push(false);
                columns.len() - 1
            });
            choices[at] |= choices_of(value).is_some_and(|choices| choices.len() != 1);
            if !value.is_null() {
                lists[at].get_or_insert(value.is_array());
            }
        }
        seen += 1;
        Ok(if seen < SAMPLE { Flow::Go } else { Flow::Stop })
    };
    each_object(path, framing, &rows, &mut look)?;
    if seen == 0 {
        return Err(
            Error::invalid("the table is empty; expected objects such as {\"file\": …, \"label\": …}").in_file(path),
        );
    }
    Ok(Box::new(JsonTable {
        path: path.to_owned(),
        framing,
        columns,
        lists,
        choices,
        target: match questions.as_slice() {
            [only] => Some(only.clone()),
            _ => None,
        },
        rows,
    }))
}

impl Table for JsonTable {
    fn columns(&self) -> &[String] {
        &self.columns
    }

    fn unit(&self) -> &'static str {
        match self.framing {
            Framing::Lines => "line",
            Framing::List | Framing::Whole => "row",
        }
    }

    fn holds_lists(&self, column: usize) -> bool {
        self.lists[column] == Some(true)
    }

    fn target(&self) -> Option<String> {
        self.target.clone()
    }

    fn read(self: Box<Self>, wanted: &[usize], on_row: &mut OnRow<'_>) -> Result<()> {
        let keys: Vec<(&str, bool)> = wanted
            .iter()
            .map(|&column| (self.columns[column].as_str(), self.choices[column]))
            .collect();
        each_object(&self.path, self.framing, &self.rows, &mut |position, object| {
            let object = label_studio::row(&object).map_or(object, |(row, _)| row);
            let cells: Vec<Cell<'_>> = keys
                .iter()
                .map(|(key, are_choices)| {
                    let cell = object.get(*key).map_or(Cell::Missing, cell);
                    match cell {
                        Cell::Scalar(kind, text) if *are_choices => Cell::List(vec![(kind, text)]),
                        cell => cell,
                    }
                })
                .collect();
            on_row(position, &cells)?;
            Ok(Flow::Go)
        })
    }
}

/// The choices in Label Studio's answer to a question with several.
fn choices_of(value: &Value) -> Option<&[Value]> {
    let object = value.as_object().filter(|object| object.len() == 1)?;
    object.get("choices")?.as_array().map(Vec::as_slice)
}

fn cell(value: &Value) -> Cell<'_> {
    match value {
        Value::Null => Cell::Missing,
        // One choice is a class.
        Value::Object(object) => match choices_of(value) {
            Some([only]) => cell(only),
            Some(_) => cell(&object["choices"]),
            None => Cell::Other("an object"),
        },
        Value::Array(items) => match items.iter().map(scalar).collect() {
            Some(items) => Cell::List(items),
            None => Cell::Other("a list of other than texts and numbers"),
        },
        other => match scalar(other) {
            Some((kind, text)) => Cell::Scalar(kind, text),
            None => Cell::Missing,
        },
    }
}

fn scalar(value: &Value) -> Option<(ValueKind, Cow<'_, str>)> {
    match value {
        Value::String(text) => Some((ValueKind::Text, Cow::Borrowed(text))),
        Value::Bool(value) => Some((ValueKind::Bool, Cow::Borrowed(if *value { "true" } else { "false" }))),
        Value::Number(number) => {
            let kind = if number.is_f64() {
                ValueKind::Float
            } else {
                ValueKind::Int
            };
            Some((kind, Cow::Owned(number.to_string())))
        }
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

fn open_file(path: &Path) -> Result<Text> {
    let mut reader = BufReader::with_capacity(1 << 16, packed::open(path)?);
    let start = reader
        .fill_buf()
        .map_err(|source| Error::io("cannot be read", path, source))?;
    if start.starts_with(b"\xff\xfe") || start.starts_with(b"\xfe\xff") {
        return Err(Error::unsupported("the table is UTF-16; save it as UTF-8").in_file(path));
    }
    if start.starts_with(b"\xef\xbb\xbf") {
        reader.consume(3);
    }
    Ok(reader)
}

fn framing(path: &Path) -> Result<(Framing, Vec<Map<String, Value>>)> {
    let mut reader = open_file(path)?;
    let start = reader
        .fill_buf()
        .map_err(|source| Error::io("cannot be read", path, source))?;
    match start.iter().find(|byte| !byte.is_ascii_whitespace()) {
        Some(b'[') => return Ok((Framing::List, Vec::new())),
        Some(b'{') if !is_of_lines(path) => {}
        _ => return Ok((Framing::Lines, Vec::new())),
    }
    let mut values = serde_json::Deserializer::from_reader(reader.take(LONGEST_OBJECT)).into_iter::<Value>();
    if let (Some(Ok(Value::Object(object))), None) = (values.next(), values.next())
        && let Some(rows) = whole::rows(&object)
    {
        return Ok((Framing::Whole, rows));
    }
    Ok((Framing::Lines, Vec::new()))
}

/// Whether the name of a file says that it has an object a line, so that a single line is a row.
fn is_of_lines(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    name.contains(".jsonl") || name.contains(".ndjson")
}

#[derive(PartialEq)]
enum Flow {
    Go,
    Stop,
}

type OnObject<'a> = dyn FnMut(u64, Map<String, Value>) -> Result<Flow> + 'a;

fn each_object(path: &Path, framing: Framing, rows: &[Map<String, Value>], on_object: &mut OnObject<'_>) -> Result<()> {
    let reader = open_file(path)?;
    match framing {
        Framing::Whole => {
            for (number, row) in (1..).zip(rows) {
                if on_object(number, row.clone())? == Flow::Stop {
                    break;
                }
            }
            Ok(())
        }
        Framing::Lines => each_line(path, reader, on_object),
        Framing::List => each_element(path, reader, on_object),
    }
}

fn each_line(path: &Path, mut reader: Text, on_object: &mut OnObject<'_>) -> Result<()> {
    let mut line = Vec::new();
    let mut number = 0;
    loop {
        line.clear();
        number += 1;
        let read = reader.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut line);
        if read.map_err(|source| Error::io("cannot be read", path, source))? == 0 {
            return Ok(());
        }
        let malformed = |message: String| Error::malformed(message).in_file(path).at(format!("line {number}"));
        if line.len() as u64 == LONGEST_LINE && line.last() != Some(&b'\n') {
            return Err(malformed(
                "is longer than 64 MiB; expected one object a line".to_owned(),
            ));
        }
        if line.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        if let Err(error) = std::str::from_utf8(&line) {
            let found = line.get(error.valid_up_to()).copied().unwrap_or_default();
            let message = format!("not valid UTF-8: found byte 0x{found:02x}; save the table as UTF-8");
            return Err(malformed(message));
        }
        // Without the line break, which in a string that is cut off is reported as a wrong character.
        let value: Value = serde_json::from_slice(line.trim_ascii_end()).map_err(|source| {
            let text = shortened(String::from_utf8_lossy(&line).trim_end());
            let hint = if text.contains("NaN") {
                "; JSON has no NaN: write null"
            } else {
                ""
            };
            // It counts lines, too, of which it has seen one.
            let problem = source.to_string();
            let problem = problem.split(" at line ").next().unwrap_or_default();
            let column = source.column();
            malformed(format!(
                "expected one JSON object a line, found {text:?}: {problem} at column {column}{hint}"
            ))
        })?;
        let Value::Object(object) = value else {
            return Err(malformed(format!("expected an object, found {}", kind_of(&value))));
        };
        if on_object(number, object)? == Flow::Stop {
            return Ok(());
        }
    }
}

fn each_element(path: &Path, reader: Text, on_object: &mut OnObject<'_>) -> Result<()> {
    let mut elements = Elements {
        on_object,
        number: 0,
        outcome: Ok(Flow::Go),
    };
    let mut json = serde_json::Deserializer::from_reader(reader);
    let parsed = json.deserialize_seq(&mut elements).and_then(|()| json.end());
    let Elements { number, outcome, .. } = elements;
    match outcome {
        // The parser reports an error if it is stopped in the middle of the list.
        Ok(Flow::Stop) => return Ok(()),
        Err(error) => return Err(error.in_file(path)),
        Ok(Flow::Go) => {}
    }
    parsed.map_err(|source| {
        Error::malformed("expected a list of objects")
            .in_file(path)
            .at(format!("row {}", number + 1))
            .caused_by(source)
    })
}

/// Passes on each element of a list as it is parsed.
struct Elements<'a, 'b> {
    on_object: &'a mut OnObject<'b>,
    number: u64,
    outcome: Result<Flow>,
}

impl<'de> Visitor<'de> for &mut Elements<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a list of objects")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> std::result::Result<(), A::Error> {
        while let Some(object) = list.next_element_seed(Element)? {
            self.number += 1;
            self.outcome = (self.on_object)(self.number, object);
            if !matches!(self.outcome, Ok(Flow::Go)) {
                break;
            }
        }
        Ok(())
    }
}

struct Element;

impl<'de> DeserializeSeed<'de> for Element {
    type Value = Map<String, Value>;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> std::result::Result<Self::Value, D::Error> {
        serde::Deserialize::deserialize(json)
    }
}

fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, keys: &[&str]) -> Result<Vec<(u64, Vec<String>)>> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.json");
        std::fs::write(&path, text).unwrap();
        let table = open(&path)?;
        let wanted: Vec<usize> = keys
            .iter()
            .map(|key| table.columns().iter().position(|c| c == key).unwrap())
            .collect();
        let mut rows = Vec::new();
        table.read(&wanted, &mut |position, cells| {
            rows.push((position, cells.iter().map(|cell| format!("{cell:?}")).collect()));
            Ok(())
        })?;
        Ok(rows)
    }

    #[test]
    fn lines_and_a_list_read_the_same() {
        let lines = "\u{feff}{\"text\": \"a\", \"label\": [\"x\", 1]}\r\n\n{\"label\": null, \"text\": \"b\"}";
        let list = "\n [ {\"text\": \"a\", \"label\": [\"x\", 1]}, {\"label\": null, \"text\": \"b\"} ]\n";
        let lines = read(lines, &["text", "label"]).unwrap();
        let list = read(list, &["text", "label"]).unwrap();
        assert_eq!(lines.iter().map(|row| row.0).collect::<Vec<_>>(), [1, 3]);
        assert_eq!(list.iter().map(|row| row.0).collect::<Vec<_>>(), [1, 2]);
        assert_eq!(
            lines.iter().map(|row| &row.1).collect::<Vec<_>>(),
            list.iter().map(|row| &row.1).collect::<Vec<_>>()
        );
    }

    #[test]
    fn every_layout_of_pandas_is_the_same_table() {
        let expected = read(
            "{\"text\": \"a\", \"label\": 1}\n{\"text\": \"b\", \"label\": 2}\n",
            &["text", "label"],
        )
        .unwrap();
        for (layout, text) in [
            (
                "columns",
                r#"{"text": {"0": "a", "1": "b"}, "label": {"0": 1, "1": 2}}"#,
            ),
            (
                "index",
                r#"{"0": {"text": "a", "label": 1}, "1": {"text": "b", "label": 2}}"#,
            ),
            (
                "split",
                r#"{"columns": ["text", "label"], "index": [0, 1], "data": [["a", 1], ["b", 2]]}"#,
            ),
            (
                "table",
                r#"{"schema": {"fields": [{"name": "index"}, {"name": "text"}], "primaryKey": ["index"]},
                   "data": [{"index": 0, "text": "a", "label": 1}, {"index": 1, "text": "b", "label": 2}]}"#,
            ),
            ("a dictionary of columns", r#"{"text": ["a", "b"], "label": [1, 2]}"#),
        ] {
            assert_eq!(read(text, &["text", "label"]).unwrap(), expected, "{layout}");
        }
        // Rows are in the order of numbers, not of texts.
        let many: Vec<String> = (0..12).map(|i| format!("\"{i}\": {i}")).collect();
        let rows = read(&format!("{{\"y\": {{{}}}}}", many.join(",")), &["y"]).unwrap();
        assert_eq!(
            rows[10].1,
            [format!("{:?}", Cell::Scalar(ValueKind::Int, Cow::Borrowed("10")))]
        );
    }

    #[test]
    fn choices_of_label_studio_are_lists() {
        let rows = read(r#"[{"choice": {"choices": ["a", "b"]}}, {"choice": "a"}]"#, &["choice"]).unwrap();
        assert!(rows.iter().all(|row| row.1[0].starts_with("List")), "{rows:?}");
        let rows = read(r#"[{"choice": {"choices": ["b"]}}, {"choice": "a"}]"#, &["choice"]).unwrap();
        assert!(rows.iter().all(|row| row.1[0].starts_with("Scalar")), "{rows:?}");
    }

    #[test]
    fn a_key_that_comes_later_is_a_column() {
        let rows = read("{\"text\": \"a\"}\n{\"text\": \"b\", \"label\": 1.0}\n", &["label"]).unwrap();
        assert_eq!(rows[0].1, ["Missing"]);
        assert!(rows[1].1[0].contains("Float"));
    }

    #[test]
    fn a_line_that_is_no_object_is_named() {
        for (text, expected) in [
            ("{\"a\": 1}\n{\"a\": NaN}\n", "line 2: expected one JSON object a line"),
            ("{\"a\": 1}\n3\n", "line 2: expected an object, found a number"),
            ("{\n  \"a\": 1\n}\n", "line 1: expected one JSON object a line"),
            ("[{\"a\": 1}, 3]", "row 2: expected a list of objects"),
            ("[{\"a\": 1}", "row 2: expected a list of objects"),
            ("[{\"a\": 1}] x", "expected a list of objects"),
            ("[]", "the table is empty"),
            ("", "the table is empty"),
        ] {
            let error = read(text, &[]).unwrap_err().to_string();
            assert!(error.contains(expected), "{text:?} gives {error:?}");
        }
    }

    #[test]
    fn deep_nesting_is_an_error_and_no_overflow_of_the_stack() {
        let deep = format!("{{\"a\": {}", "[".repeat(1_000_000));
        assert!(read(&deep, &[]).is_err());
        assert!(read(&"[".repeat(1_000_000), &[]).is_err());
    }
}
