//! `docs/reference/cli.md` is written from the command's own definitions, and a test fails if it is out of date.
//!
//! ```text
//! UPDATE_DOCS=1 cargo test --release -p ranktune-cli reference
//! ```

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use clap::{Arg, ArgAction, Command};

const INTRODUCTION: &str = "\
# Command line

This page is generated from `--help` (`UPDATE_DOCS=1 cargo test --release -p ranktune-cli reference`).
See also [exit codes](exit-codes.md), [JSON documents](json.md) and [data sets](data.md).
";

/// A command with its options, and then its subcommands.
fn write_command(page: &mut String, command: &Command, name: &str) {
    let _ = write!(page, "\n## `{name}`\n\n");
    if let Some(about) = command.get_long_about().or(command.get_about()) {
        let _ = writeln!(page, "{}.", about.to_string().trim_end_matches('.'));
    }
    let subcommands: Vec<&Command> = command
        .get_subcommands()
        .filter(|each| each.get_name() != "help")
        .collect();
    if !subcommands.is_empty() {
        let _ = write!(page, "\n| command | |\n|---|---|\n");
        for each in &subcommands {
            let about = each.get_about().map(ToString::to_string).unwrap_or_default();
            let target = format!("{name} {}", each.get_name());
            let anchor = target.replace(' ', "-");
            let _ = writeln!(page, "| [`{target}`](#{anchor}) | {about} |");
        }
    }
    write_options(page, command, name);
    if let Some(text) = command.get_after_help() {
        let _ = write!(page, "\n```text\n{text}\n```\n");
    }
    for each in subcommands {
        write_command(page, each, &format!("{name} {}", each.get_name()));
    }
}

/// The options in tables, one for each heading of the help.
fn write_options(page: &mut String, command: &Command, name: &str) {
    let arguments: Vec<&Arg> = command
        .get_arguments()
        .filter(|each| !each.is_hide_set() && !matches!(each.get_id().as_str(), "help" | "version"))
        .collect();
    if arguments.is_empty() {
        return;
    }
    let places: Vec<String> = arguments
        .iter()
        .filter(|each| each.is_positional())
        .map(|each| form(each))
        .collect();
    let required: Vec<String> = arguments
        .iter()
        .filter(|each| !each.is_positional() && each.is_required_set())
        .map(|each| form(each))
        .collect();
    let usage = [vec![name.to_owned()], required, vec!["[OPTIONS]".to_owned()], places].concat();
    let _ = write!(page, "\n```text\n{}\n```\n", usage.join(" "));
    let mut headings: Vec<Option<&str>> = Vec::new();
    for each in &arguments {
        if !headings.contains(&each.get_help_heading()) {
            headings.push(each.get_help_heading());
        }
    }
    // Options without a heading come first, as in the help.
    headings.sort_by_key(Option::is_some);
    for heading in headings {
        if let Some(heading) = heading {
            let _ = write!(page, "\n**{heading}**\n");
        }
        let _ = write!(page, "\n| option | |\n|---|---|\n");
        for each in arguments.iter().filter(|each| each.get_help_heading() == heading) {
            let _ = writeln!(page, "| `{}` | {} |", cell(&form(each)), cell(&description(each)));
        }
    }
}

/// `--name <VALUE>`, or `<VALUE>` for a positional argument.
fn form(argument: &Arg) -> String {
    let names = argument.get_value_names().unwrap_or_default();
    let value = match names.first() {
        Some(name) => format!("<{name}>"),
        None => format!("<{}>", argument.get_id().as_str().to_uppercase()),
    };
    let value = match argument.get_num_args() {
        Some(range) if range.max_values() > 1 => format!("{value}..."),
        _ => value,
    };
    match argument.get_long() {
        None => value,
        Some(long) if takes_value(argument) => format!("--{long} {value}"),
        Some(long) => format!("--{long}"),
    }
}

/// The help, the values to choose from, the default and the environment variable.
fn description(argument: &Arg) -> String {
    let help = argument.get_long_help().or(argument.get_help());
    let mut text = help.map(ToString::to_string).unwrap_or_default().replace('\n', " ");
    if let Some(aliases) = argument.get_visible_aliases().filter(|aliases| !aliases.is_empty()) {
        let _ = write!(text, " [alias: `--{}`]", aliases.join("`, `--"));
    }
    if takes_value(argument) {
        text.push_str(&choices(argument));
    }
    if let Some(variable) = argument.get_env() {
        let _ = write!(text, " [environment: `{}`]", variable.to_string_lossy());
    }
    text
}

fn takes_value(argument: &Arg) -> bool {
    matches!(argument.get_action(), ArgAction::Set | ArgAction::Append)
}

/// The values to choose from, and the default.
fn choices(argument: &Arg) -> String {
    let values = argument.get_possible_values();
    let list: Vec<String> = values
        .iter()
        .filter(|value| !value.is_hide_set())
        .map(|value| match value.get_help() {
            Some(help) => format!("`{}` ({help})", value.get_name()),
            None => format!("`{}`", value.get_name()),
        })
        .collect();
    let mut text = String::new();
    if !list.is_empty() {
        let _ = write!(text, "; one of {}", list.join(", "));
    }
    let defaults: Vec<_> = argument
        .get_default_values()
        .iter()
        .map(|value| value.to_string_lossy())
        .collect();
    if !defaults.is_empty() && !argument.is_hide_default_value_set() {
        let _ = write!(text, " [default: `{}`]", defaults.join(","));
    }
    text
}

/// Text in a cell of a table.
fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

#[test]
fn the_reference_of_the_command_line_is_up_to_date() {
    let command = crate::command();
    let mut page = INTRODUCTION.to_owned();
    write_command(&mut page, &command, "ranktune");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference/cli.md");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&path, &page).unwrap();
    }
    let written = fs::read_to_string(&path).unwrap_or_default();
    // One line that differs says more than two whole pages.
    let different = page
        .lines()
        .zip(written.lines().chain(std::iter::repeat("")))
        .find(|(new, old)| new != old);
    assert!(
        page == written,
        "docs/reference/cli.md is out of date, first at {different:?}; run with UPDATE_DOCS=1 to write it"
    );
}
