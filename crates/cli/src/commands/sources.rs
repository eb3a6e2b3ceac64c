//! The arguments for the sources of models, shared by all commands that use a hub.

use clap::{Args, ValueEnum};
use ranktune::{Connection, RemoteOptions, Source, Sources, WeightPrecision};

/// `--precision`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum PrecisionName {
    /// model.onnx; required for tuning
    #[default]
    Float32,
    /// model_fp16.onnx: half the download size, computed in float32
    Float16,
    /// model_quantized.onnx or model_int8.onnx: a quarter of the download size; cannot be tuned
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

/// How repositories are downloaded.
///
/// Address, token and cache folder come from the environment variables of Python's huggingface_hub.
#[derive(Clone, Copy, Debug, Args)]
#[command(next_help_heading = "Downloads (environment: HF_ENDPOINT, HF_TOKEN, HF_HUB_CACHE, HF_HOME)")]
pub(crate) struct RemoteArguments {
    /// Precision of the ONNX file to download from a repository; a manifest can set it for each model
    #[arg(long, value_enum, default_value_t)]
    precision: PrecisionName,
    /// Use only the download cache [same as HF_HUB_OFFLINE=1]
    #[arg(long)]
    offline: bool,
}

impl RemoteArguments {
    /// The hub and the download cache, from the environment and these arguments.
    pub(crate) fn remote(self) -> anyhow::Result<RemoteOptions> {
        let mut remote = ranktune::remote_from_env()?;
        remote.precision = self.precision.into();
        if self.offline {
            remote.connection = Connection::Offline;
        }
        Ok(remote)
    }

    /// The sources called `names`. The environment is read only if a download may be necessary.
    pub(crate) fn sources(self, names: &[String]) -> anyhow::Result<Sources> {
        let list: Vec<Source> = names.iter().map(|source| Source::from(source.as_str())).collect();
        let may_download = list.iter().any(Source::may_download);
        anyhow::ensure!(
            may_download || self.precision == PrecisionName::Float32,
            "--precision applies to repositories (hf:…, search:…), and --hub has none; for a folder, give the path of the ONNX file itself"
        );
        // Names that no repository can have are refused before a data set is downloaded.
        if !list.iter().any(|source| source.query().is_some()) {
            ranktune::Hub::repositories(&list)?;
        }
        let remote = if may_download {
            self.remote()?
        } else {
            RemoteOptions::default()
        };
        Ok(Sources { list, remote })
    }
}
