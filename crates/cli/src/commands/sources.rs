//! The arguments that say where models come from, shared by every command that takes some.

use clap::{Args, ValueEnum};
use ranktune::{Connection, RemoteOptions, Source, Sources, WeightPrecision};

/// `--precision`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum PrecisionName {
    /// model.onnx: the only one that can be tuned
    #[default]
    Float32,
    /// model_fp16.onnx: half the download, runs as float32
    Float16,
    /// model_quantized.onnx or model_int8.onnx: a quarter of it; runs, cannot be tuned
    Int8,
}

impl From<PrecisionName> for WeightPrecision {
    fn from(name: PrecisionName) -> Self {
        match name {
            PrecisionName::Float32 => Self::Float32,
            PrecisionName::Float16 => Self::Float16,
            PrecisionName::Int8 => Self::Int8,
        }
    }
}

/// How models are had from another hub.
///
/// Address, token and cache folder come from the environment, under the names that Python's huggingface_hub has for them.
#[derive(Clone, Copy, Debug, Args)]
#[command(next_help_heading = "Downloads (HF_ENDPOINT, HF_TOKEN, HF_HUB_CACHE and HF_HOME are heeded)")]
pub(crate) struct RemoteArguments {
    /// Which of a repository's ONNX files to take, where a manifest does not say
    #[arg(long, value_enum, default_value_t)]
    precision: PrecisionName,
    /// Use only what has been downloaded before [HF_HUB_OFFLINE=1 does the same]
    #[arg(long)]
    offline: bool,
}

impl RemoteArguments {
    /// The sources that `names` are. The environment is read only where something may have to be downloaded.
    pub(crate) fn sources(self, names: &[String]) -> anyhow::Result<Sources> {
        let list: Vec<Source> = names.iter().map(|source| Source::from(source.as_str())).collect();
        let may_download = list.iter().any(Source::may_download);
        anyhow::ensure!(
            may_download || self.precision == PrecisionName::Float32,
            "--precision chooses among the files of a repository (hf:…), and the hub names none; for a folder, name the ONNX file itself"
        );
        let mut remote = if may_download {
            ranktune::remote_from_env()?
        } else {
            RemoteOptions::default()
        };
        remote.precision = self.precision.into();
        if self.offline {
            remote.connection = Connection::Offline;
        }
        Ok(Sources { list, remote })
    }
}
