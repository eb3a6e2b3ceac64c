//! The line after a result that says what to do next.

use std::path::Path;

use ranktune_report::shell::quoted;

use crate::output;

/// A command that a reader can copy.
pub(crate) struct NextCommand(String);

impl NextCommand {
    /// `ranktune COMMAND`
    pub(crate) fn new(command: &str) -> Self {
        Self(format!("ranktune {command}"))
    }

    /// Adds `--name VALUE…`; nothing without a value.
    pub(crate) fn option<T: AsRef<str>>(mut self, name: &str, values: impl IntoIterator<Item = T>) -> Self {
        let values: Vec<String> = values.into_iter().map(|value| quoted(value.as_ref())).collect();
        if !values.is_empty() {
            self.0.push_str(&format!(" --{name} {}", values.join(" ")));
        }
        self
    }

    /// Adds `--name PATH`.
    pub(crate) fn path(self, name: &str, path: &Path) -> Self {
        self.option(name, [path.to_string_lossy()])
    }

    /// Adds arguments as they are.
    pub(crate) fn then(mut self, text: &str) -> Self {
        self.0.push_str(text);
        self
    }

    /// Prints the command on stderr, so that it never mixes with results in a pipe.
    pub(crate) fn say(&self) {
        output::say(&format!("next: {}", self.0));
    }
}
