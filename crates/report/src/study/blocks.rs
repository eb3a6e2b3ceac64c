//! Headings, paragraphs and tables, as text for a terminal and as Markdown.

use crate::table::Table;

pub(crate) use crate::table::Align;

/// A part of a report.
pub(crate) enum Block {
    Heading(String),
    Text(String),
    /// Lines of a list.
    List(Vec<String>),
    Grid(Grid),
}

/// A table.
pub(crate) struct Grid {
    pub(crate) columns: Vec<(String, Align)>,
    pub(crate) rows: Vec<Vec<String>>,
}

impl Grid {
    pub(super) fn new(columns: &[(&str, Align)]) -> Self {
        Self {
            columns: columns
                .iter()
                .map(|(name, align)| ((*name).to_owned(), *align))
                .collect(),
            rows: Vec::new(),
        }
    }

    /// Adds a row with a cell for every column.
    pub(super) fn row(&mut self, cells: Vec<String>) {
        debug_assert_eq!(cells.len(), self.columns.len(), "a cell for every column");
        self.rows.push(cells);
    }

    fn terminal(&self) -> String {
        let columns: Vec<(&str, Align)> = self
            .columns
            .iter()
            .map(|(name, align)| (name.as_str(), *align))
            .collect();
        let mut table = Table::new(&columns);
        for row in &self.rows {
            table.row(row.clone());
        }
        table.render()
    }

    fn markdown(&self) -> String {
        let line = |cells: &[String]| {
            let cells: Vec<String> = cells.iter().map(|cell| cell.replace('|', "\\|")).collect();
            format!("| {} |\n", cells.join(" | "))
        };
        let names: Vec<String> = self.columns.iter().map(|(name, _)| name.clone()).collect();
        let rules: Vec<&str> = self
            .columns
            .iter()
            .map(|(_, align)| match align {
                Align::Left => "---",
                Align::Right => "---:",
            })
            .collect();
        let mut text = format!("{}|{}|\n", line(&names), rules.join("|"));
        for row in &self.rows {
            text.push_str(&line(row));
        }
        text
    }
}

/// The blocks for a terminal, separated by empty lines.
pub(super) fn terminal(blocks: &[Block]) -> String {
    joined(blocks, |block| match block {
        Block::Heading(text) => format!("{text}\n"),
        Block::Text(text) => format!("{text}\n"),
        Block::List(lines) => lines.iter().map(|line| format!("  {line}\n")).collect(),
        Block::Grid(grid) => grid.terminal(),
    })
}

/// The blocks as Markdown under the heading `title`.
pub(super) fn markdown(title: &str, blocks: &[Block]) -> String {
    let body = joined(blocks, |block| match block {
        Block::Heading(text) => format!("## {text}\n"),
        Block::Text(text) => format!("{text}\n"),
        Block::List(lines) => lines.iter().map(|line| format!("- {line}\n")).collect(),
        Block::Grid(grid) => grid.markdown(),
    });
    format!("# {title}\n\n{body}")
}

fn joined(blocks: &[Block], render: impl Fn(&Block) -> String) -> String {
    let parts: Vec<String> = blocks.iter().map(render).collect();
    parts.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_the_same_in_both_forms() {
        let mut grid = Grid::new(&[("model", Align::Left), ("value", Align::Right)]);
        grid.row(vec!["a|b".to_owned(), "0.5".to_owned()]);
        let blocks = [Block::Heading("Values".to_owned()), Block::Grid(grid)];
        assert_eq!(
            markdown("Study", &blocks),
            "# Study\n\n## Values\n\n| model | value |\n|---|---:|\n| a\\|b | 0.5 |\n"
        );
        let text = terminal(&blocks);
        assert!(text.starts_with("Values\n\n") && text.contains("a|b"), "{text}");
    }
}
