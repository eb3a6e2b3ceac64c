//! The ranking of one data set, with every score.

use ranktune_core::{Interrupt, Progress, one_line};
use ranktune_features::extract::{CacheOptions, ExtractOptions};
use ranktune_report::study::{RANKING_SCHEMA, StudyRanking};

use super::plan::StudyRun;
use crate::error::{Error, ErrorKind};
use crate::rank::{RankOptions, rank};

impl StudyRun {
    /// Ranks a data set. A ranking that fails is a result too.
    ///
    /// # Errors
    /// [`ErrorKind::Interrupted`].
    pub(super) fn rank_set(
        &self,
        set: usize,
        progress: &dyn Progress,
        interrupt: &Interrupt,
    ) -> Result<StudyRanking, Error> {
        let planned = &self.sets[set];
        let options = RankOptions {
            scores: planned.set.scores.clone(),
            seed: self.options.seed,
            extract: ExtractOptions {
                // The time of a first ranking is what tuning is compared with.
                cache: CacheOptions::Off,
                ..self.options.extract.clone()
            },
            ..RankOptions::default()
        };
        let ranked = rank(&self.sources, planned.set.train.clone(), &options, progress, interrupt);
        let (ranking, reason) = match ranked {
            Ok(ranking) => (Some(ranking), None),
            Err(error) if error.kind() == ErrorKind::Interrupted => return Err(error),
            Err(error) => (None, Some(one_line(&error))),
        };
        Ok(StudyRanking {
            schema: RANKING_SCHEMA.to_owned(),
            data: planned.set.name.clone(),
            ranking,
            reason,
        })
    }
}
