//! Tables of a page.

use askama::Template;

/// A table with a caption, which scripts can sort by column.
#[derive(Template)]
#[template(path = "table.html")]
pub(crate) struct DataTable {
    /// Unique in the page.
    pub id: String,
    pub caption: String,
    pub columns: Vec<Column>,
    pub rows: Vec<Row>,
}

/// The head of a column.
pub(crate) struct Column {
    pub name: String,
    /// What the column says, where its name does not.
    pub help: &'static str,
    pub is_number: bool,
}

impl Column {
    pub(crate) fn text(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            help: "",
            is_number: false,
        }
    }

    pub(crate) fn number(name: &str) -> Self {
        Self {
            is_number: true,
            ..Self::text(name)
        }
    }

    pub(crate) fn help(self, help: &'static str) -> Self {
        Self { help, ..self }
    }
}

/// A row; the first cell that is not a number is its head.
#[derive(Default)]
pub(crate) struct Row {
    pub cells: Vec<Cell>,
    /// The row that was chosen, or the best one.
    pub is_marked: bool,
    /// What the filter of models reads.
    pub filter: Option<FilterKeys>,
}

/// What the filter of models reads from a row.
#[derive(Clone)]
pub(crate) struct FilterKeys {
    /// Place in the document, as at the points of pictures.
    pub model: usize,
    pub parameters: u64,
    pub throughput: Option<f64>,
}

/// A cell.
#[derive(Default)]
pub(crate) struct Cell {
    pub text: String,
    /// The number, for sorting.
    pub value: Option<f64>,
    pub is_number: bool,
    pub is_head: bool,
    /// A bar behind the number, as a share of the cell's width.
    pub bar: Option<String>,
    /// A shade behind the number, from 0 to 100.
    pub shade: Option<String>,
    /// A picture before the text, as a `data:` address.
    pub picture: Option<String>,
}

impl Cell {
    pub(crate) fn text(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            ..Self::default()
        }
    }

    pub(crate) fn head(text: impl Into<String>) -> Self {
        Self {
            is_head: true,
            ..Self::text(text)
        }
    }

    /// A number as text, sorted by its value; a dash where there is none.
    pub(crate) fn number(value: Option<f64>, text: impl FnOnce(f64) -> String) -> Self {
        Self {
            value,
            is_number: true,
            text: value.map_or_else(|| "–".to_owned(), text),
            ..Self::default()
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "used for sorting only")]
    pub(crate) fn count(value: usize) -> Self {
        Self::number(Some(value as f64), |_| value.to_string())
    }

    /// With a picture before the text. What is no JPEG as this program writes it is left out: documents come from anywhere.
    pub(crate) fn with_picture(self, address: Option<&String>) -> Self {
        let is_picture = |address: &&String| {
            let data = address.strip_prefix("data:image/jpeg;base64,");
            data.is_some_and(|data| {
                data.bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || b"+/=".contains(&byte))
            })
        };
        Self {
            picture: address.filter(is_picture).cloned(),
            ..self
        }
    }

    /// Whether the text needs no second line on a wide screen.
    fn is_short(&self) -> bool {
        self.text.chars().nth(32).is_none()
    }

    /// With a bar of this share of the cell's width.
    pub(crate) fn with_bar(self, share: f64) -> Self {
        Self {
            bar: Some(format!("{:.1}", 100.0 * share.clamp(0.0, 1.0))),
            ..self
        }
    }

    /// With a shade of this strength.
    pub(crate) fn with_shade(self, share: f64) -> Self {
        Self {
            shade: Some(format!("{:.0}", 100.0 * share.clamp(0.0, 1.0))),
            ..self
        }
    }
}

impl Row {
    pub(crate) fn new(cells: Vec<Cell>) -> Self {
        Self {
            cells,
            ..Self::default()
        }
    }

    pub(crate) fn marked(self, is_marked: bool) -> Self {
        Self { is_marked, ..self }
    }
}
