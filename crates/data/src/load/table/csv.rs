//! CSV and TSV: a header line, then rows.
//!
//! The delimiter (comma, tab, semicolon), and whether quotes have a meaning in a tab-separated file, are inferred from the first
//! [`SAMPLE`] bytes: the delimiter that gives all rows the same number of fields, and the most fields. A byte order mark and CRLF
//! are accepted; column names are trimmed. A row with more or fewer fields than the header is an error, because a guess would
//! shift columns.

use std::borrow::Cow;
use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use csv::{ByteRecord, ErrorKind as CsvErrorKind, Reader, ReaderBuilder};

use super::cell::{Cell, OnRow, Table, ValueKind};
use crate::{Error, Result};

const SAMPLE: u64 = 1 << 16;
const MARK: &[u8] = b"\xef\xbb\xbf";

struct CsvTable {
    path: PathBuf,
    reader: Reader<BufReader<File>>,
    columns: Vec<String>,
}

pub(super) fn open(path: &Path) -> Result<Box<dyn Table>> {
    let io = |source| Error::io("cannot be read", path, source);
    let mut file = File::open(path).map_err(io)?;
    let mut sample = Vec::new();
    file.by_ref().take(SAMPLE).read_to_end(&mut sample).map_err(io)?;
    refuse_other_encodings(&sample).map_err(|error| error.in_file(path))?;
    file.seek(SeekFrom::Start(if sample.starts_with(MARK) {
        MARK.len() as u64
    } else {
        0
    }))
    .map_err(io)?;

    let text = sample.strip_prefix(MARK).unwrap_or(&sample);
    let dialect = sniff(text, sample.len() as u64 == SAMPLE);
    let mut reader = dialect.builder().from_reader(BufReader::new(file));
    let columns = reader.byte_headers().map_err(|error| explain(path, error))?;
    let columns: Vec<String> = columns
        .iter()
        .map(|name| String::from_utf8_lossy(name).trim().to_owned())
        .collect();
    if columns.is_empty() {
        return Err(Error::invalid("the table is empty; expected a header line and rows").in_file(path));
    }
    Ok(Box::new(CsvTable {
        path: path.to_owned(),
        reader,
        columns,
    }))
}

impl Table for CsvTable {
    fn columns(&self) -> &[String] {
        &self.columns
    }

    fn unit(&self) -> &'static str {
        "line"
    }

    fn read(mut self: Box<Self>, wanted: &[usize], on_row: &mut OnRow<'_>) -> Result<()> {
        let mut record = ByteRecord::new();
        while self
            .reader
            .read_byte_record(&mut record)
            .map_err(|error| explain(&self.path, error))?
        {
            let line = record.position().map_or(0, csv::Position::line);
            let mut cells = Vec::with_capacity(wanted.len());
            for &column in wanted {
                let bytes = record.get(column).unwrap_or_default();
                let text = std::str::from_utf8(bytes).map_err(|source| {
                    let found = String::from_utf8_lossy(bytes);
                    let message = format!(
                        "{:?} is not UTF-8; save the table as UTF-8",
                        crate::error::shortened(&found)
                    );
                    Error::malformed(message)
                        .at(format!("line {line}, column {:?}", self.columns[column]))
                        .in_file(&self.path)
                        .caused_by(source)
                })?;
                cells.push(match text.trim() {
                    "" => Cell::Missing,
                    trimmed => match ValueKind::of_text(trimmed) {
                        ValueKind::Text => Cell::Scalar(ValueKind::Text, Cow::Borrowed(text)),
                        number => Cell::Scalar(number, Cow::Borrowed(trimmed)),
                    },
                });
            }
            on_row(line, &cells)?;
        }
        Ok(())
    }
}

#[derive(Clone, Copy)]
struct Dialect {
    delimiter: u8,
    quoting: bool,
}

impl Dialect {
    fn builder(self) -> ReaderBuilder {
        let mut builder = ReaderBuilder::new();
        builder.delimiter(self.delimiter).quoting(self.quoting);
        builder
    }

    /// The number of fields, if all rows of the sample have the same number.
    fn fields(self, sample: &[u8], cut: bool) -> Option<usize> {
        let mut reader = self.builder().has_headers(false).flexible(true).from_reader(sample);
        let mut lengths: Vec<usize> = Vec::new();
        let mut record = ByteRecord::new();
        while reader.read_byte_record(&mut record).ok()? {
            lengths.push(record.len());
        }
        if cut && lengths.len() > 1 {
            lengths.pop();
        }
        let first = *lengths.first()?;
        lengths.iter().all(|length| *length == first).then_some(first)
    }
}

fn sniff(sample: &[u8], cut: bool) -> Dialect {
    let quoted = |delimiter| Dialect {
        delimiter,
        quoting: true,
    };
    // Tab-separated texts often hold single quotation marks, which would swallow all rows up to the next one.
    let bare_tabs = Dialect {
        delimiter: b'\t',
        quoting: false,
    };
    let mut best = (1, None);
    for dialect in [quoted(b','), quoted(b'\t'), bare_tabs, quoted(b';')] {
        if let Some(fields) = dialect.fields(sample, cut)
            && fields > best.0
        {
            best = (fields, Some(dialect));
        }
    }
    best.1.unwrap_or_else(|| {
        // Rows differ in length, or there is only one column. The header decides; reading reports the row.
        let header = sample.split(|byte| *byte == b'\n').next().unwrap_or_default();
        let count = |delimiter: &u8| header.iter().filter(|byte| *byte == delimiter).count();
        let delimiter = *[b';', b'\t', b',']
            .iter()
            .max_by_key(|delimiter| count(delimiter))
            .unwrap_or(&b',');
        quoted(delimiter)
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

fn explain(path: &Path, error: csv::Error) -> Error {
    let explained = match error.kind() {
        CsvErrorKind::UnequalLengths { pos, expected_len, len } => {
            let line = pos.as_ref().map_or(0, csv::Position::line);
            let message = format!(
                "expected {expected_len} fields as in the header, found {len}; a field that holds the delimiter or a line break must be quoted"
            );
            Error::malformed(message).at(format!("line {line}"))
        }
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
