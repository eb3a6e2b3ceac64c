//! Scores with all rows in memory: for scores that need rows, for few rows, and for columns that need full precision.

use std::borrow::Cow;
use std::path::Path;

use ranktune_scores::scores::{ScoreData, find};
use ranktune_scores::uncertainty::{groups, jackknife_of};
use ranktune_scores::{FeatureView, ScoreInputs};

use super::document::{Scored, settings};
use super::shards::Shards;
use super::{Precision, Saving, ScoreFileOptions, StandardErrors, stream};
use crate::error::{Error, ErrorKind};

/// Reads and scores all rows; saves their statistics to `save`, if it is given.
pub(super) fn score(
    shards: &mut Shards<'_>,
    names: &[String],
    options: &ScoreFileOptions,
    save: Option<&Path>,
) -> Result<Scored, Error> {
    if let Some(path) = save {
        let (part, _) = stream::part(shards, super::wanted(shards, names, options, Saving::Yes))?;
        part.write(path)?;
    }
    let d = shards.n_features();
    let mut read = Vec::new();
    for (_, reader) in &mut shards.readers {
        let mut shard = Vec::new();
        if reader.rows_in_memory().is_none() {
            reader.read_rows(0..reader.n_rows(), &mut shard)?;
        }
        read.push(shard);
    }
    let mut rows: Cow<'_, [f32]> = Cow::default();
    for ((path, reader), read) in shards.readers.iter().zip(read) {
        let shard = reader.rows_in_memory().map_or(Cow::Owned(read), Cow::Borrowed);
        // A shard is checked by itself, so that an error names its file and row.
        FeatureView::new(&shard, shard.len() / d, d)
            .map_err(|error| Error::new(ErrorKind::Data, format!("{path}: {error}")))?;
        if rows.is_empty() {
            rows = shard;
        } else {
            rows.to_mut().extend_from_slice(&shard);
        }
    }
    let n = rows.len() / d;
    let inputs = ScoreInputs {
        features: FeatureView::new(&rows, n, d)?,
        targets: shards.columns.view()?,
        probabilities: shards.probabilities_view()?,
    };
    let settings = settings(options);
    let prepared = ScoreData::new(&inputs)?;
    let mut scored = Scored::new(shards.task, n, d, inputs.targets.n_columns(), &shards.names);
    for name in names {
        let score = find(name)?;
        let outcome = score.compute(&prepared, &settings)?;
        // Everything here is in f64, which is within any precision asked for.
        scored.add(name, &outcome, Precision::Double);
        if outcome.evidence.is_some() {
            scored.fit = Some(prepared.solution(settings.compat)?);
        }
        if let StandardErrors::Jackknife { seed } = options.standard_errors {
            let count = groups::DEFAULT_GROUPS.min(n);
            let groups = groups::assign(&inputs.targets, count, seed)?;
            let jackknife = jackknife_of(&prepared, score, &outcome, &settings, &groups)?;
            scored.standard_error(name, Some(jackknife.standard_error), count);
        }
    }
    Ok(scored)
}
