//! Models that are left out of a ranking because of their license, their size or their speed.
//!
//! | limit | what is known of a model | when |
//! |---|---|---|
//! | license | its model card, or the key `license` of a manifest | before anything of it is read |
//! | parameters | its graph | before a sample runs |
//! | latency | a run on each of a few samples, alone in its batch | before the features are extracted |
//!
//! What is left out is listed as not applicable, with what was found and what was expected.

use std::time::Duration;

use ranktune_core::counts::abbreviated;
use ranktune_core::{Event, Progress};
use ranktune_features::extract::{Extraction, PreparedModel, latencies};
use ranktune_hub::license::license_fault;
use ranktune_hub::{Hub, License};
use ranktune_report::ranking::{NOT_APPLICABLE, SkippedModel};

use crate::error::Error;

/// Which models of a hub may be ranked. The default allows all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ModelFilter {
    /// Licenses that are allowed; a model whose license is unknown is left out. Default: empty, which allows all.
    pub licenses: Vec<License>,
    /// Largest number of weights. Default: any.
    pub max_parameters: Option<u64>,
    /// Longest time of a run on one sample, without the preparation of the sample. It is measured on this machine, with the engine
    /// and the threads of the ranking. Default: any.
    pub max_latency: Option<Duration>,
}

impl ModelFilter {
    /// Removes the models of `hub` whose license is not allowed.
    pub(crate) fn by_license(&self, hub: &mut Hub, progress: &dyn Progress) -> Vec<SkippedModel> {
        let mut skipped = Vec::new();
        hub.entries.retain(|entry| {
            let fault = license_fault(&entry.licenses, &self.licenses);
            skipped.extend(fault.iter().map(|fault| left_out(&entry.name, fault, progress)));
            fault.is_none()
        });
        skipped
    }

    /// Removes the models with too many weights, and then those that take too long for one sample of `work`, whose own models are not
    /// used. A model that does not run stays, for the extraction to report.
    ///
    /// # Errors
    /// An engine that is not available; [`ErrorKind::Interrupted`](crate::ErrorKind::Interrupted).
    pub(crate) fn by_cost(
        &self,
        models: &mut Vec<PreparedModel>,
        work: &Extraction<'_>,
    ) -> Result<Vec<SkippedModel>, Error> {
        let mut faults: Vec<Option<String>> = models.iter().map(|model| self.size_fault(model)).collect();
        let mut skipped = removed(models, &faults, work.progress);
        if let Some(max) = self.max_latency {
            faults = vec![None; models.len()];
            latencies(&Extraction { models, ..*work }, |index, latency| {
                let slow = latency.ok().filter(|latency| *latency > max);
                faults[index] = slow.map(|latency| {
                    let (found, expected) = (milliseconds(latency), milliseconds(max));
                    format!("it takes {found} for one sample, expected at most {expected}")
                });
            })?;
            skipped.extend(removed(models, &faults, work.progress));
        }
        Ok(skipped)
    }

    /// Why a model is too large, if it is.
    fn size_fault(&self, model: &PreparedModel) -> Option<String> {
        let (count, max) = (model.parameters(), self.max_parameters?);
        let (found, expected) = (abbreviated(count), abbreviated(max));
        (count > max).then(|| format!("it has {found} parameters, expected at most {expected}"))
    }
}

/// Removes the models that have a fault.
fn removed(models: &mut Vec<PreparedModel>, faults: &[Option<String>], progress: &dyn Progress) -> Vec<SkippedModel> {
    let mut skipped = Vec::new();
    let mut faults = faults.iter();
    models.retain(|model| {
        let fault = faults.next().and_then(Option::as_ref);
        skipped.extend(fault.map(|fault| left_out(model.name(), fault, progress)));
        fault.is_none()
    });
    skipped
}

fn left_out(name: &str, fault: &str, progress: &dyn Progress) -> SkippedModel {
    let reason = format!("{NOT_APPLICABLE}{fault}");
    progress.event(Event::ModelSkipped {
        model: name,
        reason: &reason,
    });
    SkippedModel {
        name: name.to_owned(),
        reason,
    }
}

/// A time in milliseconds, with about three digits.
fn milliseconds(time: Duration) -> String {
    let value = time.as_secs_f64() * 1e3;
    let digits = match value {
        100.0.. => 0,
        10.0.. => 1,
        1.0.. => 2,
        _ => 3,
    };
    format!("{value:.digits$} ms")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_three_digits() {
        for (micros, text) in [
            (1, "0.001 ms"),
            (1234, "1.23 ms"),
            (56_789, "56.8 ms"),
            (2_500_000, "2500 ms"),
        ] {
            assert_eq!(milliseconds(Duration::from_micros(micros)), text);
        }
    }
}
