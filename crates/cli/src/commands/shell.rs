//! `ranktune completions` and `ranktune man`.

use std::fs;
use std::path::PathBuf;

use anyhow::Context as _;
use clap::{Args, Command};
use clap_complete::Shell;

use crate::exit::Exit;
use crate::output;

/// `ranktune completions`
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct CompletionArguments {
    /// The shell
    #[arg(value_name = "bash|elvish|fish|powershell|zsh")]
    shell: Shell,
}

const EXAMPLES: &str = "\
Examples:
  ranktune completions bash > ~/.local/share/bash-completion/completions/ranktune
  ranktune completions zsh > ~/.zfunc/_ranktune
  ranktune completions fish > ~/.config/fish/completions/ranktune.fish
  ranktune completions powershell >> $PROFILE";

/// `ranktune man`
#[derive(Debug, Args)]
pub(crate) struct ManArguments {
    /// Folder for the pages, such as /usr/local/share/man/man1
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

/// Prints the completion script of a shell.
pub(crate) fn completions(arguments: &CompletionArguments, mut command: Command) -> anyhow::Result<Exit> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut command, "ranktune", &mut script);
    output::write(&String::from_utf8_lossy(&script))?;
    Ok(Exit::Done)
}

/// Writes a manual page for every command.
pub(crate) fn man(arguments: &ManArguments, command: Command) -> anyhow::Result<Exit> {
    let folder = &arguments.out;
    fs::create_dir_all(folder)
        .and_then(|()| clap_mangen::generate_to(command, folder))
        .with_context(|| format!("{}: the manual pages cannot be written there", folder.display()))?;
    output::say(&format!("the manual pages are in {}", folder.display()));
    Ok(Exit::Done)
}
