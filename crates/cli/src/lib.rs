//! The command line `ranktune`: parses, calls the library, prints. Results go to stdout, everything else to stderr.
//!
//! It is a library, so that the program and the Python module are one: both call [`run`].

mod again;
mod commands;
mod exit;
mod finish;
mod interrupt;
mod output;
mod progress;
#[cfg(test)]
mod python;
#[cfg(test)]
mod reference;
mod session;

use std::ffi::OsString;

use clap::{CommandFactory as _, Parser, Subcommand};

use crate::exit::Exit;

pub use crate::exit::text_of;
pub use crate::session::{Failure, Host, Outcome, Session};
pub use ranktune::Event;

/// Rank pre-trained models for your data without fine-tuning any of them, and tune the best.
#[derive(Debug, Parser)]
#[command(name = "ranktune", version, propagate_version = true, after_help = EXAMPLES)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "\
Examples:
  ranktune rank --hub models/ --data photos/             rank a folder of ONNX models on class folders
  ranktune rank --hub a.onnx b.onnx --data houses.csv --target log10_price
  ranktune tune --hub models/ --data photos/ --out tuned/ tune the best one, taught by the best three
  ranktune predict --model tuned/ photo.jpg              predict an image with the tuned model
  ranktune score --features F.npy --targets Y.npy        score features from another program
  ranktune report ranking/ tuned/                        both as one HTML page
  ranktune record import accuracies.csv                  remember results, to rank by them
  ranktune hub list models/                              what a hub holds
  ranktune hub pull starter:vision                       download well-known models

Exit codes: 0 done, 1 done but something was skipped, 2 unusable input or arguments (nothing written)";

#[derive(Debug, Subcommand)]
enum Command {
    /// Rank the models of a hub by how well their features explain your labels
    Rank(Box<commands::rank::Arguments>),
    /// Tune a model, taught by the best-ranked ones, into a folder that any ONNX runtime serves
    Tune(Box<commands::tune::Arguments>),
    /// Evaluate a model on a data set
    Eval(commands::eval::Arguments),
    /// Predict the class, labels or values of images or texts
    Predict(commands::predict::Arguments),
    /// Score features and targets from files
    Score(commands::score::Arguments),
    /// Write the features of a model on a data set to a file
    Features(commands::features::Arguments),
    /// Compare a ranking with measured accuracies
    Compare(commands::compare::Arguments),
    /// Show rankings and tuned models as one HTML page
    Report(commands::report::Arguments),
    /// See and change what is remembered of models: results of earlier tunings, from which rank predicts the best
    #[command(subcommand)]
    Record(commands::record::Command),
    /// Rank and tune every model on every data set, and see how well the scores said what tuning reaches
    Study(Box<commands::study::Arguments>),
    /// See what a hub holds and which engines run it, and download models
    #[command(subcommand)]
    Hub(commands::hub::Command),
    /// Print the completion script of a shell
    Completions(commands::shell::CompletionArguments),
    /// Write manual pages
    Man(commands::shell::ManArguments),
}

/// Runs a command line, whose first argument is the program's name, and gives its exit code: 0 done, 1 done but something was
/// skipped, 2 unusable input or arguments, 130 interrupted. Errors are printed.
pub fn run<A: Into<OsString> + Clone>(arguments: impl IntoIterator<Item = A>) -> u8 {
    finish::explain_panics();
    let given = match again::arguments(arguments.into_iter().map(Into::into).collect()) {
        Ok(given) => given,
        Err(error) => return finish::finish(Err(error)).code(),
    };
    let arguments = match Arguments::try_parse_from(given) {
        Ok(arguments) => arguments,
        Err(error) => {
            // Help and version are results; everything else is a message.
            let exit = if error.use_stderr() { Exit::Unusable } else { Exit::Done };
            let _ = error.print();
            return exit.code();
        }
    };
    finish::finish(dispatch(arguments.command)).code()
}

fn dispatch(command: Command) -> anyhow::Result<Exit> {
    match command {
        Command::Rank(arguments) => commands::rank::run(&arguments),
        Command::Tune(arguments) => commands::tune::run(&arguments),
        Command::Eval(arguments) => commands::eval::run(&arguments),
        Command::Predict(arguments) => commands::predict::run(&arguments),
        Command::Score(arguments) => commands::score::run(&arguments),
        Command::Features(arguments) => commands::features::run(&arguments),
        Command::Compare(arguments) => commands::compare::run(&arguments),
        Command::Report(arguments) => commands::report::run(&arguments),
        Command::Record(command) => commands::record::run(&command),
        Command::Study(arguments) => commands::study::run(&arguments),
        Command::Hub(command) => commands::hub::run(&command),
        Command::Completions(arguments) => commands::shell::completions(&arguments, Arguments::command()),
        Command::Man(arguments) => commands::shell::man(&arguments, Arguments::command()),
    }
}

/// The definition of the command line: every command with its options.
pub fn command() -> clap::Command {
    let mut command = Arguments::command();
    command.build();
    command
}
