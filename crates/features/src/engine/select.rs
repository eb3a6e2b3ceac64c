//! The list of engines, and the selection of one: by name, or the fastest available.

use std::path::Path;
use std::str::FromStr;

use ranktune_core::names::did_you_mean;
use ranktune_nn::DeviceChoice;

use super::{Engine, EngineChoice, burn, rten};
use crate::{Error, ErrorKind};

/// Opens an engine, from the library at that path if it needs one, on that device if it supports several.
type Open = fn(Option<&Path>, DeviceChoice) -> Result<Box<dyn Engine>, Error>;

/// A known engine and its constructor.
pub struct KnownEngine {
    /// The name that selects it.
    pub choice: EngineChoice,
    open: Open,
}

/// All engines, in the order in which `auto` prefers them: the fastest first (see `docs/engines.md`).
pub static ENGINES: &[KnownEngine] = &[
    KnownEngine {
        choice: EngineChoice::OnnxRuntime,
        #[cfg(feature = "onnxruntime")]
        open: |library, _| super::onnxruntime::open(library),
        #[cfg(not(feature = "onnxruntime"))]
        open: |_, _| {
            let message = "engine onnxruntime is not in this build; rebuild with `--features onnxruntime`";
            Err(Error::new(ErrorKind::NotInBuild, message))
        },
    },
    KnownEngine {
        choice: EngineChoice::Rten,
        open: |_, _| Ok(rten::open()),
    },
    KnownEngine {
        choice: EngineChoice::Burn,
        open: |_, device| burn::open(device),
    },
];

impl FromStr for EngineChoice {
    type Err = Error;

    /// # Errors
    /// [`ErrorKind::UnknownEngine`], with the nearest name if one is near.
    fn from_str(name: &str) -> Result<Self, Error> {
        let choices = || std::iter::once(Self::Auto).chain(ENGINES.iter().map(|engine| engine.choice));
        if let Some(choice) = choices().find(|choice| choice.name() == name) {
            return Ok(choice);
        }
        let names: Vec<&str> = choices().map(Self::name).collect();
        let message = format!(
            "no engine is called {name:?}{} (engines: {})",
            did_you_mean(name, names.iter().copied()),
            names.join(", ")
        );
        Err(Error::new(ErrorKind::UnknownEngine, message))
    }
}

/// An open engine.
#[derive(Debug)]
pub struct Selection {
    /// The engine.
    pub engine: Box<dyn Engine>,
    /// Why a faster engine that seemed to be available was not selected.
    pub notes: Vec<String>,
}

/// Opens the chosen engine. `library` is a file that holds ONNX Runtime; without one, the places of
/// [`library::candidates`](super::library::candidates) are searched.
///
/// `auto` skips an engine that is not available, and adds a note for one that is available but does not work. A `library`
/// that was named must work, also with `auto`.
///
/// On a GPU, `auto` selects `burn`, the only engine that runs there.
///
/// # Errors
/// For an engine that was chosen by name or a `library` that was named: [`ErrorKind::NotInBuild`],
/// [`ErrorKind::LibraryNotFound`] or [`ErrorKind::LibraryUnusable`].
pub fn select(choice: EngineChoice, library: Option<&Path>, device: DeviceChoice) -> Result<Selection, Error> {
    let choice = on_device(choice, device)?;
    let is_required = choice != EngineChoice::Auto || library.is_some();
    let mut notes = Vec::new();
    for engine in ENGINES {
        if choice != EngineChoice::Auto && choice != engine.choice {
            continue;
        }
        match (engine.open)(library, device) {
            Ok(engine) => return Ok(Selection { engine, notes }),
            Err(error) if is_required => return Err(error),
            Err(error) if matches!(error.kind(), ErrorKind::NotInBuild | ErrorKind::LibraryNotFound) => {}
            Err(error) => notes.push(error.to_string()),
        }
    }
    Err(Error::new(ErrorKind::NotInBuild, "this build has no engine"))
}

/// The engine for a device: only `burn` runs on a GPU.
fn on_device(choice: EngineChoice, device: DeviceChoice) -> Result<EngineChoice, Error> {
    if device == DeviceChoice::Cpu {
        return Ok(choice);
    }
    if choice != EngineChoice::Auto && choice != EngineChoice::Burn {
        let message =
            format!("engine {choice} runs on the CPU only, got device {device}; use engine auto or burn there");
        return Err(Error::new(ErrorKind::NotInBuild, message));
    }
    Ok(EngineChoice::Burn)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_engine_is_parsed_by_its_own_name() {
        for engine in ENGINES {
            assert_eq!(engine.choice.name().parse::<EngineChoice>().unwrap(), engine.choice);
        }
        assert_eq!("auto".parse::<EngineChoice>().unwrap(), EngineChoice::Auto);
    }

    #[test]
    fn an_engine_reports_the_name_that_selects_it() {
        for known in ENGINES {
            match (known.open)(None, DeviceChoice::Cpu) {
                Ok(engine) => assert_eq!(engine.name(), known.choice.name()),
                Err(error) => assert!(
                    matches!(error.kind(), ErrorKind::NotInBuild | ErrorKind::LibraryNotFound),
                    "{error}"
                ),
            }
        }
    }

    #[test]
    fn an_unknown_engine_gets_the_nearest_name_if_one_is_near() {
        for (wrong, right) in [("onxruntime", "onnxruntime"), ("Rten", "rten"), ("bern", "burn")] {
            let error = wrong.parse::<EngineChoice>().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::UnknownEngine);
            let expected = format!("did you mean {right:?}?");
            assert!(error.to_string().contains(&expected), "{wrong}: {error}");
        }
        let error = "tensorflow".parse::<EngineChoice>().unwrap_err().to_string();
        assert_eq!(
            error,
            "no engine is called \"tensorflow\" (engines: auto, onnxruntime, rten, burn)"
        );
    }

    #[test]
    fn a_gpu_is_for_the_engine_that_supports_it() {
        let error = select(EngineChoice::Rten, None, DeviceChoice::Wgpu).unwrap_err();
        assert!(
            error.to_string().contains("engine rten runs on the CPU only"),
            "{error}"
        );
        for choice in [EngineChoice::Auto, EngineChoice::Burn] {
            let error = select(choice, None, DeviceChoice::Cuda(99)).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::NotInBuild);
        }
        let selected = select(EngineChoice::Burn, None, DeviceChoice::Cpu).unwrap();
        assert_eq!(selected.engine.name(), "burn");
    }

    #[test]
    fn a_library_that_was_named_must_work() {
        let missing = Path::new("/nowhere/libonnxruntime.so");
        let expected = if cfg!(feature = "onnxruntime") {
            ErrorKind::LibraryNotFound
        } else {
            ErrorKind::NotInBuild
        };
        for choice in [EngineChoice::Auto, EngineChoice::OnnxRuntime] {
            let error = select(choice, Some(missing), DeviceChoice::Cpu).unwrap_err();
            assert_eq!(error.kind(), expected, "{choice}: {error}");
        }
    }

    #[test]
    fn auto_always_finds_an_engine() {
        let selected = select(EngineChoice::Auto, None, DeviceChoice::Cpu).unwrap();
        assert!(
            ENGINES
                .iter()
                .any(|known| known.choice.name() == selected.engine.name())
        );
    }
}
