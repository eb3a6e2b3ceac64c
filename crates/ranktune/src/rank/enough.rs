//! Whether there is enough data to say how certain a ranking is.
//!
//! The jackknife leaves out a tenth of the samples at a time. With one or two samples a class that takes whole classes away, and what is
//! left says nothing of other samples: its standard errors are small where they should be large. Then there are none, and no P(best).

use ranktune_data::DatasetTargets;

/// Samples, or sentences of words, below which there are no standard errors: two for each of ten groups.
const LEAST: usize = 20;
/// Samples that half of the classes need at least.
const LEAST_PER_CLASS: usize = 3;
/// Samples and samples per class below which a ranking is called uncertain; a race sees as many in its first round.
const FEW: usize = 60;
const FEW_PER_CLASS: usize = 8;

/// What is wrong with the number of samples.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Enough {
    /// Why there are no standard errors, P(best) and rank intervals.
    pub(super) too_few: Option<String>,
    /// What to say of so few samples.
    pub(super) warning: Option<String>,
}

impl Enough {
    pub(super) fn of(targets: &DatasetTargets) -> Self {
        let n = targets.n_samples();
        let unit = match targets {
            DatasetTargets::Tags { .. } => "sentences",
            _ => "samples",
        };
        let class = class_size(targets);
        let too_few = if n < LEAST {
            Some(format!("{n} {unit} are too few, it takes at least {LEAST}"))
        } else {
            class
                .filter(|&size| size < LEAST_PER_CLASS)
                .map(|_| format!("half of the classes have fewer than {LEAST_PER_CLASS} samples"))
        };
        let warning = match (&too_few, class) {
            (Some(reason), _) => Some(format!(
                "no standard errors, P(best) and rank intervals: {reason}; the order may be another on other samples"
            )),
            (None, Some(size)) if size < FEW_PER_CLASS => Some(format!(
                "half of the classes have at most {size} samples, so the order may be another on other samples; give {FEW_PER_CLASS} or more of each"
            )),
            (None, _) if n < FEW => Some(format!(
                "{n} {unit} are few, so the order may be another on other samples; give {FEW} or more"
            )),
            _ => None,
        };
        Self { too_few, warning }
    }
}

/// The median number of samples of the classes that occur; `None` for other targets.
fn class_size(targets: &DatasetTargets) -> Option<usize> {
    let DatasetTargets::Classes { names, labels } = targets else {
        return None;
    };
    let mut counts = vec![0_usize; names.len()];
    for &label in labels {
        if let Some(count) = usize::try_from(label).ok().and_then(|label| counts.get_mut(label)) {
            *count += 1;
        }
    }
    counts.retain(|&count| count > 0);
    counts.sort_unstable();
    counts.get(counts.len().saturating_sub(1) / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn classes(counts: &[usize]) -> Enough {
        let labels = counts
            .iter()
            .zip(0_u32..)
            .flat_map(|(&count, class)| std::iter::repeat_n(class, count));
        Enough::of(&DatasetTargets::Classes {
            names: (0..counts.len()).map(|class| class.to_string()).collect(),
            labels: labels.collect(),
        })
    }

    #[test]
    fn three_samples_and_classes_of_one_sample_have_no_standard_errors() {
        let three = classes(&[1, 1, 1]);
        assert!(
            three
                .too_few
                .as_ref()
                .is_some_and(|reason| reason.contains("3 samples are too few")),
            "{three:?}"
        );
        let singles = classes(&[1; 20]);
        assert!(
            singles
                .too_few
                .as_ref()
                .is_some_and(|reason| reason.contains("half of the classes")),
            "{singles:?}"
        );
        assert!(singles.warning.is_some());
    }

    #[test]
    fn a_rare_class_among_large_ones_is_no_reason_and_few_samples_are_said() {
        assert_eq!(classes(&[1, 50, 60, 70]), Enough::default());
        assert_eq!(classes(&[0, 0, 0, 100, 100]), Enough::default());
        let few = classes(&[6, 6, 6, 6, 6]);
        assert!(few.too_few.is_none() && few.warning.is_some_and(|warning| warning.contains("at most 6")));
        let numbers = Enough::of(&DatasetTargets::Regression {
            names: vec!["y".into()],
            values: vec![0.5; 30],
        });
        assert!(numbers.too_few.is_none() && numbers.warning.is_some_and(|warning| warning.contains("30 samples")));
    }
}
