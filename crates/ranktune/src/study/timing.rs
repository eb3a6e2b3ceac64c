//! How long models take for a few samples, for the estimate of a plan.

use std::collections::BTreeMap;

use ranktune_core::{Interrupt, Silent};
use ranktune_features::extract::{CacheOptions, ExtractOptions};
use ranktune_scores::scores::LOGME;

use super::plan::StudyRun;
use crate::error::{Error, ErrorKind};
use crate::rank::{RankOptions, rank};

/// Samples that are run; two of each class if that is more.
const SAMPLES: usize = 32;

impl StudyRun {
    /// Runs every model on a few samples of each data set that is not ranked yet, so that [`plan`](Self::plan) can estimate the time. The
    /// time of reading a model counts as if it were repeated, so that the estimate is rather too long. A data set whose models cannot be
    /// timed has no estimate.
    ///
    /// # Errors
    /// [`ErrorKind::Output`] where a finished ranking cannot be read; [`ErrorKind::Interrupted`].
    pub fn time(&self, interrupt: &Interrupt) -> Result<(), Error> {
        let mut seconds = BTreeMap::new();
        for (place, planned) in self.sets.iter().enumerate() {
            if self.ranking(place)?.is_some() {
                continue;
            }
            let train = &planned.set.train;
            let few = train.subsample(SAMPLES.max(2 * train.targets.names().len()), self.options.seed);
            let times = train.n_samples() as f64 / few.n_samples().max(1) as f64;
            let options = RankOptions {
                scores: vec![LOGME.to_owned()],
                extract: ExtractOptions {
                    cache: CacheOptions::Off,
                    ..self.options.extract.clone()
                },
                ..RankOptions::default()
            };
            match rank(&self.sources, few, &options, &Silent, interrupt) {
                Ok(ranking) => {
                    let timed = ranking.models.into_iter();
                    seconds.extend(timed.map(|model| ((place, model.name), times * model.seconds.extract)));
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => return Err(error),
                Err(_) => {}
            }
        }
        // Timed before: those times are as good.
        let _ = self.timed.set(seconds);
        Ok(())
    }
}
