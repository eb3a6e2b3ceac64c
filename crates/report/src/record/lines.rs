//! The file: JSON lines.

use ranktune_core::terminal::shortened;
use serde_json::Value;

use super::units::is_share;
use super::{Record, RecordNote, RecordNoteKind, RecordRow, SCHEMA, settle};

/// Reads the text of a record. Empty lines are passed over; every line that cannot be used has a note.
///
/// # Examples
/// ```
/// let text = r#"{"schema":"ranktune.record/1","model":"a","data":"d","metric":"accuracy","value":0.9,"protocol":"ours"}"#;
/// let (record, notes) = ranktune_report::record::parse(text);
/// assert_eq!((record.rows.len(), notes.len()), (1, 0));
/// assert_eq!(ranktune_report::record::parse(&record.to_jsonl()?).0, record);
/// # Ok::<(), serde_json::Error>(())
/// ```
pub fn parse(text: &str) -> (Record, Vec<RecordNote>) {
    let mut notes = Vec::new();
    let mut rows = Vec::new();
    for (line, content) in text.lines().enumerate() {
        let content = content.trim_start_matches('\u{feff}').trim();
        if content.is_empty() {
            continue;
        }
        match parse_line(content) {
            Ok(row) => rows.push((line + 1, row)),
            Err(message) => notes.push(RecordNote {
                line: line + 1,
                kind: RecordNoteKind::Rejected,
                message: format!("{}; left out", shortened(&message, 500)),
            }),
        }
    }
    let record = settle(rows, &mut notes);
    notes.sort_by_key(|note| note.line);
    (record, notes)
}

fn parse_line(content: &str) -> Result<RecordRow, String> {
    let value: Value =
        serde_json::from_str(content).map_err(|error| format!("expected a JSON object, found {error}"))?;
    let schema = value.get("schema").and_then(Value::as_str);
    if schema != Some(SCHEMA) {
        return Err(match schema {
            Some(other) => format!("expected schema {SCHEMA:?}, found {other:?}"),
            None => format!("expected the key schema with {SCHEMA:?}, found none"),
        });
    }
    let row: RecordRow = serde_json::from_value(value).map_err(|error| error.to_string())?;
    let named = [("model", &row.model), ("data", &row.data), ("metric", &row.metric)];
    if let Some((key, _)) = named.iter().find(|(_, text)| text.is_empty()) {
        return Err(format!("{key} is empty"));
    }
    if is_share(&row.metric) && !(0.0..=1.0).contains(&row.value) {
        return Err(format!(
            "{} is a share from 0 to 1, found {}; divide percentages by 100",
            row.metric, row.value
        ));
    }
    Ok(row)
}

impl Record {
    /// The text of the record, one line a row. It can be appended to another.
    ///
    /// # Errors
    /// None that a row can trigger: its keys are strings.
    pub fn to_jsonl(&self) -> Result<String, serde_json::Error> {
        let mut text = String::new();
        for row in &self.rows {
            text.push_str(&serde_json::to_string(row)?);
            text.push('\n');
        }
        Ok(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str = r#"{"schema":"ranktune.record/1","model":"a","data":"d","metric":"accuracy","value":0.9,"protocol":"ours","rung":"1 epoch","scores":{"logme":0.25},"source":"run 3","date":"2026-03-01","colour":"red"}"#;

    #[test]
    fn what_was_read_is_written_back_with_the_keys_of_other_versions() {
        let (record, notes) = parse(LINE);
        assert_eq!(notes, []);
        assert_eq!(record.rows[0].scores["logme"], 0.25);
        assert_eq!(record.to_jsonl().unwrap(), format!("{LINE}\n"));
    }

    #[test]
    fn files_merge_by_concatenation() {
        let other = LINE.replace("\"a\"", "\"b\"");
        let (record, notes) = parse(&format!("\u{feff}{LINE}\r\n\n{other}\n{LINE}"));
        assert_eq!(record.rows.len(), 2);
        assert_eq!(
            (notes.len(), notes[0].line, notes[0].kind),
            (1, 4, RecordNoteKind::Duplicate)
        );
        let mut merged = parse(LINE).0;
        assert_eq!(merged.merge(record.clone()), 1);
        assert_eq!(merged, record);
    }

    #[test]
    fn a_cell_with_two_values_keeps_both_and_names_both_lines() {
        let (record, notes) = parse(&format!("{LINE}\n{}", LINE.replace("0.9", "0.3")));
        assert_eq!(record.rows.len(), 2);
        assert_eq!(notes[0].kind, RecordNoteKind::Conflict);
        assert_eq!(
            notes[0].to_string(),
            "line 2: accuracy of \"a\" on \"d\" is 0.3, but 0.9 on line 1; both are kept"
        );
    }

    #[test]
    fn each_way_a_line_can_be_bad_is_named() {
        for (from, to, expected) in [
            ("ranktune.record/1", "ranktune.record/2", "found \"ranktune.record/2\""),
            ("\"schema\"", "\"sort\"", "expected the key schema"),
            ("\"value\":0.9,", "", "missing field `value`"),
            ("0.9", "\"high\"", "invalid type"),
            ("0.9", "null", "invalid type"),
            ("\"a\"", "\"\"", "model is empty"),
            ("}", "", "expected a JSON object"),
            ("0.9", "90.5", "divide percentages by 100"),
            ("0.9", "-0.1", "a share from 0 to 1"),
        ] {
            let (record, notes) = parse(&format!("{LINE}\n{}", LINE.replace(from, to)));
            assert_eq!(record.rows.len(), 1, "{to}");
            assert_eq!((notes[0].line, notes[0].kind), (2, RecordNoteKind::Rejected), "{to}");
            assert!(notes[0].message.contains(expected), "{}", notes[0]);
        }
    }
}
