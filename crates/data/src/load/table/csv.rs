//! CSV and TSV: a header line, then rows.
//!
//! The delimiter and the meaning of quotation marks are inferred from the whole file, see [`dialect`]. A byte order mark and CRLF
//! are accepted; column names are trimmed. A row with more or fewer fields than the header is an error, because a guess would
//! shift columns.

mod dialect;
mod lines;

use std::borrow::Cow;
use std::io::{BufReader, Cursor, Read};
use std::path::{Path, PathBuf};

use csv::{ByteRecord, ErrorKind as CsvErrorKind, Reader, ReaderBuilder};

use super::cell::{Cell, OnRow, Table, ValueKind};
use super::packed;
use crate::{Error, Result};
use dialect::{Dialect, Quoting};
use lines::Lines;

const MARK: &[u8] = b"\xef\xbb\xbf";

type Text = BufReader<Box<dyn Read>>;

struct CsvTable {
    path: PathBuf,
    rows: Rows,
    delimiter: u8,
    columns: Vec<String>,
    note: Option<String>,
}

enum Rows {
    /// Cells may span lines.
    Quoted(Box<Reader<Text>>),
    /// Every line is a row.
    Lines(Lines<Text>),
}

pub(super) fn open(path: &Path) -> Result<Box<dyn Table>> {
    let start = || text(path);
    let (dialect, note) = dialect::of(path, &start)?;
    let text = BufReader::with_capacity(1 << 16, start()?);
    let (columns, rows) = match dialect.quoting {
        Quoting::Lines => {
            let mut lines = Lines::new(text);
            let header = lines
                .next_line()
                .map_err(|source| Error::io("cannot be read", path, source))?;
            let names = header.map(|(_, line)| lines::cells(line, dialect.delimiter, None).0);
            let names: Vec<String> = names.iter().flatten().map(|name| column_name(name)).collect();
            (names, Rows::Lines(lines))
        }
        Quoting::Doubled | Quoting::Escaped => {
            let mut reader = builder(dialect).from_reader(text);
            let names = reader.byte_headers().map_err(|error| explain(path, error))?;
            let names = names.iter().map(column_name).collect();
            (names, Rows::Quoted(Box::new(reader)))
        }
    };
    if columns.is_empty() {
        return Err(Error::invalid("the table is empty; expected a header line and rows").in_file(path));
    }
    Ok(Box::new(CsvTable {
        path: path.to_owned(),
        rows,
        delimiter: dialect.delimiter,
        columns,
        note,
    }))
}

/// The text of the table from its start, without a byte order mark.
fn text(path: &Path) -> Result<Box<dyn Read>> {
    let io = |source| Error::io("cannot be read", path, source);
    let mut rest = packed::open(path)?;
    let mut start = Vec::new();
    rest.by_ref().take(1 << 16).read_to_end(&mut start).map_err(io)?;
    refuse_other_encodings(&start).map_err(|error| error.in_file(path))?;
    if start.starts_with(MARK) {
        start.drain(..MARK.len());
    }
    Ok(Box::new(Cursor::new(start).chain(rest)))
}

fn column_name(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).trim().to_owned()
}

fn builder(dialect: Dialect) -> ReaderBuilder {
    let mut builder = ReaderBuilder::new();
    builder.delimiter(dialect.delimiter);
    if dialect.quoting == Quoting::Escaped {
        builder.escape(Some(b'\\'));
    }
    builder
}

impl Table for CsvTable {
    fn columns(&self) -> &[String] {
        &self.columns
    }

    fn unit(&self) -> &'static str {
        "line"
    }

    fn is_untyped(&self) -> bool {
        true
    }

    fn notes(&self) -> Vec<String> {
        self.note.clone().into_iter().collect()
    }

    fn read(self: Box<Self>, wanted: &[usize], on_row: &mut OnRow<'_>) -> Result<()> {
        let Self {
            path,
            rows,
            delimiter,
            columns,
            ..
        } = *self;
        match rows {
            Rows::Quoted(mut reader) => {
                let mut record = ByteRecord::new();
                while reader
                    .read_byte_record(&mut record)
                    .map_err(|error| explain(&path, error))?
                {
                    let line = record.position().map_or(0, csv::Position::line);
                    let cells = wanted.iter().map(|&column| {
                        let bytes = record.get(column).unwrap_or_default();
                        cell(bytes, line, &columns[column]).map_err(|error| error.in_file(&path))
                    });
                    on_row(line, &cells.collect::<Result<Vec<_>>>()?)?;
                }
            }
            Rows::Lines(mut lines) => {
                while let Some((line, text)) = lines
                    .next_line()
                    .map_err(|source| Error::io("cannot be read", &path, source))?
                {
                    let (record, _) = lines::cells(text, delimiter, Some(columns.len()));
                    if record.len() != columns.len() {
                        return Err(uneven(line, columns.len(), record.len()).in_file(&path));
                    }
                    let cells = wanted.iter().map(|&column| {
                        cell(&record[column], line, &columns[column]).map_err(|error| error.in_file(&path))
                    });
                    on_row(line, &cells.collect::<Result<Vec<_>>>()?)?;
                }
            }
        }
        Ok(())
    }
}

