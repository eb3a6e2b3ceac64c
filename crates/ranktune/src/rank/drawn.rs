//! The samples that the models of a ranking see.

use ranktune_core::{Event, Progress};
use ranktune_data::{Dataset, Digest, Task};
use ranktune_features::extract::PreparedModel;

use super::copies::without_copies;
use super::options::RankOptions;
use crate::error::Error;

/// The samples that models see, in the order in which they see them.
pub(super) struct DrawnSamples {
    pub(super) dataset: Dataset,
    /// Of every sample's content.
    pub(super) digests: Vec<Digest>,
    /// Of the data set, in the order in which it was given.
    pub(super) digest: Digest,
}

impl DrawnSamples {
    pub(super) fn of(
        dataset: Dataset,
        models: &[PreparedModel],
        options: &RankOptions,
        progress: &dyn Progress,
    ) -> Result<Self, Error> {
        let is_race = options.race.is_some();
        let (dataset, digests) = distinct(dataset, models, is_race, progress)?;
        let digest = dataset.digest_with(&digests);
        // Statistics of words are the same in any order, and their features are not kept for other rankings.
        if dataset.targets.task() == Task::Tokens && !is_race {
            return Ok(Self {
                dataset,
                digests,
                digest,
            });
        }
        // Every prefix is a stratified draw, as a race needs. Every ranking takes this order, so that the features of one serve
        // the other.
        let order = dataset.draw_order(options.seed);
        Ok(Self {
            digests: order.iter().map(|&index| digests[index]).collect(),
            dataset: dataset.select(&order)?,
            digest,
        })
    }
}

/// The data set with the digest of every sample, without copies of samples where the evidence is not defined with them.
fn distinct(
    dataset: Dataset,
    models: &[PreparedModel],
    is_race: bool,
    progress: &dyn Progress,
) -> Result<(Dataset, Vec<Digest>), Error> {
    let digests = dataset.input_digests();
    if dataset.targets.task() == Task::Tokens {
        return Ok((dataset, digests));
    }
    let n = dataset.targets.n_predicted();
    // A race begins on few samples, whatever their number in the end.
    let may_be_few = is_race
        || models
            .iter()
            .any(|model| model.feature_dim().is_none_or(|features| n <= features));
    if !may_be_few {
        return Ok((dataset, digests));
    }
    let kept = without_copies(&dataset, &digests);
    if kept.len() == n {
        return Ok((dataset, digests));
    }
    progress.event(Event::Note(&format!(
        "{} of {n} samples are exact copies of others with the same target, and are left out",
        n - kept.len()
    )));
    let digests = kept.iter().map(|&index| digests[index]).collect();
    Ok((dataset.select(&kept)?, digests))
}
