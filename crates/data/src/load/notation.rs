//! Numbers that a table holds as text in another notation than a program's: `1,000`, `1.234,56`, `0,05`, `$5`, `12 %`.
//!
//! A column is read in a notation only if all its cells are. `1,234` alone could be 1234 or 1.234: a comma before three digits
//! separates thousands unless [`LoadOptions::decimal`] says otherwise, and a note says which was taken.

use std::borrow::Cow;

use super::infer::is_placeholder;
use super::options::LoadOptions;
use super::table::{Cell, ValueKind};
use super::target_column::{RowKind, TargetColumn};
use crate::error::shortened;

/// How numbers are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Notation {
    /// The separator of thousands; `None` if there is none.
    group: Option<char>,
    decimal: char,
}

const fn notation(group: Option<char>, decimal: char) -> Notation {
    Notation { group, decimal }
}

/// The notations, the likelier first.
const NOTATIONS: [Notation; 8] = [
    notation(Some(','), '.'),
    notation(None, ','),
    notation(Some('.'), ','),
    notation(Some(' '), ','),
    notation(Some(' '), '.'),
    notation(Some('\''), '.'),
    notation(Some('_'), '.'),
    notation(None, '.'),
];

/// What may stand before or behind all numbers of a column.
const UNITS: [&str; 9] = ["$", "€", "£", "¥", "₹", "%", "USD", "EUR", "GBP"];

/// The column as plain numbers, with a note about the notation, if its cells are numbers in another notation.
pub(super) fn numbers(column: &TargetColumn, options: &LoadOptions) -> Option<(TargetColumn, String)> {
    let rows = || (0..column.n_rows()).filter(|&row| column.row(row) != RowKind::Missing);
    if rows().any(|row| column.row(row) == RowKind::List) {
        return None;
    }
    let items = || rows().flat_map(|row| column.items(row));
    if items().any(|(kind, _)| kind == ValueKind::Bool) {
        return None;
    }
    let odd = items().find(|(_, text)| !ValueKind::of_text(text).is_number() && !is_placeholder(text));
    // Points may separate thousands, if the user says so.
    let odd = match (odd, options.decimal) {
        (Some((_, text)), _) => text.to_owned(),
        (None, Some(',')) if column.is_untyped => items().find(|(_, text)| text.contains('.'))?.1.to_owned(),
        (None, _) => return None,
    };
    let read = |notation: Notation| -> Option<Vec<Option<String>>> {
        let number = |row: usize| {
            let text = column.items(row).next().map_or("", |item| item.1);
            if column.row(row) == RowKind::Missing || is_placeholder(text) {
                return Some(None);
            }
            parse(without_unit(text), notation).map(Some)
        };
        (0..column.n_rows()).map(number).collect()
    };
    let fitting: Vec<(Notation, Vec<Option<String>>)> = NOTATIONS
        .iter()
        .filter(|notation| options.decimal.is_none_or(|decimal| decimal == notation.decimal))
        .filter_map(|notation| Some((*notation, read(*notation)?)))
        .collect();
    let (taken, values) = fitting.first()?;
    let other = fitting[1..].iter().find(|(_, others)| others != values);
    let example = values.iter().zip(0..).find_map(|(value, row)| {
        let text = column.items(row).next()?.1;
        (text == odd).then(|| value.clone()).flatten()
    });
    let mut note = format!(
        "column {:?} holds numbers written as {:?}, read as {}",
        column.name,
        shortened(&odd),
        example.unwrap_or_default()
    );
    if let Some((other, _)) = other {
        let mark = if other.decimal == ',' {
            "--decimal ,"
        } else {
            "--decimal ."
        };
        note += &format!("; {mark} reads {:?} as the decimal mark", other.decimal);
    }
    if taken.decimal == ',' && taken.group.is_none() {
        note += "; several labels in a cell need --label-delimiter ,";
    }
    note += "; --task classification takes the texts as classes";
    let mut plain = values.iter();
    let mapped = column.map(|_| {
        Ok::<_, ()>(match plain.next() {
            Some(Some(number)) => Cell::Scalar(ValueKind::of_text(number), Cow::Owned(number.clone())),
            _ => Cell::Missing,
        })
    });
    Some((mapped.ok()?, note))
}

fn without_unit(text: &str) -> &str {
    let text = text.trim();
    let (sign, rest) = match text.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", text),
    };
    for unit in UNITS {
        let bare = rest.strip_prefix(unit).or_else(|| rest.strip_suffix(unit));
        // A sign before the unit: -$5. The number keeps it only if nothing stands between.
        if let Some(bare) = bare.filter(|_| sign.is_empty() || rest.ends_with(unit)) {
            return if sign.is_empty() {
                bare.trim()
            } else {
                text[..text.len() - unit.len()].trim()
            };
        }
    }
    text
}

