//! Rows that are left out: counted, limited, and said.

use crate::error::counted;
use crate::load::convert::Place;
use crate::load::target_column::TargetColumn;
use crate::{Error, ErrorKind, Result};

/// Number of places that a note lists.
pub(super) const SHOWN: usize = 3;

/// Skips and counts rows, up to a limit.
pub(super) struct Skip<'a> {
    pub(super) n: usize,
    pub(super) limit: f64,
    pub(super) place: &'a Place<'a>,
    pub(super) notes: &'a mut Vec<String>,
    pub(super) skipped: usize,
}

impl Skip<'_> {
    /// Skips the rows whose cell says that they have no target. That is no fault, so there is no limit, and
    /// `skipped` does not count them.
    pub(super) fn declared(&mut self, keep: &mut [bool], unlabelled: &[bool], column: &str, cells: &TargetColumn) {
        let left_out: Vec<usize> = (0..self.n).filter(|&row| keep[row] && unlabelled[row]).collect();
        let Some(&first) = left_out.first() else { return };
        for &row in &left_out {
            keep[row] = false;
        }
        let value = cells.items(first).next().map_or("", |item| item.1);
        self.notes.push(format!(
            "skipped rows: {} of {} have no label: column {column:?} holds {value:?} ({}{})",
            left_out.len(),
            counted(self.n, "row"),
            (self.place)(first, column),
            if left_out.len() > 1 { "; …" } else { "" }
        ));
    }

    /// Skips the rows of `missing` that are still kept.
    pub(super) fn rows(&mut self, keep: &mut [bool], missing: &[bool], column: &str, lack: &Lack<'_>) -> Result<()> {
        let left_out: Vec<usize> = (0..self.n).filter(|&row| keep[row] && missing[row]).collect();
        if left_out.is_empty() {
            return Ok(());
        }
        for &row in &left_out {
            keep[row] = false;
        }
        self.skipped += left_out.len();
        let place = |&row: &usize| (self.place)(row, column) + &(lack.found)(row);
        let mut places: Vec<String> = left_out.iter().take(SHOWN).map(place).collect();
        if left_out.len() > SHOWN {
            places.push("…".to_owned());
        }
        let what = format!(
            "no {} in {} of {}: {}{}",
            lack.what,
            left_out.len(),
            counted(self.n, "row"),
            places.join("; "),
            lack.hint
        );
        if left_out.len() as f64 > self.limit * self.n as f64 {
            let percent = self.limit * 100.0;
            let message = format!("{what}; at most {percent} % of the rows may be skipped (--max-skipped)");
            return Err(Error::new(lack.kind, message));
        }
        self.notes.push(format!("skipped rows: {what}"));
        Ok(())
    }
}

/// What a skipped row lacks.
pub(super) struct Lack<'a> {
    pub(super) what: &'static str,
    pub(super) kind: ErrorKind,
    pub(super) hint: String,
    /// The content of the row's cell, for errors.
    pub(super) found: &'a dyn Fn(usize) -> String,
}

impl Lack<'_> {
    pub(super) fn of(what: &'static str) -> Self {
        Self {
            what,
            kind: ErrorKind::Invalid,
            hint: String::new(),
            found: &|_| String::new(),
        }
    }
}
