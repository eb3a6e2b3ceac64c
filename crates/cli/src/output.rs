//! Results on stdout, messages on stderr.

use std::io::{self, IsTerminal as _, Write as _};

use anyhow::Context as _;
use clap::{Args, ColorChoice, ValueEnum};
use ranktune_core::terminal::printable;
use ranktune_report::Style;

use crate::session;

/// The format of a result on stdout.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// A table
    #[default]
    Table,
    /// A JSON document
    Json,
}

/// The format of a list on stdout.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum ListFormat {
    /// A table that fits the terminal
    #[default]
    Table,
    /// A JSON document
    Json,
    /// Rows with all columns and all digits
    Csv,
    /// A table in Markdown
    Markdown,
}

/// How a list of models is printed.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct ListArguments {
    /// Output format on stdout
    #[arg(long, value_enum, default_value_t)]
    format: ListFormat,
    #[command(flatten)]
    style: StyleArguments,
}

/// How a table is printed.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct StyleArguments {
    /// All columns, and as wide as they are
    #[arg(long)]
    wide: bool,
    /// Bold and dim rows [default: auto: on a terminal, unless NO_COLOR is set]
    #[arg(long, value_name = "auto|always|never", default_value_t, hide_default_value = true)]
    color: ColorChoice,
}

/// A document that is a list of models.
pub(crate) trait List: serde::Serialize {
    /// As text for a terminal.
    fn text(&self, style: Style) -> String;
    /// The list alone, in Markdown.
    fn markdown(&self, style: Style) -> String;
    /// The list alone, with all digits.
    fn csv(&self) -> String;
}

impl List for ranktune_report::Ranking {
    fn text(&self, style: Style) -> String {
        self.text(style)
    }

    fn markdown(&self, style: Style) -> String {
        self.markdown(style)
    }

    fn csv(&self) -> String {
        self.csv()
    }
}

impl List for ranktune_report::RankingPlan {
    fn text(&self, style: Style) -> String {
        self.text(style)
    }

    fn markdown(&self, _: Style) -> String {
        self.markdown()
    }

    fn csv(&self) -> String {
        self.csv()
    }
}

impl List for ranktune_report::HubListing {
    fn text(&self, style: Style) -> String {
        self.list(style)
    }

    fn markdown(&self, style: Style) -> String {
        self.markdown(style)
    }

    fn csv(&self) -> String {
        self.csv()
    }
}

impl List for ranktune_report::SearchListing {
    fn text(&self, style: Style) -> String {
        self.list(style)
    }

    fn markdown(&self, style: Style) -> String {
        self.markdown(style)
    }

    fn csv(&self) -> String {
        self.csv()
    }
}

impl ListArguments {
    /// Whether a reader sees a table, who can use a hint on what to do next.
    pub(crate) fn is_table(self) -> bool {
        self.format == ListFormat::Table
    }

    /// Prints a list in the chosen format.
    pub(crate) fn print(self, list: &impl List) -> anyhow::Result<()> {
        self.style.print(self.format, list)
    }
}

impl StyleArguments {
    /// Prints a list in a format.
    pub(crate) fn print(self, format: ListFormat, list: &impl List) -> anyhow::Result<()> {
        let style = self.style();
        write(&match format {
            ListFormat::Table => printable(&list.text(style)).into_owned(),
            ListFormat::Json => ranktune_report::to_json(list)?,
            ListFormat::Csv => list.csv(),
            ListFormat::Markdown => printable(&list.markdown(style)).into_owned(),
        })
    }

    fn style(self) -> Style {
        let is_terminal = io::stdout().is_terminal();
        let is_plain = ["NO_COLOR", "TERM"].map(|name| std::env::var_os(name).unwrap_or_default());
        Style {
            width: if self.wide { None } else { width(is_terminal) },
            is_coloured: match self.color {
                ColorChoice::Always => true,
                ColorChoice::Never => false,
                ColorChoice::Auto => is_terminal && is_plain[0].is_empty() && is_plain[1] != "dumb",
            },
            is_wide: self.wide,
        }
    }
}

/// Columns of the terminal: `COLUMNS` if it is set, which also gives a pipe a width, or else what the terminal says.
fn width(is_terminal: bool) -> Option<usize> {
    let stated = std::env::var("COLUMNS").ok().and_then(|text| text.parse().ok());
    let measured = || terminal_size::terminal_size_of(io::stdout()).map(|(width, _)| usize::from(width.0));
    stated
        .or_else(|| is_terminal.then(measured)?)
        .filter(|width| *width > 0)
}

/// Prints a document in the chosen format.
pub(crate) fn print(
    format: Format,
    document: &impl serde::Serialize,
    table: impl FnOnce() -> String,
) -> anyhow::Result<()> {
    write(&match format {
        Format::Table => printable(&table()).into_owned(),
        Format::Json => ranktune_report::to_json(document)?,
    })
}

/// Writes a result on stdout, or into the output of the session.
pub(crate) fn write(text: &str) -> anyhow::Result<()> {
    if let Some(session) = session::current() {
        session.write(text);
        return Ok(());
    }
    let mut stdout = io::stdout().lock();
    stdout
        .write_all(text.as_bytes())
        .and_then(|()| stdout.flush())
        .context("stdout cannot be written")
}

/// Prints a line on stderr, or hands it to the session.
pub(crate) fn say(line: &str) {
    match session::current() {
        Some(session) => session.message(&printable(line)),
        None => {
            // In one write: standard error is not buffered, and processes that share it would write into each other's lines.
            let _ = io::stderr().write_all(format!("{}\n", printable(line)).as_bytes());
        }
    }
}
