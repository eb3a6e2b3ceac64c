//! A model in an engine: runs the batches of a unit and puts the rows into the order of the samples.

use ranktune_onnx::locate::Pooling;

use super::engines::{Engines, Loaded};
use super::model::PreparedModel;
use super::options::{ExtractOptions, WordPooling};
use super::pool;
use super::units::{Items, Plan, Unit};
use crate::engine::{self, EngineChoice, Input};
use crate::store::Block;
use crate::{Error, ErrorKind};
use ranktune_core::{Progress, Silent};

/// Runs a model once on one engine, on two made-up samples: features `[2, d]`, row-major.
///
/// # Errors
/// The engine is not available, refuses the model, or computes features that are not finite.
pub fn probe(model: &PreparedModel, engine: EngineChoice, options: &ExtractOptions) -> Result<Vec<f32>, Error> {
    let options = ExtractOptions {
        engine,
        ..options.clone()
    };
    let engines = Engines::open(&options, &Silent)?;
    let mut runner = Runner::open(model, &engines, &options, &Silent)?;
    let features = runner.run(&mut model.side().probe()?, &mut |_| true)?.features;
    match features.iter().position(|value| !value.is_finite()) {
        None => Ok(features),
        Some(at) => Err(Error::new(
            ErrorKind::Inference,
            format!("feature {at} is {}, expected finite numbers", features[at]),
        )),
    }
}

/// Minimum number of sentences per unit: fewer leave batches of different lengths.
const FEWEST_SENTENCES: usize = 32;

/// Number of weights of all models together up to which they stay loaded between steps: 1 GiB in f32.
pub(super) const KEPT_PARAMETERS: u64 = 1 << 28;

/// A model that is loaded into an engine.
pub(crate) struct Runner<'a> {
    prepared: &'a PreparedModel,
    loaded: Loaded<'a>,
    plan: Plan,
    word_pooling: WordPooling,
    outputs: Vec<&'a str>,
}

/// Features and logits of a unit, one row per sample.
pub(crate) struct Computed {
    pub(crate) features: Vec<f32>,
    logits: Option<Vec<f32>>,
    valid: Vec<bool>,
}

impl Computed {
    /// Rows of features.
    pub(crate) fn rows(&self) -> usize {
        self.valid.len()
    }

    pub(crate) fn block(&self) -> Block<'_> {
        Block {
            features: &self.features,
            logits: self.logits.as_deref(),
            valid: Some(&self.valid),
        }
    }
}

/// Rows that arrive in any order, `[count, columns]`.
struct Scattered {
    count: usize,
    columns: usize,
    rows: Vec<f32>,
}

impl Scattered {
    fn new(count: usize) -> Self {
        Self {
            count,
            columns: 0,
            rows: Vec::new(),
        }
    }

    /// Puts row `k` of `rows` at `items[k]`.
    fn put(&mut self, items: &[usize], rows: &[f32]) -> Result<(), Error> {
        if items.is_empty() {
            return Ok(());
        }
        let columns = rows.len() / items.len();
        if self.rows.is_empty() {
            self.columns = columns;
            self.rows = vec![0.0; self.count * columns];
        }
        if columns != self.columns {
            let message = format!(
                "expected {} numbers per sample as in earlier batches, found {columns}",
                self.columns
            );
            return Err(Error::new(ErrorKind::Inference, message));
        }
        for (&item, row) in items.iter().zip(rows.chunks_exact(columns.max(1))) {
            self.rows[item * columns..(item + 1) * columns].copy_from_slice(row);
        }
        Ok(())
    }
}

/// Concatenates the columns of the parts, which have `rows` rows each.
fn side_by_side(mut parts: Vec<Vec<f32>>, rows: usize) -> Vec<f32> {
    if parts.len() == 1 {
        return parts.pop().unwrap_or_default();
    }
    let mut joined = Vec::with_capacity(parts.iter().map(Vec::len).sum());
    for row in 0..rows {
        for part in &parts {
            let columns = part.len() / rows.max(1);
            joined.extend_from_slice(&part[row * columns..(row + 1) * columns]);
        }
    }
    joined
}

/// `[u, v, |u − v|, u ⊙ v]` of rows `u` and `v` that follow each other.
fn joined(rows: &Scattered) -> Vec<f32> {
    let d = rows.columns;
    let mut joined = Vec::with_capacity(2 * rows.rows.len());
    for pair in rows.rows.chunks_exact((2 * d).max(1)) {
        let (u, v) = pair.split_at(d);
        joined.extend_from_slice(pair);
        joined.extend(u.iter().zip(v).map(|(u, v)| (u - v).abs()));
        joined.extend(u.iter().zip(v).map(|(u, v)| u * v));
    }
    joined
}

