//! The functions of the Python module are written from the command's own definitions and the list of scores, and a test fails if they
//! are out of date.
//!
//! ```text
//! UPDATE_DOCS=1 cargo test --release -p ranktune-cli reference
//! ```

use std::any::TypeId;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use clap::{Arg, ArgAction, Command};
use ranktune::{Needs, SCORES};

/// A file of functions: its name, its first lines, and its commands: the way to each, its name in Python and what it returns.
struct Module {
    file: &'static str,
    about: &'static str,
    commands: &'static [(&'static [&'static str], &'static str, &'static str)],
}

const MODULES: &[Module] = &[
    Module {
        file: "_commands.py",
        about: "The commands of the command line as functions.",
        commands: &[
            (&["rank"], "rank", "Ranking"),
            (&["tune"], "tune", "Training"),
            (&["study"], "study", "Study"),
            (&["eval"], "evaluate", "Evaluation"),
            (&["predict"], "predict", "Predictions"),
            (&["features"], "features", "None"),
            (&["compare"], "compare", "Comparison"),
            (&["report"], "report", "None"),
        ],
    },
    Module {
        file: "hub.py",
        about: "See what a hub of models holds and which engines run it, and search and download models.",
        commands: &[
            (&["hub", "list"], "list", "Models"),
            (&["hub", "inspect"], "inspect", "Models"),
            (&["hub", "verify"], "verify", "Verification"),
            (&["hub", "search"], "search", "Search"),
            (&["hub", "pull"], "pull", "Pull"),
        ],
    },
    Module {
        file: "record.py",
        about: "See and change what is remembered of models: results of earlier tunings, from which rank predicts the best.",
        commands: &[
            (&["record", "list"], "list", "Rows"),
            (&["record", "add"], "add", "None"),
            (&["record", "import"], "import_", "None"),
            (&["record", "forget"], "forget", "Rows"),
        ],
    },
];

/// Options of output, which a function returns instead.
const LEFT_OUT: [&str; 5] = ["help", "version", "format", "wide", "color"];

/// Columns of a line of documentation.
const WIDTH: usize = 96;

const NOTICE: &str = "\
# Written by `UPDATE_DOCS=1 cargo test --release -p ranktune-cli reference` from the definitions of the command line: do not edit.
";

fn module(of: &Module, root: &Command) -> String {
    let mut names: Vec<&str> = of.commands.iter().map(|(_, name, _)| *name).collect();
    names.sort_unstable();
    let all: Vec<String> = names.iter().map(|name| format!("\"{name}\"")).collect();
    let mut results: Vec<&str> = of.commands.iter().map(|(_, _, result)| *result).collect();
    results.retain(|result| *result != "None");
    results.sort_unstable();
    results.dedup();
    let mut page = format!(
        "\"\"\"{}\"\"\"\n\n{NOTICE}\nfrom __future__ import annotations\n\nfrom ._results import {}\nfrom ._run import Many, Progress, Text, rows, run\n\n__all__ = [{}]\n",
        of.about,
        results.join(", "),
        all.join(", ")
    );
    for (path, name, result) in of.commands {
        let mut command = root;
        for part in *path {
            command = command
                .find_subcommand(part)
                .unwrap_or_else(|| panic!("no command {part}"));
        }
        function(&mut page, command, path, (name, result));
    }
    page
}

/// A function: its signature, its documentation, and the call.
fn function(page: &mut String, command: &Command, path: &[&str], (name, result): (&str, &str)) {
    let arguments: Vec<&Arg> = command
        .get_arguments()
        .filter(|each| !each.is_hide_set() && !LEFT_OUT.contains(&each.get_id().as_str()))
        .collect();
    let is_first = |each: &&&Arg| each.is_required_set() || each.is_positional();
    // What is required comes first: options, and then what the command line takes without a name.
    let mut first: Vec<&Arg> = arguments.iter().filter(is_first).copied().collect();
    first.sort_by_key(|each| each.is_positional());
    let others: Vec<&Arg> = arguments.iter().filter(|each| !is_first(each)).copied().collect();
    let _ = write!(page, "\n\ndef {name}(\n");
    for each in &first {
        let default = if each.is_required_set() { "" } else { " | None = None" };
        let _ = writeln!(page, "    {}: {}{default},", python_name(each), annotation(each).0);
    }
    page.push_str("    *,\n");
    for each in &others {
        let (kind, default) = annotation(each);
        let _ = writeln!(page, "    {}: {kind}{default},", python_name(each));
    }
    let _ = writeln!(page, "    progress: Progress = None,\n) -> {result}:");
    documentation(page, command, &[first.as_slice(), &others].concat(), result);
    let path: Vec<String> = path.iter().map(|part| format!("\"{part}\"")).collect();
    let format = command.get_arguments().find(|each| each.get_id() == "format");
    let formats: Vec<String> = format
        .map(|each| {
            each.get_possible_values()
                .iter()
                .map(|value| value.get_name().to_owned())
                .collect()
        })
        .unwrap_or_default();
    let format = ["json", "jsonl"]
        .into_iter()
        .find(|name| formats.iter().any(|known| known == name));
    let call = match result {
        "None" => "    run(\n",
        "Rows" => "    return rows(run(\n",
        _ => &format!("    return {result}._of(run(\n"),
    };
    let _ = writeln!(page, "{call}        ({},),\n        {{", path.join(", "));
    for each in first.iter().chain(&others).filter(|each| !each.is_positional()) {
        let _ = writeln!(
            page,
            "            \"--{}\": {},",
            each.get_long().unwrap_or_default(),
            python_name(each)
        );
    }
    if let Some(format) = format {
        let _ = writeln!(page, "            \"--format\": \"{format}\",");
    }
    let positional: Vec<String> = first
        .iter()
        .filter(|each| each.is_positional())
        .map(|each| python_name(each))
        .collect();
    let end = if result == "None" { "    )" } else { "    ))" };
    let list: String = positional.iter().map(|name| format!("{name}, ")).collect();
    let _ = writeln!(
        page,
        "        }},\n        ({}),\n        progress,\n{end}",
        list.trim_end()
    );
}

/// The name of a keyword: that of the option, with an underscore where Python has the word.
fn python_name(argument: &Arg) -> String {
    let name = argument
        .get_long()
        .unwrap_or(argument.get_id().as_str())
        .replace('-', "_");
    match name.as_str() {
        "lambda" | "import" | "from" | "class" => format!("{name}_"),
        _ => name,
    }
}

/// The type of an argument, and its default where it is not required.
fn annotation(argument: &Arg) -> (String, &'static str) {
    if !matches!(argument.get_action(), ArgAction::Set | ArgAction::Append) {
        return ("bool".to_owned(), " = False");
    }
    let takes_many = matches!(argument.get_action(), ArgAction::Append)
        || argument.get_num_args().is_some_and(|range| range.max_values() > 1);
    if takes_many {
        return ("Many".to_owned(), " | None = None");
    }
    let of = argument.get_value_parser().type_id();
    let is = |types: &[TypeId]| types.iter().any(|known| of == *known);
    let names = argument.get_value_names().unwrap_or_default();
    // A number with another name may have a unit, such as 30M or 2GiB.
    let is_plain = names
        .first()
        .is_some_and(|name| matches!(name.as_str(), "N" | "S" | "K"));
    let kind = if is(&[TypeId::of::<usize>(), TypeId::of::<u64>(), TypeId::of::<u32>()]) {
        if is_plain { "int" } else { "int | str" }
    } else if is(&[TypeId::of::<f64>(), TypeId::of::<f32>()]) {
        "float | str"
    } else if is(&[TypeId::of::<PathBuf>()]) {
        "Text"
    } else {
        "Text | float"
    };
    let has_optional_value = argument.get_num_args().is_some_and(|range| range.min_values() == 0);
    let kind = if has_optional_value {
        format!("bool | {kind}")
    } else {
        kind.to_owned()
    };
    (kind, " | None = None")
}

fn documentation(page: &mut String, command: &Command, arguments: &[&Arg], result: &str) {
    let about = command.get_long_about().or(command.get_about());
    let about = about.map(ToString::to_string).unwrap_or_default();
    let mut text = String::new();
    paragraph(&mut text, &format!("{}.", about.trim_end_matches('.')), 4);
    text.push_str("\n    Parameters\n    ----------\n");
    for each in arguments {
        let (kind, _) = annotation(each);
        let kind = match kind.as_str() {
            "Many" => "str or path, or a sequence of them".to_owned(),
            "Text" => "str or path".to_owned(),
            "Text | float" => "str or number".to_owned(),
            other => other.replace("Text", "str").replace(" | ", " or "),
        };
        let optional = if each.is_required_set() { "" } else { ", optional" };
        let _ = writeln!(text, "    {} : {kind}{optional}", python_name(each));
        paragraph(&mut text, &help(each), 8);
    }
    text.push_str("    progress : callable, optional\n");
    paragraph(
        &mut text,
        "Called with a `ranktune.Step` as long work goes on. `ranktune.bars` shows bars of tqdm.",
        8,
    );
    if result != "None" {
        let what = if result == "Rows" { "list of dict" } else { result };
        let _ = write!(text, "\n    Returns\n    -------\n    {what}\n");
    }
    text.push_str("\n    Raises\n    ------\n    ranktune.InputError\n        The arguments or the input are unusable (a ValueError).\n");
    text.push_str("    ranktune.FileError\n        A file cannot be found, read or written (an OSError).\n");
    let text = text.replace('\\', "\\\\").replace("\"\"\"", "\\\"\\\"\\\"");
    let _ = writeln!(page, "    \"\"\"{}    \"\"\"", text.trim_start());
}

/// The help with the choices and the default.
fn help(argument: &Arg) -> String {
    let help = argument.get_long_help().or(argument.get_help());
    let mut text = help.map(ToString::to_string).unwrap_or_default().replace('\n', " ");
    if matches!(argument.get_action(), ArgAction::Set | ArgAction::Append) {
        let values = argument.get_possible_values();
        let names: Vec<String> = values
            .iter()
            .filter(|value| !value.is_hide_set())
            .map(|value| format!("\"{}\"", value.get_name()))
            .collect();
        if !names.is_empty() {
            let _ = write!(text, ": {}", names.join(", "));
        }
        let defaults: Vec<_> = argument
            .get_default_values()
            .iter()
            .map(|value| value.to_string_lossy())
            .collect();
        if !defaults.is_empty() && !argument.is_hide_default_value_set() {
            let _ = write!(text, " [default: {}]", defaults.join(","));
        }
    }
    format!("{}.", text.trim_end_matches('.'))
}

/// Words on lines of `WIDTH` columns.
fn paragraph(out: &mut String, text: &str, indent: usize) {
    let mut line = " ".repeat(indent);
    for word in text.split_whitespace() {
        if line.chars().count() + word.chars().count() + 1 > WIDTH && line.trim() != "" {
            let _ = writeln!(out, "{}", line.trim_end());
            line = " ".repeat(indent);
        }
        line.push_str(word);
        line.push(' ');
    }
    let _ = writeln!(out, "{}", line.trim_end());
}

/// The scores as functions.
fn scores() -> String {
    let names: Vec<String> = SCORES.iter().map(|score| score.name.replace('-', "_")).collect();
    let all: Vec<String> = names.iter().map(|name| format!("    \"{name}\",\n")).collect();
    let mut page = format!(
        "\"\"\"Every score as a function of arrays.\"\"\"\n\n{NOTICE}\nfrom __future__ import annotations\n\nfrom ._score import Array, value\n\n__all__ = [\n{}]\n",
        all.concat()
    );
    for (score, name) in SCORES.iter().zip(&names) {
        let of_probabilities = score.needs == Needs::Probabilities;
        let (argument, what, made) = if of_probabilities {
            (
                "P",
                "    P : array or path, shape (n, z)\n        The source classifier's probabilities of each sample.\n",
                "P = 0.1 + 0.7 * np.eye(3)[y]",
            )
        } else {
            (
                "F",
                "    F : array or path, shape (n, d)\n        Features, a row a sample.\n",
                "F = rng.normal(size=(90, 8)) + y[:, None]",
            )
        };
        let targets = if score.needs.allows_columns() && !score.needs.is_of_labels() {
            "The target of each sample: a class (a number or a text), or numbers or labels 0 and 1, shape (n, c)."
        } else if score.needs.is_of_labels() {
            "The target of each sample: a class (a number or a text), or labels 0 and 1, shape (n, c)."
        } else {
            "The class of each sample: a number or a text."
        };
        let mut summary = String::new();
        let capital = score
            .summary
            .chars()
            .next()
            .map(|first| first.to_uppercase().to_string())
            .unwrap_or_default();
        paragraph(
            &mut summary,
            &format!("{capital}{}.", score.summary.get(1..).unwrap_or_default()),
            4,
        );
        let mut of_targets = String::new();
        paragraph(&mut of_targets, targets, 8);
        let mut source = String::new();
        paragraph(&mut source, &format!("{}.", score.source.trim_end_matches('.')), 4);
        let _ = write!(
            page,
            "\n\ndef {name}({argument}: Array, y: Array, *, task: str | None = None) -> float:\n    \"\"\"{summary}\n    Parameters\n    ----------\n{what}    y : array or path, shape (n,)\n{of_targets}    task : {{\"classification\", \"multilabel\", \"regression\"}}, optional\n        What the targets are. By default inferred from them.\n\n    Returns\n    -------\n    float\n        The score; higher is better.\n\n    Raises\n    ------\n    ranktune.InputError\n        Shapes that do not fit, numbers that are not finite, one class, or targets that the score is not for.\n\n    References\n    ----------\n{source}\n    Examples\n    --------\n    >>> import numpy as np, ranktune\n    >>> rng = np.random.default_rng(0)\n    >>> y = rng.integers(3, size=90)\n    >>> {made}\n    >>> ranktune.{name}({argument}, y) > ranktune.{name}({argument}, rng.permutation(y))\n    True\n    \"\"\"\n    return value(\"{}\", {argument}, y, task)\n",
            score.name,
            summary = summary.trim_start(),
        );
    }
    page
}

#[test]
fn the_reference_as_python_functions_is_up_to_date() {
    let root = crate::command();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../bindings/python/python/ranktune");
    let mut files: Vec<(&str, String)> = MODULES.iter().map(|each| (each.file, module(each, &root))).collect();
    files.push(("_scores.py", scores()));
    for (file, page) in files {
        let path = folder.join(file);
        if std::env::var_os("UPDATE_DOCS").is_some() {
            fs::write(&path, &page).unwrap();
        }
        let written = fs::read_to_string(&path).unwrap_or_default();
        let different = page
            .lines()
            .zip(written.lines().chain(std::iter::repeat("")))
            .find(|(new, old)| new != old);
        assert!(
            page == written,
            "{file} is out of date, first at {different:?}; run with UPDATE_DOCS=1 to write it"
        );
    }
}
