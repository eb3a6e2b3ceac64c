//! The arguments of trials in `ranktune rank`.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use ranktune::{Dataset, FeatureChoice, RankOptions, RefineOptions, TrainOptions};

use super::time::duration;

/// `--refine` and its settings.
#[derive(Debug, Args)]
#[command(next_help_heading = "Trials")]
pub(crate) struct RefineArguments {
    /// Fine-tune the models that may be the best for a few epochs, until choosing one risks little or TIME is used, such as 90s, 10m or 1h
    /// [time: a twentieth of tuning every model]
    #[arg(long, value_name = "TIME", num_args = 0..=1, value_parser = duration)]
    refine: Option<Option<Duration>>,
    /// End trials when choosing the first model is expected to lose at most this many points of the metric, of 100 [default: 1]
    #[arg(long, value_name = "POINTS", requires = "refine", allow_negative_numbers = true)]
    tolerance: Option<f64>,
    /// Folder in which trials are kept; the same command finds them again, and tune goes on from them [default: trials in --out, or else in
    /// the cache folder]
    #[arg(long, value_name = "DIR", requires = "refine")]
    trials: Option<PathBuf>,
}

impl RefineArguments {
    /// The options of trials on `dataset`; none where they were not asked for.
    pub(crate) fn options(
        &self,
        dataset: &Dataset,
        ranking: &RankOptions,
        out: Option<&Path>,
    ) -> anyhow::Result<Option<RefineOptions>> {
        let Some(budget) = self.refine else { return Ok(None) };
        let folder = match (&self.trials, out) {
            (Some(folder), _) => folder.clone(),
            (None, Some(out)) => out.join("trials"),
            (None, None) => ranktune_core::files::cache_folder()
                .map(|folder| folder.join("trials"))
                .ok_or_else(|| {
                    anyhow::anyhow!("there is no cache folder to keep trials in; name a folder with --trials")
                })?,
        };
        let mut options = RefineOptions::new(dataset, folder);
        options.budget = budget;
        if let Some(points) = self.tolerance {
            options.tolerance = points / 100.0;
        }
        options.tune.train = TrainOptions {
            seed: ranking.seed,
            device: ranking.extract.device.open()?,
            ..options.tune.train
        };
        options.tune.extract = ranking.extract.clone();
        if options.tune.extract.feature == FeatureChoice::Layers {
            options.tune.extract.feature = FeatureChoice::Auto;
        }
        Ok(Some(options))
    }
}
