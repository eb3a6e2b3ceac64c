//! Which engine runs the graphs: a name, or the fastest one that is there.

use std::fmt;
use std::path::Path;
use std::str::FromStr;

use ranktune_nn::DeviceChoice;

use super::Engine;
use crate::{Error, ErrorKind};

/// An engine's name, or `auto`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum EngineChoice {
    /// The first of [`ENGINES`] that can be opened.
    #[default]
    Auto,
    /// ONNX Runtime, from a library on this machine.
    OnnxRuntime,
    /// The engine in pure Rust that every build holds.
    Rten,
    /// The trainable graph in evaluation mode.
    Burn,
}

/// Opens an engine, from a library of that path where the engine needs one, on a device where it has several.
type Open = fn(Option<&Path>, DeviceChoice) -> Result<Box<dyn Engine>, Error>;

/// A known engine.
pub struct KnownEngine {
    /// What selects it.
    pub choice: EngineChoice,
    /// Its name on the command line and in JSON.
    pub name: &'static str,
    open: Open,
}

/// All engines, in the order in which `auto` prefers them: the fastest first (see `experiments/engine_speed`).
pub static ENGINES: &[KnownEngine] = &[
    KnownEngine {
        choice: EngineChoice::OnnxRuntime,
        name: "onnxruntime",
        #[cfg(feature = "onnxruntime")]
        open: |library, _| super::onnxruntime::open(library),
        #[cfg(not(feature = "onnxruntime"))]
        open: |_, _| Err(not_in_build("onnxruntime", "rebuild with `--features onnxruntime`")),
    },
    KnownEngine {
        choice: EngineChoice::Rten,
        name: "rten",
        open: |_, _| Ok(super::rten::open()),
    },
    KnownEngine {
        choice: EngineChoice::Burn,
        name: "burn",
        open: |_, device| super::burn::open(device),
    },
];

impl EngineChoice {
    /// `auto`, or the engine's name.
    pub fn name(self) -> &'static str {
        ENGINES
            .iter()
            .find(|engine| engine.choice == self)
            .map_or("auto", |engine| engine.name)
    }
}

impl fmt::Display for EngineChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for EngineChoice {
    type Err = Error;

    /// # Errors
    /// [`ErrorKind::UnknownEngine`], with the nearest name.
    fn from_str(name: &str) -> Result<Self, Error> {
        let choices = || std::iter::once(Self::Auto).chain(ENGINES.iter().map(|engine| engine.choice));
        if let Some(choice) = choices().find(|choice| choice.name() == name) {
            return Ok(choice);
        }
        let names: Vec<_> = choices().map(Self::name).collect();
        let nearest = choices()
            .map(Self::name)
            .min_by_key(|known| strsim::osa_distance(known, name));
        Err(Error::new(
            ErrorKind::UnknownEngine,
            format!(
                "no engine is called {name:?}; did you mean {}? (engines: {})",
                nearest.unwrap_or("auto"),
                names.join(", ")
            ),
        ))
    }
}

/// An engine that was opened, with what the user should know about why it is this one.
#[derive(Debug)]
pub struct Selection {
    /// The engine.
    pub engine: Box<dyn Engine>,
    /// Why a faster engine that seemed to be there was not taken.
    pub notes: Vec<String>,
}

/// Opens the chosen engine. `library` is a file that holds ONNX Runtime; without one it is looked for where
/// [`library::candidates`](super::library::candidates) says.
///
/// `auto` passes over an engine that is not there in silence, and over one that is there but does not work with a note. A
/// `library` that was named must work, also under `auto`.
///
/// A GPU is for the engine that has it: `auto` is then `burn`.
///
/// # Errors
/// [`ErrorKind::NotInBuild`], [`ErrorKind::LibraryNotFound`] or [`ErrorKind::LibraryUnusable`], for what was asked for by name.
pub fn select(choice: EngineChoice, library: Option<&Path>, device: DeviceChoice) -> Result<Selection, Error> {
    let mut notes = Vec::new();
    let choice = match (choice, device) {
        (_, DeviceChoice::Cpu) | (EngineChoice::Burn, _) => choice,
        (EngineChoice::Auto, _) => EngineChoice::Burn,
        (other, _) => {
            return Err(Error::new(
                ErrorKind::NotInBuild,
                format!("engine {other} runs on the CPU only, got device {device}; use engine auto or burn there"),
            ));
        }
    };
    for engine in ENGINES {
        if choice != EngineChoice::Auto && choice != engine.choice {
            continue;
        }
        match (engine.open)(library, device) {
            Ok(engine) => return Ok(Selection { engine, notes }),
            Err(error) if choice != EngineChoice::Auto || library.is_some() => return Err(error),
            Err(error) if matches!(error.kind(), ErrorKind::NotInBuild | ErrorKind::LibraryNotFound) => {}
            Err(error) => notes.push(error.to_string()),
        }
    }
    Err(Error::new(ErrorKind::NotInBuild, "this build holds no engine"))
}

#[cfg(not(feature = "onnxruntime"))]
fn not_in_build(name: &str, try_this: &str) -> Error {
    Error::new(
        ErrorKind::NotInBuild,
        format!("engine {name} is not in this build; {try_this}"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_engine_is_parsed_by_its_own_name() {
        for engine in ENGINES {
            assert_eq!(engine.name.parse::<EngineChoice>().unwrap(), engine.choice);
            assert_eq!(engine.choice.to_string(), engine.name);
        }
        assert_eq!("auto".parse::<EngineChoice>().unwrap(), EngineChoice::Auto);
    }

    #[test]
    fn an_unknown_engine_gets_the_nearest_name() {
        for (wrong, right) in [
            ("onxruntime", "onnxruntime"),
            ("Rten", "rten"),
            ("", "auto"),
            ("bern", "burn"),
        ] {
            let error = wrong.parse::<EngineChoice>().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::UnknownEngine);
            assert!(
                error.to_string().contains(&format!("did you mean {right}?")),
                "{wrong}: {error}"
            );
        }
    }

    #[test]
    fn a_gpu_is_for_the_engine_that_has_it() {
        let error = select(EngineChoice::Rten, None, DeviceChoice::Wgpu).unwrap_err();
        assert!(
            error.to_string().contains("engine rten runs on the CPU only"),
            "{error}"
        );
        for choice in [EngineChoice::Auto, EngineChoice::Burn] {
            let error = select(choice, None, DeviceChoice::Cuda(99)).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::NotInBuild);
        }
        assert_eq!(
            select(EngineChoice::Burn, None, DeviceChoice::Cpu)
                .unwrap()
                .engine
                .name(),
            "burn"
        );
    }

    #[test]
    fn a_library_that_was_named_must_work() {
        let missing = Path::new("/nowhere/libonnxruntime.so");
        for choice in [EngineChoice::Auto, EngineChoice::OnnxRuntime] {
            let error = select(choice, Some(missing), DeviceChoice::Cpu).unwrap_err();
            let expected = if cfg!(feature = "onnxruntime") {
                ErrorKind::LibraryNotFound
            } else {
                ErrorKind::NotInBuild
            };
            assert_eq!(error.kind(), expected, "{choice}: {error}");
        }
    }

    #[test]
    fn auto_always_finds_an_engine() {
        assert!(
            !select(EngineChoice::Auto, None, DeviceChoice::Cpu)
                .unwrap()
                .engine
                .name()
                .is_empty()
        );
    }
}