impl<'a> Runner<'a> {
    /// Loads the graph of `prepared` into an engine.
    pub(crate) fn open(
        prepared: &'a PreparedModel,
        engines: &Engines,
        options: &ExtractOptions,
        progress: &'a dyn Progress,
    ) -> Result<Self, Error> {
        let threads = options.threads.unwrap_or_else(engine::default_threads);
        let loaded = engines.load(prepared, threads, progress)?;
        let mut plan = prepared
            .side()
            .plan(prepared.fixed_batch().or(options.batch_size), loaded.engine());
        if prepared.side().is_by_word() {
            // The rows of a unit are in memory together, and several layers make them wider.
            plan.unit = (plan.unit / prepared.parts().len().max(1)).max(FEWEST_SENTENCES);
        }
        Ok(Self {
            prepared,
            loaded,
            plan,
            word_pooling: options.word_pooling,
            outputs: prepared.outputs(),
        })
    }

    /// Name of the engine that runs the model now.
    pub(super) fn engine(&self) -> &'static str {
        self.loaded.engine().name()
    }

    /// How rows are batched.
    pub(crate) fn plan(&self) -> Plan {
        self.plan
    }

    /// Features and logits of a unit, one row per sample. `watch` receives the number of rows done and returns whether to continue.
    ///
    /// # Errors
    /// Those of the engine and of the unit; [`ErrorKind::Interrupted`] if `watch` returns `false`.
    pub(crate) fn run(&mut self, unit: &mut Unit, watch: &mut dyn FnMut(usize) -> bool) -> Result<Computed, Error> {
        if let Some(error) = unit.failed.take() {
            return Err(error);
        }
        let rows = unit.rows.len();
        let items = match unit.items {
            Items::Rows => rows,
            Items::Pairs => 2 * rows,
            Items::Words(words) => words,
        };
        let (mut features, mut logits) = (Scattered::new(items), Scattered::new(items));
        let mut done = 0;
        for batch in &mut unit.batches {
            if !watch(done * rows / items.max(1)) {
                return Err(Error::new(ErrorKind::Interrupted, "interrupted"));
            }
            done += batch.items.len();
            let size = self.prepared.fixed_batch().unwrap_or(0);
            batch.feeds.retain(|feed| self.loaded.takes(&feed.name));
            batch.feeds.iter_mut().for_each(|feed| feed.fill_up(size));
            let inputs: Vec<Input<'_>> = batch.feeds.iter().map(|feed| feed.input()).collect();
            let mut outputs = self.loaded.run(&inputs, &self.outputs)?.into_iter();
            let missing = || Error::new(ErrorKind::Inference, "the engine returned fewer outputs than requested");
            let (tokens, mask) = (self.prepared.side().preparation().token_pooling(), batch.mask.as_ref());
            let mut parts = Vec::with_capacity(self.prepared.parts().len());
            for part in self.prepared.parts() {
                let output = outputs.next().ok_or_else(missing)?;
                let pooled = match &batch.words {
                    Some(words) => pool::words(&output, mask, words, self.word_pooling),
                    None => pool::rows(&output, batch.items.len(), part.pooling, (tokens, mask)),
                };
                parts.push(pooled.map_err(|error| error.about(&part.feature))?);
            }
            match (self.prepared.logits(), outputs.next()) {
                (None, _) => {}
                (Some(name), Some(output)) => {
                    let output = pool::rows(&output, batch.items.len(), Pooling::None, (tokens, None))
                        .map_err(|error| error.about(name))?;
                    logits.put(&batch.items, &output)?;
                }
                // The logits are one of the parts.
                (Some(name), None) => {
                    let part = self.prepared.parts().iter().position(|part| part.feature == name);
                    logits.put(&batch.items, part.map_or(&[][..], |part| &parts[part]))?;
                }
            }
            features.put(&batch.items, &side_by_side(parts, batch.items.len()))?;
        }
        let rows = match unit.items {
            Items::Rows | Items::Pairs => rows,
            Items::Words(words) => words,
        };
        let mut valid = vec![true; rows];
        for (row, _) in &unit.unreadable {
            if let Ok(place) = unit.rows.binary_search(row) {
                valid[place] = false;
            }
        }
        Ok(Computed {
            features: match unit.items {
                Items::Rows | Items::Words(_) => features.rows,
                Items::Pairs => joined(&features),
            },
            logits: self.prepared.logits().map(|_| logits.rows),
            valid,
        })
    }
}
