//! From the scores of a model's layers to the score of the model: the best layer's, or that of the layers' mean.

use ranktune_features::extract::{ExtractedFeatures, Layer};
use ranktune_report::ranking::LayerScore;
use ranktune_scores::uncertainty::Jackknife;
use serde_json::json;

use super::options::LayerChoice;
use super::scores::{GROUPS, ModelScores, ScoreEntry, ScoreList, TERMS};
use crate::error::{Error, ErrorKind};
use crate::scoring::insert_error;

/// Rows that are read from the store at a time.
const BLOCK: usize = 1024;

/// The scores of the model whose `layers` have the scores `each`. `of_mean` computes those of the layers' mean features, where
/// all layers have the same width.
pub(super) fn combine(
    choice: LayerChoice,
    layers: &[Layer],
    mut each: Vec<ScoreList>,
    of_mean: impl FnOnce() -> Result<ScoreList, Error>,
) -> Result<ModelScores, Error> {
    let profile = layers
        .iter()
        .zip(&each)
        .map(|(layer, scores)| LayerScore {
            name: layer.tensor.clone(),
            dim: layer.width(),
            score: scores.first(),
            standard_error: scores.jackknife.as_ref().map(|jackknife| jackknife.standard_error),
        })
        .collect();
    let (list, tensor, n_features) = match (choice, common_width(layers)) {
        (LayerChoice::Best, _) => {
            let best = (0..each.len()).max_by(|&a, &b| each[a].first().total_cmp(&each[b].first()));
            let best = best.ok_or_else(no_layer)?;
            let layer = &layers[best];
            (each.swap_remove(best), layer.tensor.clone(), layer.width())
        }
        (LayerChoice::Mean, Some(width)) => (of_mean()?, format!("mean of {} layers", layers.len()), width),
        (LayerChoice::Mean, None) => {
            let n_features = layers.iter().map(Layer::width).sum();
            (
                mean(&each)?,
                format!("mean score of {} layers", layers.len()),
                n_features,
            )
        }
    };
    Ok(ModelScores {
        list,
        tensor,
        n_features,
        layers: profile,
        n_samples: 0,
        seconds: 0.0,
    })
}

fn no_layer() -> Error {
    Error::new(ErrorKind::Extraction, "the model has no layer to score")
}

/// The width of all layers, if they have the same.
pub(super) fn common_width(layers: &[Layer]) -> Option<usize> {
    let width = layers.first()?.width();
    layers.iter().all(|layer| layer.width() == width).then_some(width)
}

/// Appends the mean over `layers`, which have the same width, of every row of `rows` `[n, d]`.
pub(super) fn append_mean(rows: &[f32], d: usize, layers: &[Layer], into: &mut Vec<f32>) {
    let width = layers.first().map_or(0, Layer::width);
    #[expect(clippy::cast_precision_loss, reason = "a count of layers")]
    let share = 1.0 / layers.len().max(1) as f32;
    for row in rows.chunks_exact(d.max(1)) {
        let from = into.len();
        into.resize(from + width, 0.0);
        for layer in layers {
            let own = layer.columns.iter().flat_map(|columns| &row[columns.clone()]);
            for (sum, value) in into[from..].iter_mut().zip(own) {
                *sum += share * value;
            }
        }
    }
}

/// The mean over `layers`, which have the same width, of all valid rows: `[valid, width]`.
pub(super) fn mean_rows(features: &mut ExtractedFeatures, layers: &[Layer]) -> Result<Vec<f32>, Error> {
    let (n, d) = (features.n_rows(), features.n_features());
    let mut rows = Vec::new();
    for begin in (0..n).step_by(BLOCK) {
        let block = features.features_of(begin..(begin + BLOCK).min(n))?;
        append_mean(&block, d, layers, &mut rows);
    }
    Ok(rows)
}

/// The mean over layers of every score and its replicates.
fn mean(each: &[ScoreList]) -> Result<ScoreList, Error> {
    let first = each.first().ok_or_else(no_layer)?;
    #[expect(clippy::cast_precision_loss, reason = "a count of layers")]
    let count = each.len() as f64;
    let jackknives: Option<Vec<&Jackknife>> = each.iter().map(|scores| scores.jackknife.as_ref()).collect();
    let jackknife = jackknives.and_then(|all| {
        let groups = all.first()?.replicates.len();
        let of = |group: usize| all.iter().map(|one| one.replicates[group]).sum::<f64>() / count;
        let value = all.iter().map(|one| one.value).sum::<f64>() / count;
        Jackknife::new(value, (0..groups).map(of).collect()).ok()
    });
    let entries = first.entries.iter().enumerate().map(|(place, entry)| {
        let value = each.iter().map(|scores| scores.entries[place].value).sum::<f64>() / count;
        let mut object = entry.object.clone();
        object.insert("value".to_owned(), json!(value));
        // Terms of the first layer are not those of the model.
        object.remove(TERMS);
        if place == 0 {
            let error = jackknife.as_ref().map(|jackknife| jackknife.standard_error);
            let groups = jackknife
                .as_ref()
                .map_or(GROUPS, |jackknife| jackknife.replicates.len());
            insert_error(&mut object, error, groups);
        }
        ScoreEntry {
            name: entry.name.clone(),
            value,
            object,
        }
    });
    Ok(ScoreList {
        entries: entries.collect(),
        jackknife,
        // Means of scores are compared with nothing.
        permuted: Some(Err("the score is a mean of the layers' scores".to_owned())),
        classes: None,
    })
}
