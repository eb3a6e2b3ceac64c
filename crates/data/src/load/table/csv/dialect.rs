//! How the cells of a text table are delimited and quoted, decided from the whole file.
//!
//! The delimiter (comma, tab, semicolon) is the one that gives all rows of a sample the same number of fields, and the most
//! fields. Three readings of the quotation marks are then tried on all rows:
//!
//! | reading | a cell that begins with a quotation mark | written by |
//! |---|---|---|
//! | [`Quoting::Doubled`] | ends at the next mark that is not doubled, maybe lines later | pandas, polars, Excel, RFC 4180 |
//! | [`Quoting::Escaped`] | as above, and `\"` is a mark within the cell | Spark, MySQL |
//! | [`Quoting::Lines`] | is quoted only if the cell is closed on its line | files without quoting, such as GLUE's |
//!
//! In a file with tabs a lone quotation mark is usually text, so `Lines` comes first; elsewhere it comes last. A reading counts
//! only if all rows have as many fields as the header, and no mark opens a cell that is never properly closed: such a cell would
//! swallow the rows up to the next mark.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use super::lines::{self, LONGEST_ROW, Lines};
use crate::error::counted;
use crate::{Error, Result};

const SAMPLE: u64 = 1 << 16;
const QUOTE: u8 = b'"';

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Quoting {
    Doubled,
    Escaped,
    Lines,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Dialect {
    pub(super) delimiter: u8,
    pub(super) quoting: Quoting,
}

/// What a reading of all rows gives.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Outcome {
    /// Rows after the header.
    rows: u64,
    /// The number of fields of the header.
    fields: usize,
    /// Whether some row has another number of fields than the header.
    is_uneven: bool,
    /// The line of a mark that opens a cell which is closed lines later in the middle of a text, or never.
    swallowed: Option<u64>,
    /// Cells that go on after their closing mark.
    loose: u64,
    /// The lines whose last cell begins with a mark that is not closed on the line (only for `Lines`).
    open: Vec<u64>,
}

impl Outcome {
    fn is_sound(&self) -> bool {
        !self.is_uneven && self.swallowed.is_none()
    }

    fn count(&mut self, fields: usize, is_header: bool) {
        if is_header {
            self.fields = fields;
            return;
        }
        self.rows += 1;
        self.is_uneven |= fields != self.fields;
    }
}

/// The dialect of the table whose text `open` gives from its start, and a note if another reading has other rows.
///
/// # Errors
/// `Malformed` at the line of a quotation mark that opens a cell which is not closed, if no reading fits.
pub(super) fn of(path: &Path, open: &dyn Fn() -> Result<Box<dyn Read>>) -> Result<(Dialect, Option<String>)> {
    let io = |source| Error::io("cannot be read", path, source);
    let mut sample = Vec::new();
    open()?.take(SAMPLE).read_to_end(&mut sample).map_err(io)?;
    let delimiter = delimiter(&sample, sample.len() as u64 == SAMPLE);
    let audit = |quoting| -> Result<Outcome> {
        let dialect = Dialect { delimiter, quoting };
        dialect.outcome(BufReader::with_capacity(1 << 16, open()?)).map_err(io)
    };
    let dialect = |quoting| Dialect { delimiter, quoting };
    let doubled = audit(Quoting::Doubled)?;
    if delimiter != b'\t' && doubled.is_sound() && doubled.loose == 0 {
        return Ok((dialect(Quoting::Doubled), None));
    }
    let by_line = audit(Quoting::Lines)?;
    if delimiter == b'\t' {
        let is_more = by_line.rows > 0 || doubled.rows == 0;
        if by_line.is_sound() && is_more {
            return Ok((dialect(Quoting::Lines), differing(&by_line, &doubled)));
        }
        if doubled.is_sound() && doubled.loose == 0 {
            return Ok((dialect(Quoting::Doubled), None));
        }
    }
    let escaped = audit(Quoting::Escaped)?;
    if escaped.is_sound() && escaped.loose == 0 {
        return Ok((dialect(Quoting::Escaped), None));
    }
    if by_line.is_sound() {
        return Ok((dialect(Quoting::Lines), differing(&by_line, &doubled)));
    }
    if delimiter != b'\t'
        && let Some(line) = doubled.swallowed
    {
        let message = "a quotation mark opens a cell that is not closed before the text goes on, so the rows up to the next mark would be lost; double each mark within a cell, and enclose the cell in marks";
        return Err(Error::malformed(message).at(format!("line {line}")).in_file(path));
    }
    let quoting = if delimiter == b'\t' && !doubled.is_sound() {
        Quoting::Lines
    } else {
        Quoting::Doubled
    };
    // A row with another number of fields is reported where it is read.
    Ok((dialect(quoting), None))
}

/// A note about lines that another reading would join.
fn differing(taken: &Outcome, other: &Outcome) -> Option<String> {
    if taken.open.is_empty() {
        return None;
    }
    let mut lines: Vec<String> = taken.open.iter().take(3).map(u64::to_string).collect();
    if taken.open.len() > 3 {
        lines.push("…".to_owned());
    }
    let mut note = format!(
        "{} with a quotation mark that is not closed on its line ({} {}): taken as text, every line is a row ({}",
        match taken.open.len() {
            1 => "1 cell begins".to_owned(),
            n => format!("{n} cells begin"),
        },
        if taken.open.len() == 1 { "line" } else { "lines" },
        lines.join(", "),
        counted(usize::try_from(taken.rows).unwrap_or(usize::MAX), "row"),
    );
    if other.is_sound() && other.rows != taken.rows {
        note += &format!(
            "; {} if cells may span lines, for which save the table as JSONL or Parquet",
            other.rows
        );
    }
    Some(note + ")")
}

