//! The interface of a table: columns with names, and rows of cells in order.

use std::borrow::Cow;

use crate::Result;

/// Receives the position (line or row number) and the cells of each row; an error stops the reading.
pub(crate) type OnRow<'a> = dyn FnMut(u64, &[Cell<'_>]) -> Result<()> + 'a;

/// An open table.
pub(crate) trait Table {
    /// The names of the columns, in the order of the table.
    fn columns(&self) -> &[String];

    /// What positions count, from 1: `line` or `row`.
    fn unit(&self) -> &'static str;

    /// What the user should know about how the table is read.
    fn notes(&self) -> Vec<String> {
        Vec::new()
    }

    /// The names of the classes that a column of indices, or of lists of them, stands for, if the file has them.
    fn class_names(&self, _column: usize) -> Option<Vec<String>> {
        None
    }

    /// Whether a column holds lists.
    fn holds_lists(&self, _column: usize) -> bool {
        false
    }

    /// The column of targets, where the format says which it is.
    fn target(&self) -> Option<String> {
        None
    }

    /// Whether all values are stored as text, so that numbers may have any notation.
    fn is_untyped(&self) -> bool {
        false
    }

    /// Calls `on_row` for each row, with the cells of the `wanted` columns (indices into [`Self::columns`]).
    fn read(self: Box<Self>, wanted: &[usize], on_row: &mut OnRow<'_>) -> Result<()>;
}

/// One cell of a row.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Cell<'a> {
    /// Empty, null, or a number that is NaN.
    Missing,
    /// One value.
    Scalar(ValueKind, Cow<'a, str>),
    /// The bytes of an image file, and the path that was stored with them.
    Image(Option<&'a [u8]>, Option<&'a str>),
    /// A list of values.
    List(Vec<(ValueKind, Cow<'a, str>)>),
    /// A description of something that is neither input nor target ("an object").
    Other(&'static str),
}

/// The type of a value. Values are kept as text, because class names keep their spelling (`01`, `1.0`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum ValueKind {
    /// Digits with an optional sign.
    Int,
    /// A finite number with a point or an exponent.
    Float,
    /// `true` or `false`.
    Bool,
    /// Any other text.
    Text,
}

impl ValueKind {
    /// The kind of a value in a format that stores all values as text.
    pub(crate) fn of_text(text: &str) -> Self {
        let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
        match digits.as_bytes() {
            [] => Self::Text,
            bytes if bytes.iter().all(u8::is_ascii_digit) => Self::Int,
            // Rust parses "inf" and "nan" too.
            bytes if bytes.iter().any(u8::is_ascii_digit) && text.parse().is_ok_and(f64::is_finite) => Self::Float,
            _ => Self::Text,
        }
    }

    pub(crate) fn is_number(self) -> bool {
        matches!(self, Self::Int | Self::Float)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_a_number_only_where_it_is_one() {
        for (text, kind) in [
            ("7", ValueKind::Int),
            ("-7", ValueKind::Int),
            ("+07", ValueKind::Int),
            ("7.0", ValueKind::Float),
            ("1e3", ValueKind::Float),
            (".5", ValueKind::Float),
            ("1e999", ValueKind::Text),
            ("inf", ValueKind::Text),
            ("nan", ValueKind::Text),
            ("-", ValueKind::Text),
            ("", ValueKind::Text),
            ("1,5", ValueKind::Text),
            ("e5", ValueKind::Text),
            ("١", ValueKind::Text),
        ] {
            assert_eq!(ValueKind::of_text(text), kind, "{text:?}");
        }
    }
}
