//! The name of an engine, as options and the command line give it.

use std::fmt;

/// An engine's name, or `auto`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum EngineChoice {
    /// The first of [`ENGINES`](super::ENGINES) that can be opened.
    #[default]
    Auto,
    /// ONNX Runtime, from a library on this machine.
    OnnxRuntime,
    /// The pure Rust engine that is part of every build.
    Rten,
    /// The trainable graph in evaluation mode.
    Burn,
}

impl EngineChoice {
    /// `auto`, or the engine's name on the command line and in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::OnnxRuntime => "onnxruntime",
            Self::Rten => "rten",
            Self::Burn => "burn",
        }
    }
}

impl fmt::Display for EngineChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