/// The number in plain notation, if `text` is one in this notation.
fn parse(text: &str, notation: Notation) -> Option<String> {
    let plain = |c: char| match c {
        // Blanks that do not break lines, as French and Polish writers set them.
        '\u{a0}' | '\u{202f}' | '\u{2009}' => ' ',
        '’' => '\'',
        '−' => '-',
        other => other,
    };
    let text: String = text.chars().map(plain).collect();
    let (sign, rest) = match text.strip_prefix(['-', '+']) {
        Some(rest) => (&text[..1], rest),
        None => ("", text.as_str()),
    };
    let (whole, fraction) = match rest.split_once(notation.decimal) {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (rest, None),
    };
    let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if fraction.is_some_and(|fraction| !is_digits(fraction)) {
        return None;
    }
    let groups: Vec<&str> = match notation.group {
        Some(group) => whole.split(group).collect(),
        None => vec![whole],
    };
    let is_grouped = groups.len() > 1;
    let first = groups.first()?;
    let fits = is_digits(first)
        && (!is_grouped || (first.len() <= 3 && !first.starts_with('0')))
        && groups[1..].iter().all(|group| group.len() == 3 && is_digits(group));
    if !fits {
        return None;
    }
    let sign = sign.trim_start_matches('+');
    Some(match fraction {
        Some(fraction) => format!("{sign}{}.{fraction}", groups.concat()),
        None => format!("{sign}{}", groups.concat()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(cells: &[&str], decimal: Option<char>) -> Option<(Vec<String>, String)> {
        let mut column = TargetColumn::new("price");
        column.is_untyped = true;
        for cell in cells {
            let kind = ValueKind::of_text(cell);
            column.push(&Cell::Scalar(kind, Cow::Borrowed(cell))).unwrap();
        }
        let options = LoadOptions {
            decimal,
            ..LoadOptions::default()
        };
        let (column, note) = numbers(&column, &options)?;
        let texts = (0..column.n_rows()).map(|row| column.items(row).next().map_or("", |item| item.1).to_owned());
        Some((texts.collect(), note))
    }

    #[test]
    fn numbers_are_read_in_the_notation_that_fits_all_of_them() {
        for (cells, expected) in [
            (&["1,000", "12,345,678", "999"][..], &["1000", "12345678", "999"][..]),
            (&["1,000.5", "7.25"], &["1000.5", "7.25"]),
            (&["0,05", "12,5", "-3"], &["0.05", "12.5", "-3"]),
            (&["1.234,5", "1.234.567"], &["1234.5", "1234567"]),
            (&["1.234.567", "1.234"], &["1234567", "1234"]),
            (&["1 234,5", "12"], &["1234.5", "12"]),
            (&["1\u{a0}234", "12\u{202f}345"], &["1234", "12345"]),
            (&["1'234.5", "2’345"], &["1234.5", "2345"]),
            (&["$1,200.00", "$5"], &["1200.00", "5"]),
            (&["12 %", "-5%"], &["12", "-5"]),
            (&["5 €", "1.200 €", "0,5 €"], &["5", "1200", "0.5"]),
            (&["1,000", "NA", "2,000"], &["1000", "", "2000"]),
        ] {
            assert_eq!(read(cells, None).unwrap().0, expected, "{cells:?}");
        }
    }

    #[test]
    fn other_texts_and_plain_numbers_are_left_alone() {
        for cells in [
            &["1.5", "2"][..],
            &["a", "1,000"],
            &["1,00,000"],
            &["2020-01-02", "2021-03-04"],
            &["1,2,3", "1"],
            &["12:30"],
            &["1,"],
            &["NA", "1"],
        ] {
            assert!(read(cells, None).is_none(), "{cells:?}");
        }
    }

    #[test]
    fn what_could_be_read_in_two_ways_is_said_with_the_option_for_the_other() {
        let (values, note) = read(&["1,234", "2,500"], None).unwrap();
        assert_eq!(values, ["1234", "2500"]);
        assert_eq!(
            note,
            "column \"price\" holds numbers written as \"1,234\", read as 1234; --decimal , reads ',' as the decimal mark; --task classification takes the texts as classes"
        );
        assert_eq!(read(&["1,234", "2,500"], Some(',')).unwrap().0, ["1.234", "2.500"]);
        assert_eq!(read(&["1.234", "2.500"], Some(',')).unwrap().0, ["1234", "2500"]);
        assert!(read(&["1.234", "2.500"], None).is_none());
        assert!(!read(&["0,234"], None).unwrap().1.contains("--decimal"));
    }
}
