//! What a ranking will cost, before it begins: time, downloads and disk.

use ranktune_core::{Interrupt, Progress, one_line};
use ranktune_data::{Dataset, Task};
use ranktune_features::extract::{CacheOptions, Extraction, Extractor, PreparedModel};
use ranktune_features::store::CachePrecision;
use ranktune_report::RankingPlan;
use ranktune_report::ranking::{PLAN_SCHEMA, PlannedModel, PlannedTotal, SkippedModel};

use super::drawn::DrawnSamples;
use super::measure::{Measured, Row, measure};
use super::options::{self, RankOptions};
use super::{candidates, check_names, company, subsampled};
use crate::error::Error;
use crate::models::{check_pooling, nothing_ranked};
use crate::sources::{NotDownloaded, Sources};

/// Bytes of a row in the cache beside its numbers: the digest of the sample, and whether it could be read.
const BYTES_PER_ROW: u64 = 33;

/// Estimates what [`rank`](crate::rank()) with the same arguments will cost. Models on this machine run on a few samples, about half a
/// second each; of others the hub is asked for their size. Nothing is downloaded, and nothing is written to the cache.
///
/// Time is that of extraction. Scores are not counted: they take little beside it.
///
/// # Errors
/// As [`rank`](crate::rank()).
///
/// # Examples
/// ```
/// use ranktune::{CacheOptions, Interrupt, LoadOptions, RankOptions, Silent, Sources};
///
/// let hub = Sources::from("../../examples/hub");
/// let data = ranktune::load("../../examples/data/topics".as_ref(), &LoadOptions::default())?;
/// let mut options = RankOptions::default();
/// options.extract.cache = CacheOptions::Off;
/// let plan = ranktune::plan_ranking(&hub, data, &options, &Silent, &Interrupt::default())?;
///
/// assert_eq!(plan.models.len(), 2, "the hub has two models of texts");
/// assert!(plan.models.iter().all(|model| model.samples_to_compute == 96));
/// assert!(plan.total.seconds > 0.0 && plan.total.cache_bytes == 0);
/// # Ok::<(), ranktune::Error>(())
/// ```
pub fn plan_ranking(
    sources: &Sources,
    dataset: Dataset,
    options: &RankOptions,
    progress: &dyn Progress,
    interrupt: &Interrupt,
) -> Result<RankingPlan, Error> {
    let task = dataset.targets.task();
    let (names, _) = company::split(options::score_names(options, task), task)?;
    check_names(&names, task)?;
    check_pooling(&options.extract, dataset.kind())?;
    let (mut hub, absent) = sources.open_local(progress, interrupt)?;
    let dataset = subsampled(dataset, options, progress);
    let (models, mut skipped) = candidates(&mut hub, &dataset, options, (progress, interrupt))?;
    if models.is_empty() && absent.is_empty() {
        return Err(nothing_ranked(&skipped));
    }
    let samples = DrawnSamples::of(dataset, &models, options, progress)?;
    let work = Extraction {
        models: &models,
        dataset: &samples.dataset,
        digests: &samples.digests,
        options: &options.extract,
        progress,
        interrupt,
    };
    let n = samples.dataset.n_samples();
    let missing = missing(&work)?;
    let mut plan = RankingPlan {
        schema: PLAN_SCHEMA.to_owned(),
        data: samples.dataset.path.display().to_string(),
        samples: n,
        models: Vec::new(),
        decode_seconds_per_sample: None,
        total: PlannedTotal::default(),
        skipped: Vec::new(),
    };
    let to_run: Vec<PreparedModel> = models
        .iter()
        .zip(&missing)
        .filter(|(_, missing)| **missing > 0)
        .map(|(model, _)| model.clone())
        .collect();
    let measurement = measure(&Extraction {
        models: &to_run,
        ..work
    })?;
    let mut measured = measurement.models.into_iter();
    for (model, &missing) in models.iter().zip(&missing) {
        if missing == 0 {
            plan.models.push(complete(model));
            continue;
        }
        match measured.next() {
            Some(Ok(measured)) => plan
                .models
                .push(planned(model, missing, measured, &options.extract.cache)),
            Some(Err(error)) => skipped.push(SkippedModel {
                name: model.name().to_owned(),
                reason: one_line(&error),
            }),
            None => {}
        }
    }
    plan.models
        .extend(absent.into_iter().map(|absent| not_downloaded(absent, n)));
    plan.models.sort_by(|a, b| a.name.cmp(&b.name));
    plan.total = total(&plan.models);
    if !to_run.is_empty() {
        let decoded = missing.iter().max().copied().unwrap_or_default();
        plan.total.seconds += measurement.decode * decoded as f64;
        plan.decode_seconds_per_sample = Some(measurement.decode);
    }
    if let Some(race) = &options.race {
        plan.total.seconds = match race.budget {
            Some(budget) => plan.total.seconds.min(budget.as_secs_f64()),
            // Without a budget, a race uses at most half of the samples.
            None => plan.total.seconds / 2.0,
        };
    }
    skipped.sort_by(|a, b| a.name.cmp(&b.name));
    plan.skipped = skipped;
    Ok(plan)
}