fn cell<'a>(bytes: &'a [u8], line: u64, column: &str) -> Result<Cell<'a>> {
    let text = std::str::from_utf8(bytes).map_err(|source| {
        let found = String::from_utf8_lossy(bytes);
        let message = format!(
            "{:?} is not UTF-8; save the table as UTF-8",
            crate::error::shortened(&found)
        );
        Error::malformed(message)
            .at(format!("line {line}, column {column:?}"))
            .caused_by(source)
    })?;
    Ok(match text.trim() {
        "" => Cell::Missing,
        trimmed => match ValueKind::of_text(trimmed) {
            ValueKind::Text => Cell::Scalar(ValueKind::Text, Cow::Borrowed(text)),
            number => Cell::Scalar(number, Cow::Borrowed(trimmed)),
        },
    })
}

fn refuse_other_encodings(sample: &[u8]) -> Result<()> {
    if sample.starts_with(b"\xff\xfe") || sample.starts_with(b"\xfe\xff") {
        return Err(Error::unsupported("the table is UTF-16; save it as UTF-8"));
    }
    if sample.contains(&0) {
        return Err(Error::malformed(
            "expected a table of text, found zero bytes; the file is binary or UTF-16",
        ));
    }
    Ok(())
}

fn uneven(line: u64, expected: usize, found: usize) -> Error {
    let message = format!(
        "expected {} as in the header, found {found}; a field that holds the delimiter or a line break must be quoted",
        crate::error::counted(expected, "field")
    );
    Error::malformed(message).at(format!("line {line}"))
}

