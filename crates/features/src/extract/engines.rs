//! The engines that a model may run on: the chosen one, and with `auto` those that take over where it cannot.
//!
//! | engine | runs | is asked |
//! |---|---|---|
//! | ONNX Runtime | every standard graph | first, where its library is found |
//! | our own graph (`burn`) | all that can be trained | then, for graphs whose convolutions run in its blocked layout; else last |
//! | rten | most graphs | next |
//!
//! An engine may refuse a graph when it loads it or at the first batch; the next one then takes over, and a note says so.

use std::sync::Arc;

use ranktune_nn::DeviceChoice;

use super::model::PreparedModel;
use super::options::ExtractOptions;
use crate::engine::{self, Engine, EngineChoice, EngineOptions, Input, Output, Session};
use crate::{Error, ErrorKind};
use ranktune_core::{Event, Progress, one_line};

/// The engines that may run a model, the preferred one first.
pub(crate) struct Engines(Vec<Arc<dyn Engine>>);

impl Engines {
    pub(crate) fn open(options: &ExtractOptions, progress: &dyn Progress) -> Result<Self, Error> {
        let chosen = engine::select(options.engine, options.onnxruntime.as_deref(), options.device)?;
        for note in &chosen.notes {
            progress.event(Event::Note(note));
        }
        let also = match chosen.engine.name() {
            name if options.engine == EngineChoice::Auto && name == EngineChoice::Rten.name() => {
                "; burn for convolutional networks"
            }
            _ => "",
        };
        progress.event(Event::Note(&format!("engine: {}{also}", chosen.engine.description())));
        let mut engines: Vec<Arc<dyn Engine>> = vec![chosen.engine.into()];
        if options.engine == EngineChoice::Auto {
            for embedded in [EngineChoice::Rten, EngineChoice::Burn] {
                if engines.iter().all(|engine| engine.name() != embedded.name()) {
                    engines.push(engine::select(embedded, None, DeviceChoice::Cpu)?.engine.into());
                }
            }
        }
        Ok(Self(engines))
    }

    /// Loads a model into the first engine that accepts it.
    pub(super) fn load<'a>(
        &self,
        model: &'a PreparedModel,
        threads: usize,
        progress: &'a dyn Progress,
    ) -> Result<Loaded<'a>, Error> {
        let cut = model.cut_model()?;
        let inputs = cut.graph.inputs.iter().map(|input| input.name.clone()).collect();
        let graph = cut.to_bytes()?;
        let mut engines = self.0.clone();
        // Sorting is stable: others stay in their order.
        engines.sort_by_key(|engine| !engine.is_fastest_for(&cut));
        drop(cut);
        let options = EngineOptions::default().with_threads(threads);
        let mut refused: Option<Error> = None;
        for (position, engine) in engines.iter().enumerate() {
            match engine.load(&graph, &options) {
                Ok(session) => {
                    if let Some(error) = &refused {
                        let note = format!(
                            "{}: run on {}, because {}",
                            model.name(),
                            engine.name(),
                            one_line(error)
                        );
                        progress.event(Event::Note(&note));
                    }
                    return Ok(Loaded {
                        model,
                        inputs,
                        session,
                        engine: Arc::clone(engine),
                        others: engines[position + 1..].to_vec(),
                        options,
                        progress,
                    });
                }
                Err(error) => refused = Some(refused.unwrap_or(error)),
            }
        }
        let nothing = || Error::new(ErrorKind::UnsupportedModel, format!("no engine runs {}", model.name()));
        let error = refused.unwrap_or_else(nothing);
        Err(match self.0.as_slice() {
            [_] => error.or_try("--engine auto takes another engine"),
            _ => error,
        })
    }
}

/// A model in an engine, with those that may take over.
pub(super) struct Loaded<'a> {
    model: &'a PreparedModel,
    inputs: Vec<String>,
    session: Box<dyn Session>,
    engine: Arc<dyn Engine>,
    others: Vec<Arc<dyn Engine>>,
    options: EngineOptions,
    progress: &'a dyn Progress,
}

impl Loaded<'_> {
    /// The engine that runs the model now.
    pub(super) fn engine(&self) -> &dyn Engine {
        self.engine.as_ref()
    }

    /// Whether the graph has an input of this name.
    pub(super) fn takes(&self, input: &str) -> bool {
        self.inputs.iter().any(|name| name == input)
    }

    /// Runs the graph, as [`Session::run`]; what one engine cannot run, the next one does.
    ///
    /// # Errors
    /// That of the engine that failed first, if all fail.
    pub(super) fn run(&mut self, inputs: &[Input<'_>], outputs: &[&str]) -> Result<Vec<Output>, Error> {
        let failed = match self.session.run(inputs, outputs) {
            Ok(outputs) => return Ok(outputs),
            Err(error) => error,
        };
        for (position, engine) in self.others.iter().enumerate() {
            let Ok((graph, _)) = self.model.cut_graph() else { break };
            let Ok(mut session) = engine.load(&graph, &self.options) else {
                continue;
            };
            let Ok(made) = session.run(inputs, outputs) else {
                continue;
            };
            let (name, reason) = (self.model.name(), one_line(&failed));
            let note = format!("{name}: run on {}, because {reason}", engine.name());
            self.progress.event(Event::Note(&note));
            self.session = session;
            self.engine = Arc::clone(engine);
            self.others.drain(..=position);
            return Ok(made);
        }
        Err(failed)
    }
}