/// Samples whose features each model lacks. Features of words are not cached.
fn missing(work: &Extraction<'_>) -> Result<Vec<usize>, Error> {
    if work.dataset.targets.task() == Task::Tokens {
        return Ok(vec![work.dataset.n_samples(); work.models.len()]);
    }
    let mut extractor = Extractor::new(work)?;
    let models = 0..work.models.len();
    models.map(|model| Ok(extractor.missing(model)?)).collect()
}

fn complete(model: &PreparedModel) -> PlannedModel {
    PlannedModel {
        name: model.name().to_owned(),
        parameters: Some(model.parameters()),
        samples_to_compute: 0,
        seconds_per_sample: None,
        seconds: Some(0.0),
        cache_bytes: Some(0),
        download_bytes: Some(0),
    }
}

fn planned(model: &PreparedModel, missing: usize, measured: Measured, cache: &CacheOptions) -> PlannedModel {
    PlannedModel {
        samples_to_compute: missing,
        seconds_per_sample: Some(measured.per_sample),
        seconds: Some(measured.to_begin + measured.per_sample * missing as f64),
        cache_bytes: Some(cache_bytes(measured.row, missing, cache)),
        ..complete(model)
    }
}

fn not_downloaded(absent: NotDownloaded, samples: usize) -> PlannedModel {
    PlannedModel {
        name: absent.name,
        parameters: None,
        samples_to_compute: samples,
        seconds_per_sample: None,
        seconds: None,
        cache_bytes: None,
        download_bytes: absent.bytes,
    }
}

/// Bytes of `rows` in the cache.
fn cache_bytes(row: Row, rows: usize, cache: &CacheOptions) -> u64 {
    let CacheOptions::On { precision, .. } = cache else {
        return 0;
    };
    if row == Row::default() {
        return 0;
    }
    let width = match precision {
        CachePrecision::F32 => 4,
        CachePrecision::F16 => 2,
    };
    // Logits are always kept in full precision.
    (row.features as u64 * width + row.logits as u64 * 4 + BYTES_PER_ROW) * rows as u64
}

fn total(models: &[PlannedModel]) -> PlannedTotal {
    PlannedTotal {
        seconds: models.iter().filter_map(|model| model.seconds).sum(),
        cache_bytes: models.iter().filter_map(|model| model.cache_bytes).sum(),
        download_bytes: models.iter().filter_map(|model| model.download_bytes).sum(),
        not_downloaded: models.iter().filter(|model| model.seconds.is_none()).count(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_precision_halves_the_features_and_not_the_logits() {
        let row = Row {
            features: 100,
            logits: 10,
        };
        let of = |precision| {
            let cache = CacheOptions::On {
                folder: None,
                max_bytes: 1,
                precision,
            };
            cache_bytes(row, 3, &cache)
        };
        assert_eq!(of(CachePrecision::F32), 3 * (400 + 40 + 33));
        assert_eq!(of(CachePrecision::F16), 3 * (200 + 40 + 33));
        assert_eq!(cache_bytes(row, 3, &CacheOptions::Off), 0);
    }
}