/// The delimiter that all rows of the sample agree on.
fn delimiter(sample: &[u8], is_cut: bool) -> u8 {
    // Whole lines only.
    let end = match sample.iter().rposition(|byte| *byte == b'\n') {
        Some(end) if is_cut => end + 1,
        _ => sample.len(),
    };
    let whole = &sample[..end];
    let mut best = (1, None);
    for delimiter in [b',', b'\t', b';'] {
        for quoting in [Quoting::Doubled, Quoting::Lines] {
            let dialect = Dialect { delimiter, quoting };
            let Ok(outcome) = dialect.outcome(whole) else { continue };
            // A sample may end within a quoted cell.
            let is_sound = !outcome.is_uneven
                && (is_cut || outcome.swallowed.is_none())
                && (quoting == Quoting::Doubled || outcome.rows > 0);
            if is_sound && outcome.fields > best.0 {
                best = (outcome.fields, Some(delimiter));
            }
        }
    }
    best.1.unwrap_or_else(|| {
        // Rows differ in length, or there is only one column. The header decides; reading reports the row.
        let header = sample.split(|byte| *byte == b'\n').next().unwrap_or_default();
        let count = |delimiter: &u8| header.iter().filter(|byte| *byte == delimiter).count();
        *[b';', b'\t', b',']
            .iter()
            .max_by_key(|delimiter| count(delimiter))
            .unwrap_or(&b',')
    })
}

impl Dialect {
    fn outcome(self, text: impl BufRead) -> std::io::Result<Outcome> {
        match self.quoting {
            Quoting::Lines => self.by_line(text),
            Quoting::Doubled | Quoting::Escaped => self.by_mark(text),
        }
    }

    fn by_line(self, text: impl BufRead) -> std::io::Result<Outcome> {
        let mut outcome = Outcome::default();
        let mut lines = Lines::new(text);
        let mut is_header = true;
        while let Some((number, line)) = lines.next_line()? {
            let (cells, is_open) = lines::cells(line, self.delimiter, (!is_header).then_some(outcome.fields));
            if is_open {
                outcome.open.push(number);
            }
            outcome.count(cells.len(), is_header);
            is_header = false;
        }
        Ok(outcome)
    }

    /// Follows the automaton of the `csv` crate.
    fn by_mark(self, mut text: impl BufRead) -> std::io::Result<Outcome> {
        #[derive(PartialEq)]
        enum At {
            Start,
            Bare,
            Quoted,
            Escape,
            Mark,
        }
        let escape = (self.quoting == Quoting::Escaped).then_some(b'\\');
        let mut outcome = Outcome::default();
        let (mut at, mut fields, mut is_header) = (At::Start, 0, true);
        let (mut line, mut opened, mut is_empty) = (1_u64, 1_u64, true);
        let mut row_bytes = 0_u64;
        loop {
            let buffer = text.fill_buf()?;
            if buffer.is_empty() {
                break;
            }
            for &byte in buffer {
                match at {
                    At::Quoted if byte == QUOTE => at = At::Mark,
                    At::Quoted if Some(byte) == escape => at = At::Escape,
                    At::Quoted => {}
                    At::Escape => at = At::Quoted,
                    At::Mark if byte == QUOTE => at = At::Quoted,
                    At::Start if byte == QUOTE => {
                        (at, opened, is_empty) = (At::Quoted, line, false);
                    }
                    _ if byte == self.delimiter => {
                        fields += 1;
                        (at, is_empty) = (At::Start, false);
                    }
                    _ if byte == b'\n' || byte == b'\r' => {
                        if !is_empty {
                            outcome.count(fields + 1, is_header);
                            is_header = false;
                        }
                        (at, fields, is_empty) = (At::Start, 0, true);
                    }
                    At::Mark => {
                        outcome.loose += 1;
                        if opened != line {
                            outcome.swallowed.get_or_insert(opened);
                        }
                        at = At::Bare;
                    }
                    At::Start | At::Bare => (at, is_empty) = (At::Bare, false),
                }
                line += u64::from(byte == b'\n');
                row_bytes = if at == At::Start && is_empty { 0 } else { row_bytes + 1 };
            }
            if row_bytes > LONGEST_ROW {
                // Not a row that anybody wrote: a mark that opens a cell, or no end of a line.
                if matches!(at, At::Quoted | At::Escape) {
                    outcome.swallowed.get_or_insert(opened);
                }
                outcome.is_uneven = true;
                return Ok(outcome);
            }
            let read = buffer.len();
            text.consume(read);
        }
        if matches!(at, At::Quoted | At::Escape) {
            outcome.swallowed.get_or_insert(opened);
        }
        if !is_empty {
            outcome.count(fields + 1, is_header);
        }
        Ok(outcome)
    }
}
