//! A race on images or texts: their features are in the store, or in memory, and every round scores the rows so far.

use ranktune_core::Event;
use ranktune_core::one_line;
use ranktune_data::Dataset;
use ranktune_features::extract::{Extraction, Extractor, Prepared};
use ranktune_report::ranking::RaceUnit;
use ranktune_scores::uncertainty::{Jackknife, groups};

use super::{Race, RaceOptions, Track};
use crate::error::{Error, ErrorKind};
use crate::rank::{Failed, Ranked, look};
use crate::scorer::{GROUPS, Scorer};
use crate::scoring::Columns;

struct Samples<'a> {
    extractor: Extractor<'a>,
    models: &'a [Prepared],
    scorer: &'a Scorer<'a>,
}

impl Track for Samples<'_> {
    fn samples(&self) -> usize {
        self.extractor.samples()
    }

    fn noun(&self) -> RaceUnit {
        RaceUnit::Samples
    }

    fn least(&self) -> usize {
        0
    }

    fn advance_to(&mut self, samples: usize) -> Result<(), Error> {
        Ok(self.extractor.advance_to(samples)?)
    }

    fn score(&mut self, model: usize, samples: usize) -> Result<Option<Jackknife>, String> {
        let prepared = &self.models[model];
        look(&mut self.extractor, model, samples, |features| {
            self.scorer.first(prepared, features).map(Some)
        })
    }

    fn stop(&mut self, model: usize) {
        self.extractor.stop(model);
    }

    fn cost(&self, model: usize) -> (f64, usize) {
        self.extractor.cost(model)
    }
}

/// Every model as far as the race takes it.
pub(crate) fn race(
    work: &Extraction<'_>,
    scorer: &Scorer<'_>,
    options: &RaceOptions,
    failed: &mut Failed<'_>,
) -> Result<Ranked, Error> {
    let mut track = Samples {
        extractor: Extractor::new(work)?,
        models: work.models,
        scorer,
    };
    let race = Race {
        models: work.models,
        options,
        columns: scorer.dataset.targets.names().len(),
        seed: scorer.seed,
        progress: work.progress,
    };
    let raced = race.run(&mut track)?;
    let mut extractor = track.extractor;
    let (mut ranked, mut unreadable) = (Vec::new(), Vec::new());
    for (index, (model, record)) in work.models.iter().zip(raced.records).enumerate() {
        let cost = extractor.cost(index);
        let scored = record.and_then(|record| {
            let valid = look(&mut extractor, index, record.samples, |features| {
                Ok(features.valid().to_vec())
            })?;
            if unreadable.is_empty() {
                unreadable = extractor.unreadable(&valid).map_err(|error| one_line(&error))?;
            }
            let scored = look(&mut extractor, index, record.samples, |features| {
                scorer.score(model, features, cost)
            });
            scored.map(|mut scored| {
                scored.document.race = Some(record);
                scored
            })
        });
        match scored {
            Ok(scored) => {
                work.progress.event(Event::ModelFinished {
                    model: model.name(),
                    seconds: cost.0,
                    cached: cost.1 == 0,
                });
                ranked.push(scored);
            }
            Err(reason) => failed(model, reason),
        }
    }
    extractor.finish();
    Ok((ranked, unreadable, Some(raced.summary)))
}

/// The groups of a race's samples, dealt evenly on every prefix.
pub(crate) fn groups(dataset: &Dataset) -> Result<Vec<usize>, Error> {
    let columns = Columns::of(&dataset.targets, &vec![true; dataset.n_samples()]);
    let targets = columns.view()?;
    let groups = groups::deal(&targets, GROUPS.min(targets.n_samples()));
    groups.map_err(|error| Error::new(ErrorKind::Scores, error))
}
