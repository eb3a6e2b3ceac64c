//! Progress of long work: bars on a terminal, lines elsewhere.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::io::IsTerminal as _;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressState, ProgressStyle};
use ranktune::{Event, Progress};
use ranktune_core::terminal::printable;

use crate::output::say;
use crate::session;

/// Prints events.
pub(crate) struct Reporter {
    bars: Option<Bars>,
    /// Where lines and events go to, if the command runs within another program. Events come from other threads than its own.
    session: Option<Arc<session::Inner>>,
    /// Notes that were printed. Several rankings and evaluations of one command have the same.
    notes: Mutex<HashSet<String>>,
}

/// Minimum size in bytes of a download that is reported without bars. Configuration files are smaller.
const LARGE: u64 = 1 << 20;

struct Bars {
    all: MultiProgress,
    running: Mutex<HashMap<String, ProgressBar>>,
}

impl Reporter {
    /// Bars if stderr is a terminal, otherwise a line for every finished model.
    pub(crate) fn new() -> Self {
        let session = session::current();
        let has_bars = session.is_none() && std::io::stderr().is_terminal();
        let bars = has_bars.then(|| Bars {
            all: MultiProgress::new(),
            running: Mutex::default(),
        });
        Self {
            bars,
            session,
            notes: Mutex::default(),
        }
    }

    /// Prints a note, once.
    fn note(&self, text: &str) {
        let is_new = self.notes.lock().is_ok_and(|mut notes| notes.insert(text.to_owned()));
        if is_new {
            self.line(&format!("note: {text}"));
        }
    }

    fn line(&self, text: &str) {
        match (&self.session, &self.bars) {
            (Some(session), _) => session.message(&printable(text)),
            (None, Some(bars)) => {
                let _ = bars.all.println(printable(text));
            }
            (None, None) => say(text),
        }
    }
}

impl Progress for Reporter {
    fn event(&self, event: Event<'_>) {
        if let Some(bars) = &self.bars {
            bars.update(&event);
        }
        if let Some(session) = &self.session {
            session.event(event);
        }
        match event {
            Event::Done(text) => self.line(text),
            Event::Note(text) => self.note(text),
            Event::Stage { number, count, name } => self.line(&format!("[{number}/{count}] {name}")),
            Event::ModelFinished {
                model,
                seconds,
                computed,
                samples,
            } => {
                let how = match computed {
                    0 => "features from the cache".to_owned(),
                    _ if computed >= samples => format!("features extracted in {seconds:.1} s"),
                    _ => format!(
                        "features of {computed} of {samples} samples extracted in {seconds:.1} s; the cache has the others"
                    ),
                };
                self.line(&format!("{model}: {how}"));
            }
            Event::TrainingFinished { model, seconds } => self.line(&format!("{model}: finished in {seconds:.1} s")),
            Event::DownloadStarted {
                repository,
                file,
                bytes: Some(bytes),
            } if self.bars.is_none() && bytes >= LARGE => self.line(&format!(
                "{repository}: {file}: downloading {}",
                ranktune_report::format::bytes(bytes)
            )),
            Event::ModelStopped { model, reason } => self.line(&format!("{model}: stopped: {reason}")),
            Event::ModelSkipped { model, reason } => self.line(&format!("{model}: skipped: {reason}")),
            _ => {}
        }
    }
}

impl Bars {
    fn update(&self, event: &Event<'_>) {
        let Ok(mut running) = self.running.lock() else { return };
        match event {
            // The model continues after a pause.
            Event::ModelStarted { model, .. } if running.contains_key(*model) => {}
            Event::ModelStarted { model, samples } => {
                let bar = self
                    .all
                    .add(ProgressBar::new(u64::try_from(*samples).unwrap_or(u64::MAX)));
                let style = "{prefix:<36.36} {bar:30} {pos:>7}/{len} {rate:>9} eta {eta}";
                if let Ok(style) = ProgressStyle::with_template(style) {
                    bar.set_style(
                        style.with_key("rate", |state: &ProgressState, out: &mut dyn fmt::Write| {
                            let _ = write!(out, "{:.0}/s", state.per_sec());
                        }),
                    );
                }
                bar.set_prefix(printable(model).into_owned());
                bar.enable_steady_tick(Duration::from_millis(250));
                running.insert((*model).to_owned(), bar);
            }
            Event::Samples { model, done } => {
                if let Some(bar) = running.get(*model) {
                    bar.set_position(u64::try_from(*done).unwrap_or(u64::MAX));
                }
            }
            Event::ModelFinished { model, .. }
            | Event::TrainingFinished { model, .. }
            | Event::ModelStopped { model, .. }
            | Event::ModelSkipped { model, .. } => {
                if let Some(bar) = running.remove(*model) {
                    bar.finish_and_clear();
                }
            }
            Event::DownloadStarted {
                repository,
                file,
                bytes,
            } => {
                let bar = self.all.add(match bytes {
                    Some(bytes) => ProgressBar::new(*bytes),
                    None => ProgressBar::no_length(),
                });
                let style = "{prefix:<36.36} {bar:30} {bytes:>10}/{total_bytes} {bytes_per_sec:>12} eta {eta}";
                if let Ok(style) = ProgressStyle::with_template(style) {
                    bar.set_style(style);
                }
                let name = repository.rsplit('/').next().unwrap_or(repository);
                bar.set_prefix(printable(&format!("{name} {file}")).into_owned());
                bar.enable_steady_tick(Duration::from_millis(250));
                running.insert(format!("{repository}\n{file}"), bar);
            }
            Event::Downloaded {
                repository,
                file,
                received,
            } => {
                if let Some(bar) = running.get(&format!("{repository}\n{file}")) {
                    bar.set_position(*received);
                }
            }
            Event::DownloadFailed { repository } => {
                let files = format!("{repository}\n");
                running.retain(|name, bar| {
                    let is_done = name.starts_with(&files);
                    if is_done {
                        bar.finish_and_clear();
                    }
                    !is_done
                });
            }
            Event::DownloadFinished { repository, file } => {
                if let Some(bar) = running.remove(&format!("{repository}\n{file}")) {
                    bar.finish_and_clear();
                }
            }
            _ => {}
        }
    }
}
