//! Merging the statistics of disjoint samples, and removing samples again.
//!
//! Every field is a sum over samples. Where one side is dual, its rows are added to the other side, which becomes primal once n
//! exceeds d. Two primal sides add their sums. Moments about different origins are moved to the same one first
//! ([`super::moments`]).

use std::collections::BTreeMap;

use super::Statistics;
use super::columns::{self, Columns};
use super::form::Form;
use super::gram::{self, Sign};
use crate::error::{Error, ErrorKind, Result};

impl Statistics {
    /// Adds the statistics of other samples, as if their rows were added.
    ///
    /// # Errors
    /// [`ErrorKind::Shape`] where the sizes or the kinds of target differ.
    pub fn merge(&mut self, other: &Self) -> Result<()> {
        self.check_like(other.n_features, other.is_classes(), other.n_columns())?;
        if other.n_samples == 0 {
            return Ok(());
        }
        if other.is_dual() {
            return self.take_in(other);
        }
        if self.is_dual() {
            let rows = std::mem::replace(self, other.clone());
            return if rows.n_samples == 0 {
                Ok(())
            } else {
                self.take_in(&rows)
            };
        }
        self.combine(other, Sign::Plus)
    }

    /// Adds the rows that `other` holds.
    fn take_in(&mut self, other: &Self) -> Result<()> {
        match other.held()? {
            Some((features, targets)) => self.update(&features, &targets),
            None => Ok(()),
        }
    }

    /// Removes samples that were added before.
    ///
    /// # Errors
    /// [`ErrorKind::Shape`] where the sizes or the kinds of target differ, or `other` has more samples of a class;
    /// [`ErrorKind::Unsupported`] where at most `d` samples would be left: that is the dual form, and the rows it holds cannot
    /// be recovered from sums.
    pub fn subtract(&mut self, other: &Self) -> Result<()> {
        self.check_like(other.n_features, other.is_classes(), other.n_columns())?;
        if other.n_samples == 0 {
            return Ok(());
        }
        if self.n_samples.saturating_sub(other.n_samples) <= self.n_features {
            return Err(Error::new(
                ErrorKind::Unsupported,
                format!(
                    "cannot take {} of {} samples of {} features away: more samples than features must be left; \
                     make new statistics from the rows that remain",
                    other.n_samples, self.n_samples, self.n_features
                ),
            ));
        }
        self.combine(other, Sign::Minus)
    }

    /// Renumbers the classes: class `i` becomes `numbers[i]`, out of `n_classes`. For statistics whose labels were numbered independently.
    ///
    /// # Errors
    /// [`ErrorKind::OutOfRange`] where a class that occurs has no number, a number is not below `n_classes` or is given twice;
    /// [`ErrorKind::Unsupported`] for columns of numbers.
    pub fn renumber(&mut self, numbers: &[u32], n_classes: usize) -> Result<()> {
        let Columns::Classes {
            n_classes: declared,
            slots,
            ..
        } = &mut self.columns
        else {
            return Err(Error::new(
                ErrorKind::Unsupported,
                "only classes can be renumbered, not columns of numbers",
            ));
        };
        let of = |class: u32| {
            usize::try_from(class)
                .ok()
                .and_then(|class| numbers.get(class).copied())
                .filter(|&number| usize::try_from(number).is_ok_and(|number| number < n_classes))
                .ok_or_else(|| {
                    Error::new(
                        ErrorKind::OutOfRange,
                        format!("class {class} has no new number below {n_classes}"),
                    )
                })
        };
        let renumbered: BTreeMap<u32, usize> = slots
            .iter()
            .map(|(&class, &slot)| Ok((of(class)?, slot)))
            .collect::<Result<_>>()?;
        if renumbered.len() != slots.len() {
            return Err(Error::new(
                ErrorKind::OutOfRange,
                "two classes were given the same new number",
            ));
        }
        *slots = renumbered;
        *declared = n_classes;
        if let Form::Dual { labels, .. } = &mut self.form {
            for label in labels.iter_mut() {
                *label = of(*label)?;
            }
        }
        Ok(())
    }

    /// Adds or subtracts the sums of `other`; `self` is primal.
    fn combine(&mut self, other: &Self, sign: Sign) -> Result<()> {
        let weight = if sign == Sign::Plus { 1.0 } else { -1.0 };
        let d = self.n_features;
        match (&mut self.columns, &other.columns) {
            (
                Columns::Classes {
                    slots, counts, sums, ..
                },
                Columns::Classes {
                    slots: other_slots,
                    counts: other_counts,
                    sums: other_sums,
                    ..
                },
            ) => {
                if sign == Sign::Minus {
                    let missing = other_slots
                        .iter()
                        .find(|&(class, &slot)| slots.get(class).map_or(0, |&own| counts[own]) < other_counts[slot]);
                    if let Some((class, _)) = missing {
                        return Err(Error::new(
                            ErrorKind::Shape,
                            format!("cannot take away more samples of class {class} than were added"),
                        ));
                    }
                }
                for (&class, &slot) in other_slots {
                    let next = slots.len();
                    let own = *slots.entry(class).or_insert(next);
                    if own == counts.len() {
                        counts.push(0);
                        sums.resize(counts.len() * d, 0.0);
                    }
                    counts[own] = if sign == Sign::Plus {
                        counts[own] + other_counts[slot]
                    } else {
                        counts[own] - other_counts[slot]
                    };
                    add_scaled(
                        &mut sums[own * d..(own + 1) * d],
                        &other_sums[slot * d..(slot + 1) * d],
                        weight,
                    );
                }
            }
            (
                Columns::Numbers { squares, sums },
                Columns::Numbers {
                    squares: other_squares,
                    sums: other_sums,
                },
            ) => {
                add_scaled(squares, other_squares, weight);
                add_scaled(sums, other_sums, weight);
            }
            _ => return Err(columns::other_kind()),
        }
        let shift: Vec<f64> = self
            .moments
            .origin
            .iter()
            .zip(&other.moments.origin)
            .map(|(own, other)| own - other)
            .collect();
        let moved = other.moments.moved(&shift, &|vector| other.apply_gram(vector));
        self.moments.combine(&moved, weight);
        if let Form::Primal { gram } = &mut self.form {
            match &other.form {
                Form::Primal { gram: other } => gram.add(other, weight),
                Form::Dual { rows, .. } => gram::update_gram(gram, rows, sign, &mut self.wide),
            }
        }
        self.matrix_error += other.matrix_error;
        self.n_samples = if sign == Sign::Plus {
            self.n_samples + other.n_samples
        } else {
            self.n_samples - other.n_samples
        };
        Ok(())
    }
}

fn add_scaled(to: &mut [f64], from: &[f64], weight: f64) {
    for (to, from) in to.iter_mut().zip(from) {
        *to += weight * from;
    }
}
