//! The cells of one target column, kept as text until the whole column is read.
//!
//! Whether `1` is a class or a number depends on all rows, and class names keep their spelling (`01`, `1.0`). The texts are stored
//! end to end in one buffer, so a column takes about as many bytes as in the file, and ten more per row.

use std::borrow::Cow;

use super::table::{Cell, ValueKind};
use crate::error::shortened;

#[derive(Debug)]
pub(super) struct TargetColumn {
    pub(super) name: String,
    /// The names of the classes whose indices the column holds, by the metadata of the file.
    pub(super) class_names: Option<Vec<String>>,
    /// Whether the format stores all values as text.
    pub(super) is_untyped: bool,
    rows: Vec<RowKind>,
    row_ends: Vec<usize>,
    item_kinds: Vec<ValueKind>,
    item_ends: Vec<usize>,
    text: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RowKind {
    Missing,
    Scalar,
    List,
}

impl TargetColumn {
    pub(super) fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            class_names: None,
            is_untyped: false,
            rows: Vec::new(),
            row_ends: Vec::new(),
            item_kinds: Vec::new(),
            item_ends: Vec::new(),
            text: String::new(),
        }
    }

    /// Adds a row. Texts are trimmed; an empty text is a missing cell.
    ///
    /// # Errors
    /// A description of a cell that cannot be a target ("an object").
    pub(super) fn push(&mut self, cell: &Cell<'_>) -> Result<(), &'static str> {
        match cell {
            Cell::Missing => self.rows.push(RowKind::Missing),
            Cell::Scalar(kind, text) => {
                let added = self.push_item(*kind, text);
                self.rows.push(if added { RowKind::Scalar } else { RowKind::Missing });
            }
            Cell::List(items) => {
                for (kind, text) in items {
                    self.push_item(*kind, text);
                }
                self.rows.push(RowKind::List);
            }
            Cell::Image(..) => return Err("an image"),
            Cell::Other(what) => return Err(what),
        }
        self.row_ends.push(self.item_ends.len());
        Ok(())
    }

    fn push_item(&mut self, kind: ValueKind, text: &str) -> bool {
        let text = text.trim();
        if text.is_empty() {
            return false;
        }
        self.text += text;
        self.item_kinds.push(kind);
        self.item_ends.push(self.text.len());
        true
    }

    /// Takes the names of classes from the description of the data set, if the cells are their indices or names. Returns what the
    /// user should know.
    pub(super) fn take_names(&mut self, names: Vec<String>) -> String {
        let fits = |text: &str| {
            let index: Option<i64> = text.parse().ok();
            index.is_some_and(|index| usize::try_from(index).map_or(true, |index| index < names.len()))
                || names.iter().any(|name| name == text)
        };
        let odd = (0..self.n_rows())
            .flat_map(|row| self.items(row))
            .find(|(_, text)| !fits(text));
        match odd {
            None => {
                let note = format!(
                    "the description of the data set names the classes of column {:?}",
                    self.name
                );
                self.class_names = Some(names);
                note
            }
            Some((_, text)) => format!(
                "the classes that the description of the data set names are not those of column {:?}, which holds {:?}",
                self.name,
                shortened(text)
            ),
        }
    }

    /// The column in which the rows that are not kept are missing.
    pub(super) fn without(&self, keep: &[bool]) -> Self {
        let mut left = Self::new(&self.name);
        left.class_names.clone_from(&self.class_names);
        left.is_untyped = self.is_untyped;
        for (row, &is_kept) in keep.iter().enumerate().take(self.n_rows()) {
            let items = self.items(row).map(|(kind, text)| (kind, Cow::Borrowed(text)));
            let cell = match self.rows[row] {
                RowKind::List if is_kept => Cell::List(items.collect()),
                RowKind::Scalar if is_kept => {
                    let mut items = items;
                    items
                        .next()
                        .map_or(Cell::Missing, |(kind, text)| Cell::Scalar(kind, text))
                }
                _ => Cell::Missing,
            };
            // Only cells of other kinds are refused.
            let _ = left.push(&cell);
        }
        left
    }

    pub(super) fn n_rows(&self) -> usize {
        self.rows.len()
    }

    pub(super) fn row(&self, row: usize) -> RowKind {
        self.rows[row]
    }

    /// The items of a row: one for a scalar, none for a missing cell.
    pub(super) fn items(&self, row: usize) -> impl Iterator<Item = (ValueKind, &str)> {
        let start = row.checked_sub(1).map_or(0, |before| self.row_ends[before]);
        (start..self.row_ends[row]).map(|item| {
            let start = item.checked_sub(1).map_or(0, |before| self.item_ends[before]);
            (self.item_kinds[item], &self.text[start..self.item_ends[item]])
        })
    }

    /// The column with the cell of each row replaced by `cell(row)`.
    pub(super) fn map<E>(&self, mut cell: impl FnMut(usize) -> Result<Cell<'static>, E>) -> Result<Self, E> {
        let mut mapped = Self::new(&self.name);
        mapped.class_names.clone_from(&self.class_names);
        mapped.is_untyped = self.is_untyped;
        for row in 0..self.n_rows() {
            // Callers return lists and missing cells, which `push` accepts.
            let _ = mapped.push(&cell(row)?);
        }
        Ok(mapped)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_come_back_as_they_went_in() {
        let mut column = TargetColumn::new("label");
        let text = |text| (ValueKind::Text, Cow::Borrowed(text));
        for cell in [
            Cell::Scalar(ValueKind::Int, Cow::Borrowed("01")),
            Cell::Missing,
            Cell::List(vec![text("a"), text(" b "), text("")]),
            Cell::List(Vec::new()),
            Cell::Scalar(ValueKind::Text, Cow::Borrowed("  ")),
        ] {
            column.push(&cell).unwrap();
        }
        let kinds: Vec<RowKind> = (0..5).map(|row| column.row(row)).collect();
        assert_eq!(
            kinds,
            [
                RowKind::Scalar,
                RowKind::Missing,
                RowKind::List,
                RowKind::List,
                RowKind::Missing
            ]
        );
        let items: Vec<Vec<&str>> = (0..5)
            .map(|row| column.items(row).map(|item| item.1).collect())
            .collect();
        assert_eq!(items, [vec!["01"], vec![], vec!["a", "b"], vec![], vec![]]);
        assert_eq!(column.push(&Cell::Other("an object")), Err("an object"));
    }
}
