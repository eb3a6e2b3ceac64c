//! Tables for a terminal, for Markdown, and as CSV.

use std::borrow::Cow;

use comfy_table::{CellAlignment, ContentArrangement, presets};
use unicode_width::UnicodeWidthStr as _;

/// How documents are printed as text.
///
/// The default is for files and pipes: no width, no escape sequences, the columns that matter most.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Style {
    /// Columns of the terminal; names are shortened, and the last columns left out, so that rows fit.
    pub width: Option<usize>,
    /// Bold and dim rows, by ANSI escape sequences.
    pub is_coloured: bool,
    /// All columns instead of those that matter most.
    pub is_wide: bool,
}

/// Alignment of a column.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Align {
    Left,
    Right,
}

/// Emphasis of a row.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Emphasis {
    #[default]
    None,
    Bold,
    Dim,
}

/// Rows under a header.
pub(crate) struct Table {
    columns: Vec<(String, Align)>,
    rows: Vec<(Emphasis, Vec<String>)>,
    /// Positions of the columns that are left out before those on the right.
    spare: Vec<usize>,
}

/// Spaces between columns.
const GAP: usize = 2;
/// A shortened name keeps so much that it can be recognised.
const NAME: usize = 12;

impl Table {
    pub(crate) fn new(columns: &[(&str, Align)]) -> Self {
        Self {
            columns: columns.iter().map(|(name, align)| (visible(name), *align)).collect(),
            rows: Vec::new(),
            spare: Vec::new(),
        }
    }

    /// Where the table is wider than the terminal, the columns at these positions are left out first, the last of them at first.
    pub(crate) fn spare(&mut self, columns: impl IntoIterator<Item = usize>) {
        self.spare.extend(columns);
    }

    pub(crate) fn row(&mut self, cells: Vec<String>) {
        self.emphasized(Emphasis::None, cells);
    }

    pub(crate) fn emphasized(&mut self, emphasis: Emphasis, cells: Vec<String>) {
        self.rows
            .push((emphasis, cells.iter().map(|cell| visible(cell)).collect()));
    }

    /// The table with a final newline, at its full width.
    pub(crate) fn render(&self) -> String {
        self.styled(Style::default())
    }

    /// The table with a final newline. Where it is wider than the terminal, the first column of text is shortened, and then columns are
    /// left out: the spare ones, and then from the right.
    pub(crate) fn styled(&self, style: Style) -> String {
        let mut kept: Vec<usize> = (0..self.columns.len()).collect();
        let mut cut = None;
        let name = self.columns.iter().position(|(_, align)| *align == Align::Left);
        if let Some((limit, name)) = style.width.zip(name) {
            let shortest = self.width(name).min(NAME);
            // What the other columns and the gaps take.
            let others = |kept: &[usize]| {
                let widths = kept.iter().filter(|column| **column != name);
                widths.map(|&column| self.width(column)).sum::<usize>() + GAP * kept.len().saturating_sub(1)
            };
            let mut spare = self.spare.clone();
            while others(&kept) + shortest > limit && kept.len() > name + 2 {
                match spare.pop() {
                    Some(column) => kept.retain(|other| *other != column),
                    None => drop(kept.pop()),
                }
            }
            let room = limit.saturating_sub(others(&kept));
            cut = Some((name, self.width(name).min(room.max(shortest))));
        }
        let text = self.plain(&kept, cut);
        if style.is_coloured { self.coloured(&text) } else { text }
    }

    /// The columns at these positions, with one of them cut to a width.
    fn plain(&self, kept: &[usize], cut: Option<(usize, usize)>) -> String {
        let mut table = comfy_table::Table::new();
        // Never wrapped: that would split names that users and scripts copy.
        table
            .load_style(presets::NOTHING)
            .set_content_arrangement(ContentArrangement::Disabled);
        table.set_header(kept.iter().map(|&column| &self.columns[column].0));
        for (index, &kept) in kept.iter().enumerate() {
            if let Some(column) = table.column_mut(index) {
                column.set_padding((0, 2));
                column.set_cell_alignment(match self.columns[kept].1 {
                    Align::Left => CellAlignment::Left,
                    Align::Right => CellAlignment::Right,
                });
            }
        }
        for (_, cells) in &self.rows {
            table.add_row(kept.iter().map(|&index| match cut {
                Some((column, width)) if column == index => {
                    shortened(cells.get(index).map_or("", String::as_str), width)
                }
                _ => cells.get(index).cloned().unwrap_or_default(),
            }));
        }
        let mut text = table.trim_fmt();
        text.push('\n');
        text
    }

    fn width(&self, column: usize) -> usize {
        let cells = self.rows.iter().filter_map(|(_, cells)| cells.get(column));
        cells
            .chain([&self.columns[column].0])
            .map(|cell| cell.width())
            .max()
            .unwrap_or(0)
    }

    /// Rendered lines with escape sequences. No cell has a line break, so lines are the header and the rows.
    fn coloured(&self, text: &str) -> String {
        let rows = self.rows.iter().map(|(emphasis, _)| *emphasis);
        let emphases = std::iter::once(Emphasis::Bold).chain(rows);
        let lines = text.lines().zip(emphases).map(|(line, emphasis)| match emphasis {
            Emphasis::None => format!("{line}\n"),
            Emphasis::Bold => format!("\u{1b}[1m{line}\u{1b}[0m\n"),
            Emphasis::Dim => format!("\u{1b}[2m{line}\u{1b}[0m\n"),
        });
        lines.collect()
    }

