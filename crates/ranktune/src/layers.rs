//! From the scores of a model's layers to the model's: the best layer's, or those of the layers' mean.

use ranktune_core::one_line;
use ranktune_features::extract::{Features, Layer};
use ranktune_report::ranking::LayerScore;
use ranktune_scores::uncertainty::Jackknife;
use serde_json::json;

use crate::rank::LayerChoice;
use crate::scorer::{Chosen, Entry, GROUPS, Scorer, Scores};
use crate::scoring::insert_error;

/// Rows that are read from the store at a time.
const BLOCK: usize = 1024;

impl Scorer<'_> {
    /// The scores of the model whose `layers` have the scores `each`; `of_mean` computes those of the layers' mean features, where
    /// all have one width.
    pub(crate) fn of_layers(
        &self,
        layers: &[Layer],
        mut each: Vec<Scores>,
        of_mean: impl FnOnce() -> Result<Scores, String>,
    ) -> Result<Chosen, String> {
        let profile = layers.iter().zip(&each).map(|(layer, scores)| LayerScore {
            name: layer.tensor.clone(),
            dim: layer.width(),
            score: scores.first(),
            standard_error: scores.jackknife.as_ref().map(|jackknife| jackknife.standard_error),
        });
        let profile: Vec<LayerScore> = profile.collect();
        let (scores, tensor, dim) = match self.layers {
            LayerChoice::Best => {
                let best = (0..each.len()).max_by(|&a, &b| each[a].first().total_cmp(&each[b].first()));
                let best = best.ok_or("no layer")?;
                (
                    each.swap_remove(best),
                    layers[best].tensor.clone(),
                    layers[best].width(),
                )
            }
            LayerChoice::Mean => match common_width(layers) {
                Some(width) => (of_mean()?, format!("mean of {} layers", layers.len()), width),
                None => {
                    let dim = layers.iter().map(Layer::width).sum();
                    (mean(&each)?, format!("mean score of {} layers", layers.len()), dim)
                }
            },
        };
        Ok(Chosen {
            scores,
            tensor,
            dim,
            layers: profile,
        })
    }
}

/// The width of all layers, if they have one.
pub(crate) fn common_width(layers: &[Layer]) -> Option<usize> {
    let width = layers.first()?.width();
    layers.iter().all(|layer| layer.width() == width).then_some(width)
}

/// Appends the features of some layers of one width, averaged over the layers, for every row of `rows` `[n, d]`.
pub(crate) fn gather(rows: &[f32], d: usize, layers: &[Layer], into: &mut Vec<f32>) {
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

/// What [`gather`] makes of all valid rows, `[valid, width]`.
pub(crate) fn columns(features: &mut Features, layers: &[Layer]) -> Result<Vec<f32>, String> {
    let (n, d) = (features.n_rows(), features.n_features());
    let mut picked = Vec::new();
    for begin in (0..n).step_by(BLOCK) {
        let block = features
            .features_of(begin..(begin + BLOCK).min(n))
            .map_err(|error| one_line(&error))?;
        gather(&block, d, layers, &mut picked);
    }
    Ok(picked)
}

/// The mean over layers of every score and its replicates.
fn mean(each: &[Scores]) -> Result<Scores, String> {
    let first = each.first().ok_or("no layer")?;
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
        if place == 0 {
            let error = jackknife.as_ref().map(|jackknife| jackknife.standard_error);
            let groups = jackknife
                .as_ref()
                .map_or(GROUPS, |jackknife| jackknife.replicates.len());
            insert_error(&mut object, error, groups);
        }
        Entry {
            name: entry.name.clone(),
            value,
            object,
        }
    });
    Ok(Scores {
        entries: entries.collect(),
        jackknife,
    })
}
