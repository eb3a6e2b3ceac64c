//! `ranktune tune --resume --out DIR`: the arguments of the run in the folder, which need not be given again.
//!
//! `tune` keeps its arguments in `DIR/command.json`, with the folder that relative paths begin at. They are taken where only the folder
//! is named; with `--hub` or `--data` the arguments given count alone.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde::{Deserialize, Serialize};

use crate::session;

/// The name of the file in the folder of a run.
pub(crate) const FILE: &str = "command.json";

/// What a run was begun with.
#[derive(Debug, Serialize, Deserialize)]
struct Begun {
    /// The current folder.
    folder: PathBuf,
    /// The arguments, without the program.
    arguments: Vec<String>,
}

/// This process's arguments for the folder of its run; `None` where one is not valid Unicode, or where another program runs the command.
pub(crate) fn text() -> Option<String> {
    if session::current().is_some() {
        return None;
    }
    let arguments: Option<Vec<String>> = std::env::args_os()
        .skip(1)
        .map(|argument| argument.into_string().ok())
        .collect();
    let begun = Begun {
        folder: std::env::current_dir().ok()?,
        arguments: arguments?
            .into_iter()
            .filter(|argument| argument != "--resume")
            .collect(),
    };
    serde_json::to_string_pretty(&begun).ok()
}

/// The arguments `given`, the program's name first, or those of the run that they resume.
///
/// # Errors
/// The run was begun in another folder, or the file that says so is damaged.
pub(crate) fn arguments(given: Vec<OsString>) -> anyhow::Result<Vec<OsString>> {
    let current = std::env::current_dir().unwrap_or_default();
    Ok(of_run(&given, &current)?.unwrap_or(given))
}

/// The arguments of the run that `given` resume from its folder alone; `None` where they say more.
fn of_run(given: &[OsString], current: &Path) -> anyhow::Result<Option<Vec<OsString>>> {
    let is = |argument: &OsString, name: &str| {
        let text = argument.to_string_lossy();
        text == name || text.strip_prefix(name).is_some_and(|rest| rest.starts_with('='))
    };
    let has = |name: &str| given.iter().any(|argument| is(argument, name));
    if given.get(1).is_none_or(|command| command != "tune") || !has("--resume") || has("--hub") || has("--data") {
        return Ok(None);
    }
    let out = given.iter().enumerate().find(|(_, argument)| is(argument, "--out"));
    let out = out.and_then(|(at, argument)| match argument.to_string_lossy().split_once('=') {
        Some((_, value)) => Some(PathBuf::from(value)),
        None => given.get(at + 1).map(PathBuf::from),
    });
    let Some(path) = out.map(|out| out.join(FILE)).filter(|path| path.is_file()) else {
        return Ok(None);
    };
    let text = fs::read_to_string(&path).with_context(|| format!("{}: cannot be read", path.display()))?;
    let begun: Begun = serde_json::from_str(&text).with_context(|| {
        format!(
            "{}: is damaged; give --hub, --data and the other options again",
            path.display()
        )
    })?;
    anyhow::ensure!(
        begun.folder == current,
        "the run in {} was begun in {}; change to that folder, or give --hub, --data and the other options again",
        path.parent().unwrap_or(&path).display(),
        begun.folder.display()
    );
    let mut arguments = vec![given.first().cloned().unwrap_or_default()];
    arguments.extend(begun.arguments.into_iter().map(OsString::from));
    arguments.push("--resume".into());
    Ok(Some(arguments))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn os(arguments: &[&str]) -> Vec<OsString> {
        arguments.iter().map(OsString::from).collect()
    }

    #[test]
    fn the_folder_alone_stands_for_the_command_that_began_the_run() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().to_str().unwrap();
        let begun = Begun {
            folder: "/work".into(),
            arguments: ["tune", "--hub", "models", "--data", "d", "--out", out]
                .map(str::to_owned)
                .to_vec(),
        };
        fs::write(folder.path().join(FILE), serde_json::to_string(&begun).unwrap()).unwrap();
        let given = os(&["ranktune", "tune", "--resume", "--out", out]);
        let expected = os(&[
            "ranktune", "tune", "--hub", "models", "--data", "d", "--out", out, "--resume",
        ]);
        assert_eq!(of_run(&given, Path::new("/work")).unwrap(), Some(expected.clone()));
        let joined = os(&["ranktune", "tune", "--resume", &format!("--out={out}")]);
        assert_eq!(of_run(&joined, Path::new("/work")).unwrap(), Some(expected));
        let error = of_run(&given, Path::new("/other")).unwrap_err().to_string();
        assert!(error.contains("was begun in /work"), "{error}");
        for other in [
            os(&["ranktune", "tune", "--resume", "--hub", "models", "--out", out]),
            os(&["ranktune", "tune", "--out", out]),
            os(&["ranktune", "rank", "--resume", "--out", out]),
            os(&["ranktune", "tune", "--resume", "--out", "nowhere"]),
            os(&["ranktune", "tune", "--resume", "--out"]),
        ] {
            assert_eq!(of_run(&other, Path::new("/work")).unwrap(), None, "{other:?}");
        }
        fs::write(folder.path().join(FILE), "{").unwrap();
        assert!(
            of_run(&given, Path::new("/work"))
                .unwrap_err()
                .to_string()
                .contains("is damaged")
        );
    }
}