    /// The table in Markdown.
    pub(crate) fn markdown(&self) -> String {
        let line =
            |cells: &mut dyn Iterator<Item = Cow<'_, str>>| format!("| {} |\n", cells.collect::<Vec<_>>().join(" | "));
        let escaped = |cell: &str| Cow::<'static, str>::Owned(escaped(cell));
        let mut text = line(&mut self.columns.iter().map(|(name, _)| escaped(name)));
        text.push_str(&line(&mut self.columns.iter().map(|(_, align)| match align {
            Align::Left => Cow::Borrowed(":--"),
            Align::Right => Cow::Borrowed("--:"),
        })));
        for (_, cells) in &self.rows {
            text.push_str(&line(&mut cells.iter().map(|cell| escaped(cell))));
        }
        text
    }
}

/// Text of a cell: control characters, which could move the cursor or break the row, are replaced.
fn visible(text: &str) -> String {
    text.chars()
        .map(|letter| {
            if letter.is_control() {
                char::REPLACEMENT_CHARACTER
            } else {
                letter
            }
        })
        .collect()
}

/// At most `width` columns; a part in the middle is replaced by `…`, because names of models differ at both ends.
fn shortened(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let letters: Vec<char> = text.chars().collect();
    // Letters are left out of the middle until the text fits; their widths differ.
    (1..letters.len())
        .rev()
        .map(|kept| {
            let head = kept.div_ceil(2);
            let tail = letters.len() - (kept - head);
            letters[..head]
                .iter()
                .chain(&['…'])
                .chain(&letters[tail..])
                .collect::<String>()
        })
        .find(|short| short.width() <= width)
        .unwrap_or_else(|| "…".to_owned())
}

/// Text in a cell of a Markdown table.
fn escaped(cell: &str) -> String {
    let mut text = String::with_capacity(cell.len());
    for letter in cell.chars() {
        match letter {
            '|' | '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '&' | '~' => text.extend(['\\', letter]),
            _ => text.push(letter),
        }
    }
    text
}

/// Rows as CSV with a header.
pub(crate) fn csv(header: &[String], rows: impl Iterator<Item = Vec<String>>) -> String {
    let mut writer = csv::Writer::from_writer(Vec::new());
    // Writing to memory fails for rows of different lengths only.
    let _ = writer.write_record(header);
    for row in rows {
        let _ = writer.write_record(&row);
    }
    let bytes = writer.into_inner().unwrap_or_default();
    String::from_utf8(bytes).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let mut table = Table::new(&[
            ("rank", Align::Right),
            ("model", Align::Left),
            ("score", Align::Right),
            ("params", Align::Right),
        ]);
        table.emphasized(
            Emphasis::Bold,
            vec![
                "1".into(),
                "organisation/efficientnet-lite0-of-photographs".into(),
                "0.6184".into(),
                "4.7 M".into(),
            ],
        );
        table.row(vec![
            "2".into(),
            "模型模型模型模型模型".into(),
            "0.1".into(),
            "129 k".into(),
        ]);
        table
    }

    #[test]
    fn rows_fit_every_width_that_has_room_for_a_name() {
        for width in 26..90 {
            let text = table().styled(Style {
                width: Some(width),
                ..Style::default()
            });
            assert!(text.lines().all(|line| line.width() <= width), "{width}:\n{text}");
        }
        let narrow = table().styled(Style {
            width: Some(40),
            ..Style::default()
        });
        assert!(
            narrow.contains("organ") && narrow.contains("…") && narrow.contains("4.7 M"),
            "{narrow}"
        );
        assert!(!table().render().contains("…"));
    }

    #[test]
    fn spare_columns_are_left_out_first() {
        let mut table = table();
        table.spare([2]);
        let of_width = |width| {
            table.styled(Style {
                width: Some(width),
                ..Style::default()
            })
        };
        for (width, expected) in [(60, [true, true]), (30, [false, true])] {
            let text = of_width(width);
            assert_eq!(
                [text.contains("score"), text.contains("params")],
                expected,
                "{width}:\n{text}"
            );
        }
    }

    #[test]
    fn emphasis_is_by_escape_sequences_only_where_they_are_asked_for() {
        assert!(!table().render().contains('\u{1b}'));
        let style = Style {
            is_coloured: true,
            ..Style::default()
        };
        let text = table().styled(style);
        assert_eq!(text.matches("\u{1b}[1m").count(), 2, "{text}");
    }

    #[test]
    fn control_characters_of_names_do_not_reach_the_terminal() {
        let mut table = Table::new(&[("model", Align::Left)]);
        table.row(vec!["a\u{1b}[2J\nb".into()]);
        assert_eq!(table.render(), "model\na\u{fffd}[2J\u{fffd}b\n");
    }

    #[test]
    fn markdown_escapes_what_would_be_markup() {
        let mut table = Table::new(&[("model", Align::Left), ("score", Align::Right)]);
        table.row(vec!["a|b_<c>".into(), "1".into()]);
        assert_eq!(
            table.markdown(),
            "| model | score |\n| :-- | --: |\n| a\\|b\\_\\<c> | 1 |\n"
        );
    }
}