fn explain(path: &Path, error: csv::Error) -> Error {
    let explained = match error.kind() {
        CsvErrorKind::UnequalLengths { pos, expected_len, len } => uneven(
            pos.as_ref().map_or(0, csv::Position::line),
            usize::try_from(*expected_len).unwrap_or(usize::MAX),
            usize::try_from(*len).unwrap_or(usize::MAX),
        ),
        CsvErrorKind::Io(_) => Error::new(crate::ErrorKind::Io, "cannot be read"),
        _ => Error::malformed("is not a table"),
    };
    explained.in_file(path).caused_by(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> Result<Vec<Vec<String>>> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.csv");
        std::fs::write(&path, bytes).unwrap();
        let table = open(&path)?;
        let wanted: Vec<usize> = (0..table.columns().len()).collect();
        let mut rows = vec![table.columns().to_vec()];
        table.read(&wanted, &mut |line, cells| {
            let mut row = vec![line.to_string()];
            row.extend(cells.iter().map(|cell| match cell {
                Cell::Scalar(_, text) => text.to_string(),
                _ => String::new(),
            }));
            rows.push(row);
            Ok(())
        })?;
        Ok(rows)
    }

    #[test]
    fn the_delimiter_is_the_one_that_all_rows_agree_on() {
        for (bytes, what) in [
            (&b"file,label\na.png,x\n"[..], "comma"),
            (b"file\tlabel\na.png\tx\n", "tab"),
            (b"file;label\na.png;x\n", "semicolon"),
            (b"\xef\xbb\xbffile,label\r\na.png,x\r\n", "mark and CRLF"),
            (b"\"file\" , \"label\"\na.png,x", "quotes, no last line end"),
            (b"file , label \n\na.png,x\n\n", "spaces and empty lines"),
        ] {
            let rows = read(bytes).unwrap();
            assert_eq!(rows.len(), 2, "{what}");
            assert_eq!(rows[1][1..], ["a.png", "x"], "{what}");
        }
        assert_eq!(
            read(b"text;label\na, b;x\nc, d, e;y\n").unwrap()[2],
            ["3", "c, d, e", "y"]
        );
        assert_eq!(
            read(b"text,label\n\"a\tb\",x\n\"c\",y\n").unwrap()[1],
            ["2", "a\tb", "x"]
        );
    }

    #[test]
    fn quoted_line_breaks_count_as_lines() {
        let rows = read(b"text,label\n\"a\nb\",x\nc,y\n").unwrap();
        assert_eq!(rows[1], ["2", "a\nb", "x"]);
        assert_eq!(rows[2][0], "4");
    }

    #[test]
    fn lone_quotes_between_tabs_are_text() {
        let rows = read(b"text\tlabel\n\"so it\tx\nhe said \"no\"\ty\n\"\tx\n").unwrap();
        assert_eq!(rows.len(), 4);
        assert_eq!(rows[1][1], "\"so it");
    }

    /// 200 rows of two words and a class; the row `i` begins with `marks[i]`.
    fn rows_with(delimiter: char, marks: &[(usize, &str)]) -> String {
        let mut text = format!("text{delimiter}label\n");
        for i in 0..200 {
            let mark = marks.iter().find(|(at, _)| *at == i).map_or("", |(_, mark)| mark);
            text += &format!("{mark}word {i}{delimiter}{}\n", ["a", "b"][i % 2]);
        }
        text
    }

    #[test]
    fn no_row_is_lost_between_two_lone_quotation_marks() {
        for (delimiter, marks) in [
            ('\t', &[(50, "\"Oh no "), (150, "\"Oh no\" again ")][..]),
            ('\t', &[(50, "\"Oh no ")]),
            (',', &[(50, "\"Oh no "), (150, "\"Oh no\" again ")]),
            (',', &[(199, "\"Oh no ")]),
            (';', &[(0, "\"")]),
        ] {
            let rows = read(rows_with(delimiter, marks).as_bytes()).unwrap();
            assert_eq!(rows.len(), 201, "{marks:?} in {delimiter:?}");
            let (at, mark) = marks[0];
            assert_eq!(rows[at + 1][1], format!("{mark}word {at}"), "{delimiter:?}");
        }
    }

    #[test]
    fn lines_that_another_reading_would_join_are_said() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.tsv");
        std::fs::write(&path, rows_with('\t', &[(50, "\"Oh no "), (150, "\"Oh no\" again ")])).unwrap();
        assert_eq!(
            open(&path).unwrap().notes(),
            [
                "1 cell begins with a quotation mark that is not closed on its line (line 52): taken as text, every line is a row (200 rows)"
            ]
        );
        // Both readings are sound: one row of two lines, or two rows.
        std::fs::write(&path, "text\tlabel\n\"a\tb\nc\"\td\n").unwrap();
        let notes = open(&path).unwrap().notes();
        assert!(notes[0].contains("(2 rows; 1 if cells may span lines"), "{notes:?}");
    }

    #[test]
    fn a_quotation_that_would_swallow_rows_is_an_error_at_its_line() {
        // A cell of two lines leaves no other reading.
        let text = format!(
            "{}\"two\nlines\",a\n",
            rows_with(',', &[(50, "\"Oh no "), (150, "\"Oh no\" again ")])
        );
        let error = read(text.as_bytes()).unwrap_err().to_string();
        assert!(
            error.contains("t.csv: line 52: a quotation mark opens a cell"),
            "{error}"
        );
    }

    #[test]
    fn what_writers_of_tables_write_is_read() {
        let expected = [["say \"no\"", "a"], ["x, y; z\tw", "b"], ["two\nlines", "a"], ["", "b"]];
        for (writer, text) in [
            (
                "pandas",
                "text,label\n\"say \"\"no\"\"\",a\n\"x, y; z\tw\",b\n\"two\nlines\",a\n,b\n",
            ),
            (
                "pandas, tabs",
                "text\tlabel\n\"say \"\"no\"\"\"\ta\n\"x, y; z\tw\"\tb\n\"two\nlines\"\ta\n\tb\n",
            ),
            (
                "polars",
                "text,label\n\"say \"\"no\"\"\",a\n\"x, y; z\tw\",b\n\"two\nlines\",a\n,b\n",
            ),
            (
                "Excel, German",
                "\u{feff}text;label\r\n\"say \"\"no\"\"\";a\r\n\"x, y; z\tw\";b\r\n\"two\nlines\";a\r\n;b\r\n",
            ),
            (
                "Excel, tabs",
                "text\tlabel\r\n\"say \"\"no\"\"\"\ta\r\n\"x, y; z\tw\"\tb\r\n\"two\nlines\"\ta\r\n\tb\r\n",
            ),
            (
                "all quoted",
                "\"text\",\"label\"\n\"say \"\"no\"\"\",\"a\"\n\"x, y; z\tw\",\"b\"\n\"two\nlines\",\"a\"\n\"\",\"b\"\n",
            ),
            (
                "Spark",
                "text,label\n\"say \\\"no\\\"\",a\n\"x, y; z\tw\",b\n\"two\nlines\",a\n\"\",b\n",
            ),
            (
                "old Macintosh",
                "text,label\r\"say \"\"no\"\"\",a\r\"x, y; z\tw\",b\r\"two\nlines\",a\r,b\r",
            ),
        ] {
            let rows = read(text.as_bytes()).unwrap();
            let found: Vec<&[String]> = rows[1..].iter().map(|row| &row[1..]).collect();
            assert_eq!(found, expected, "{writer}");
        }
    }

    #[test]
    fn a_row_of_another_length_is_named() {
        let error = read(b"file,label\na.png,x\nb.png,x,y\n").unwrap_err().to_string();
        assert!(
            error.contains("line 3: expected 2 fields as in the header, found 3"),
            "{error}"
        );
    }

    #[test]
    fn utf_16_is_refused_by_name() {
        let error = read(b"\xff\xfef\0i\0l\0e\0").unwrap_err().to_string();
        assert!(error.contains("UTF-16"), "{error}");
    }

    #[test]
    fn bytes_that_are_not_utf_8_are_named() {
        let error = read(b"text,label\ncaf\xe9,x\n").unwrap_err().to_string();
        assert!(
            error.contains("line 2, column \"text\"") && error.contains("UTF-8"),
            "{error}"
        );
    }

    #[test]
    fn an_empty_table_is_refused() {
        assert!(read(b"").unwrap_err().to_string().contains("the table is empty"));
    }
}
