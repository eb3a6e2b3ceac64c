//! Rows drawn at random from a stream: every row is kept with the same chance, and which ones depends on their place in the stream only, so
//! that all models keep the same samples.

use std::collections::BinaryHeap;

use ranktune_core::random::Random;

use crate::error::Result;
use crate::features::FeatureView;
use crate::targets::Targets;

/// Rows that are kept at most.
const ROWS: usize = 4096;
/// Bytes of features that are kept at most.
const BYTES: usize = 16 << 20;
const SEED: u64 = 0x6472_6177;

/// Some rows of a stream; see [`Accumulator::with_draw`](super::Accumulator::with_draw).
#[derive(Clone, Debug)]
pub struct Reservoir {
    random: Random,
    /// The number that each kept row has drawn, the largest on top, and its place.
    drawn: BinaryHeap<(u64, usize)>,
    n_features: usize,
    rows: Vec<f32>,
    labels: Vec<u32>,
    values: Vec<f64>,
    n_columns: usize,
}

impl Reservoir {
    pub(super) fn new() -> Self {
        Self {
            random: Random::new(SEED),
            drawn: BinaryHeap::new(),
            n_features: 0,
            rows: Vec::new(),
            labels: Vec::new(),
            values: Vec::new(),
            n_columns: 0,
        }
    }

    /// Looks at the next rows, with as many targets.
    pub(super) fn update(&mut self, features: &FeatureView<'_>, targets: &Targets<'_>) {
        let (d, c) = (features.n_features(), targets.n_columns());
        (self.n_features, self.n_columns) = (d, c);
        let most = ROWS.min(BYTES / 4 / d).max(1);
        for (row, data) in features.rows().enumerate() {
            let number = self.random.next();
            let label = targets.labels().map(|labels| labels[row]);
            let values = targets.values().map(|values| &values[row * c..(row + 1) * c]);
            if self.drawn.len() < most {
                self.drawn.push((number, self.drawn.len()));
                self.rows.extend_from_slice(data);
                self.labels.extend(label);
                self.values.extend_from_slice(values.unwrap_or_default());
                continue;
            }
            let Some(&(largest, place)) = self.drawn.peek() else {
                continue;
            };
            if number >= largest {
                continue;
            }
            self.drawn.pop();
            self.drawn.push((number, place));
            self.rows[place * d..(place + 1) * d].copy_from_slice(data);
            if let Some(label) = label {
                self.labels[place] = label;
            }
            if let Some(values) = values {
                self.values[place * c..(place + 1) * c].copy_from_slice(values);
            }
        }
    }

    /// The kept rows; nothing without any.
    ///
    /// # Errors
    /// None: the rows were checked when they came.
    pub fn view(&self) -> Result<Option<(FeatureView<'_>, Targets<'_>)>> {
        if self.drawn.is_empty() {
            return Ok(None);
        }
        let features = FeatureView::new(&self.rows, self.drawn.len(), self.n_features)?;
        let targets = if self.labels.is_empty() {
            Targets::columns(&self.values, self.n_columns)?
        } else {
            Targets::classes(&self.labels, self.n_columns)?
        };
        Ok(Some((features, targets)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_kept_with_their_labels_from_all_parts_of_the_stream() {
        let n = 3 * ROWS;
        let mut reservoir = Reservoir::new();
        for part in 0..6 {
            let rows: Vec<f32> = (part * n / 6..(part + 1) * n / 6).map(|i| i as f32).collect();
            let labels: Vec<u32> = rows.iter().map(|&value| value as u32).collect();
            let view = FeatureView::new(&rows, rows.len(), 1).unwrap();
            reservoir.update(&view, &Targets::classes(&labels, n).unwrap());
        }
        let (features, targets) = reservoir.view().unwrap().unwrap();
        assert_eq!(features.n_samples(), ROWS);
        let mut kept: Vec<f32> = features.data().to_vec();
        assert!(
            kept.iter()
                .zip(targets.labels().unwrap())
                .all(|(&row, &label)| row as u32 == label)
        );
        kept.sort_by(f32::total_cmp);
        kept.dedup();
        assert_eq!(kept.len(), ROWS);
        // A third of each half, give or take four standard deviations.
        let first = kept.iter().filter(|&&value| (value as usize) < n / 2).count();
        assert!(first.abs_diff(ROWS / 2) < 110, "{first}");
    }
}
