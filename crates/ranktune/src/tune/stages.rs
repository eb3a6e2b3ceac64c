//! The numbered stages of `tune`, and progress lines with a label.

use std::cell::RefCell;
use std::time::Instant;

use ranktune_core::{Event, Progress};
use ranktune_report::training::TimeSpent;

/// A stage of `tune`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    Ranking,
    ReadOuts,
    Features,
    Views,
    Training,
    JointHead,
    Evaluation,
}

impl Stage {
    fn name(self) -> &'static str {
        match self {
            Self::Ranking => "ranking",
            Self::ReadOuts => "teacher read-outs",
            Self::Features => "features of the model",
            Self::Views => "teacher views",
            Self::Training => "training",
            Self::JointHead => "joint head",
            Self::Evaluation => "evaluation",
        }
    }
}

/// The stages of one command, in order.
pub(crate) struct Stages<'a> {
    stages: Vec<Stage>,
    /// Those that have started, and when.
    started: RefCell<Vec<(Stage, Instant)>>,
    progress: &'a dyn Progress,
}

impl<'a> Stages<'a> {
    /// The stages of a command, which may lack all but training and evaluation.
    pub(crate) fn new(stages: Vec<Stage>, progress: &'a dyn Progress) -> Self {
        Self {
            stages,
            started: RefCell::default(),
            progress,
        }
    }

    /// Reports the start of `stage`, which is the next one.
    pub(crate) fn start(&self, stage: Stage) {
        let mut started = self.started.borrow_mut();
        let number = started.len();
        started.push((stage, Instant::now()));
        debug_assert_eq!(self.stages.get(number), Some(&stage), "stages are started in order");
        self.progress.event(Event::Stage {
            number: number + 1,
            count: self.stages.len(),
            name: stage.name(),
        });
    }

    /// Seconds of the stages so far, the last of which ends now. Training counts as validation as long as its steps are not known.
    pub(crate) fn time_spent(&self) -> TimeSpent {
        let started = self.started.borrow();
        let now = Instant::now();
        let ends = started.iter().skip(1).map(|(_, start)| *start).chain([now]);
        let mut time = TimeSpent::default();
        for ((stage, start), end) in started.iter().zip(ends) {
            let part = match stage {
                Stage::Ranking => &mut time.ranking,
                Stage::ReadOuts | Stage::Views => &mut time.teachers,
                Stage::Features | Stage::JointHead => &mut time.features,
                Stage::Training => &mut time.validation,
                Stage::Evaluation => &mut time.evaluation,
            };
            *part += end.duration_since(*start).as_secs_f64();
        }
        time
    }
}

/// Progress of models under a label: `teacher views, resnet18` in place of `resnet18`.
#[derive(Clone, Copy)]
pub(crate) struct Labelled<'a> {
    pub(crate) label: &'a str,
    pub(crate) progress: &'a dyn Progress,
}

impl Progress for Labelled<'_> {
    fn event(&self, event: Event<'_>) {
        let named = |model: &str| format!("{}, {model}", self.label);
        match event {
            Event::ModelStarted { model, samples } => {
                let model = &named(model);
                self.progress.event(Event::ModelStarted { model, samples });
            }
            Event::Samples { model, done } => {
                let model = &named(model);
                self.progress.event(Event::Samples { model, done });
            }
            Event::ModelFinished {
                model,
                seconds,
                computed,
                samples,
            } => {
                let model = &named(model);
                self.progress.event(Event::ModelFinished {
                    model,
                    seconds,
                    computed,
                    samples,
                });
            }
            Event::ModelStopped { model, reason } => {
                let model = &named(model);
                self.progress.event(Event::ModelStopped { model, reason });
            }
            Event::ModelSkipped { model, reason } => {
                let model = &named(model);
                self.progress.event(Event::ModelSkipped { model, reason });
            }
            other => self.progress.event(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[derive(Default)]
    struct Lines(Mutex<Vec<String>>);

    impl Progress for Lines {
        fn event(&self, event: Event<'_>) {
            let line = match event {
                Event::Stage { number, count, name } => format!("[{number}/{count}] {name}"),
                Event::ModelFinished { model, .. } => format!("{model}: done"),
                Event::Note(text) => text.to_owned(),
                _ => return,
            };
            self.0.lock().unwrap().push(line);
        }
    }

    #[test]
    fn stages_are_numbered_without_those_that_a_command_does_not_have() {
        let lines = Lines::default();
        let stages = Stages::new(vec![Stage::ReadOuts, Stage::Training, Stage::Evaluation], &lines);
        for stage in [Stage::ReadOuts, Stage::Training, Stage::Evaluation] {
            stages.start(stage);
        }
        assert_eq!(
            *lines.0.lock().unwrap(),
            ["[1/3] teacher read-outs", "[2/3] training", "[3/3] evaluation"]
        );
    }

    #[test]
    fn a_label_precedes_models_and_not_notes() {
        let lines = Lines::default();
        let labelled = Labelled {
            label: "teacher views",
            progress: &lines,
        };
        labelled.event(Event::Note("a note"));
        labelled.event(Event::ModelFinished {
            model: "resnet18",
            seconds: 1.0,
            computed: 8,
            samples: 8,
        });
        assert_eq!(*lines.0.lock().unwrap(), ["a note", "teacher views, resnet18: done"]);
    }
}
