//! Statistics as bytes, which another machine can read and merge.
//!
//! ```text
//! "RANKSTAT"  version u32  fields u64 …       all little-endian, lengths before contents
//! description                                 text of the caller, such as the task and the names of its classes
//! n, d, kind, columns, moments, form          the lower triangle of G packed column by column, or the rows of the dual form
//! checksum                                    BLAKE3 of everything before it, 32 bytes
//! ```
//!
//! The checksum is verified first, so a truncated or damaged file is an error and never a wrong score. Sizes are compared with
//! the bytes that are left before memory is allocated.

use std::collections::BTreeMap;

use super::columns::Columns;
use super::form::Form;
use super::triangle::Triangle;
use super::{Moments, Precision, Statistics};
use crate::error::{Error, ErrorKind, Result};

const MAGIC: &[u8; 8] = b"RANKSTAT";
const VERSION: u32 = 1;
const CHECKSUM: usize = 32;

impl Statistics {
    /// The statistics as bytes, with a description that [`Statistics::from_bytes`] returns.
    pub fn to_bytes(&self, description: &str) -> Vec<u8> {
        let mut to = Writer(Vec::new());
        to.0.extend_from_slice(MAGIC);
        to.0.extend_from_slice(&VERSION.to_le_bytes());
        to.length(description.len());
        to.0.extend_from_slice(description.as_bytes());
        to.length(self.n_samples);
        to.length(self.n_features);
        to.number(self.matrix_error);
        match &self.columns {
            Columns::Classes {
                n_classes,
                slots,
                counts,
                sums,
            } => {
                to.length(0);
                to.length(*n_classes);
                to.length(slots.len());
                for (&class, &slot) in slots {
                    to.length(usize::try_from(class).unwrap_or(usize::MAX));
                    to.length(counts[slot]);
                    to.numbers(&sums[slot * self.n_features..(slot + 1) * self.n_features]);
                }
            }
            Columns::Numbers { squares, sums } => {
                to.length(1);
                to.length(squares.len());
                to.numbers(squares);
                to.numbers(sums);
            }
        }
        to.numbers(&self.moments.origin);
        to.numbers(&self.moments.sum);
        to.numbers(&self.moments.cubic);
        to.number(self.moments.square);
        to.number(self.moments.quartic);
        match &self.form {
            Form::Dual { rows, labels, values } => {
                to.length(0);
                for row in rows {
                    to.0.extend_from_slice(&row.to_le_bytes());
                }
                for label in labels {
                    to.0.extend_from_slice(&label.to_le_bytes());
                }
                to.numbers(values);
            }
            Form::Primal { gram } => {
                to.length(1);
                to.0.reserve(self.n_features * (self.n_features + 1) * 4);
                for column in 0..self.n_features {
                    to.numbers(gram.column(column));
                }
            }
        }
        let checksum = blake3::hash(&to.0);
        to.0.extend_from_slice(checksum.as_bytes());
        to.0
    }

    /// The statistics and the description that [`Statistics::to_bytes`] was given.
    ///
    /// # Errors
    /// [`ErrorKind::Malformed`] where the bytes are not statistics, or are truncated or damaged; [`ErrorKind::Unsupported`] for another version.
    pub fn from_bytes(bytes: &[u8]) -> Result<(Self, String)> {
        if !bytes.starts_with(MAGIC) {
            return Err(malformed("these are no saved statistics"));
        }
        let version = bytes
            .get(8..12)
            .and_then(|version| version.try_into().ok())
            .map(u32::from_le_bytes);
        match version {
            None => return Err(truncated()),
            Some(VERSION) => {}
            Some(other) => {
                return Err(Error::new(
                    ErrorKind::Unsupported,
                    format!(
                        "saved statistics of version {other} cannot be read, expected version {VERSION}; save them again"
                    ),
                ));
            }
        }
        let body = bytes
            .len()
            .checked_sub(CHECKSUM)
            .filter(|&body| body >= 12)
            .ok_or_else(truncated)?;
        if blake3::hash(&bytes[..body]).as_bytes() != &bytes[body..] {
            return Err(malformed(
                "the checksum of the saved statistics does not fit: the file is damaged or cut short; save them again",
            ));
        }
        let mut from = Reader(&bytes[12..body]);
        let statistics = from.statistics()?;
        if from.0.is_empty() {
            Ok(statistics)
        } else {
            Err(malformed("saved statistics are longer than they say"))
        }
    }
}

fn malformed(message: &str) -> Error {
    Error::new(ErrorKind::Malformed, message)
}

fn truncated() -> Error {
    malformed("the saved statistics are cut short; save them again")
}

struct Writer(Vec<u8>);

impl Writer {
    fn length(&mut self, length: usize) {
        self.0
            .extend_from_slice(&u64::try_from(length).unwrap_or(u64::MAX).to_le_bytes());
    }

    fn number(&mut self, number: f64) {
        self.0.extend_from_slice(&number.to_le_bytes());
    }

    fn numbers(&mut self, numbers: &[f64]) {
        for &number in numbers {
            self.number(number);
        }
    }
}

/// Features are f32, so a sum of their products over 2⁶⁴ samples is below this. Eigenvalues, traces and their ratios then stay finite.
const LARGEST_PRODUCT: f64 = 1e100;

struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn bytes(&mut self, length: usize) -> Result<&[u8]> {
        let (head, tail) = self.0.split_at_checked(length).ok_or_else(truncated)?;
        self.0 = tail;
        Ok(head)
    }

    fn length(&mut self) -> Result<usize> {
        let bytes: [u8; 8] = self.bytes(8)?.try_into().map_err(|_| truncated())?;
        usize::try_from(u64::from_le_bytes(bytes)).map_err(|_| truncated())
    }

    fn number(&mut self) -> Result<f64> {
        let bytes: [u8; 8] = self.bytes(8)?.try_into().map_err(|_| truncated())?;
        let number = f64::from_le_bytes(bytes);
        if number.is_finite() {
            Ok(number)
        } else {
            Err(malformed("saved statistics hold a number that is not finite"))
        }
    }

    fn numbers(&mut self, count: usize) -> Result<Vec<f64>> {
        if count.checked_mul(8).is_none_or(|size| size > self.0.len()) {
            return Err(truncated());
        }
        (0..count).map(|_| self.number()).collect()
    }

    fn statistics(&mut self) -> Result<(Statistics, String)> {
        let length = self.length()?;
        let description = String::from_utf8(self.bytes(length)?.to_vec())
            .map_err(|_| malformed("the description of the saved statistics is no text"))?;
        let (n, d) = (self.length()?, self.length()?);
        // Any d has at least its moments in the file.
        if d == 0 || d.checked_mul(24).is_none_or(|size| size > self.0.len()) {
            return Err(truncated());
        }
        let matrix_error = self.number()?;
        let columns = self.columns(d, n)?;
        let (origin, sum, cubic) = (self.numbers(d)?, self.numbers(d)?, self.numbers(d)?);
        let moments = Moments {
            origin,
            n_samples: n,
            sum,
            square: self.number()?,
            cubic,
            quartic: self.number()?,
        };
        let form = self.form(n, d, &columns)?;
        let statistics = Statistics {
            n_samples: n,
            n_features: d,
            columns,
            moments,
            form,
            precision: Precision::Double,
            matrix_error,
            checks: super::fast::Checks::default(),
            wide: super::strips::Wide::default(),
        };
        Ok((statistics, description))
    }

    fn columns(&mut self, d: usize, n: usize) -> Result<Columns> {
        let is_numbers = self.length()? == 1;
        let declared = self.length()?;
        if is_numbers {
            let squares = self.numbers(declared)?;
            let size = declared.checked_mul(d).ok_or_else(truncated)?;
            return Ok(Columns::Numbers {
                squares,
                sums: self.numbers(size)?,
            });
        }
        let count = self.length()?;
        let (mut slots, mut counts, mut sums) = (BTreeMap::new(), Vec::new(), Vec::new());
        for slot in 0..count {
            let class = u32::try_from(self.length()?).map_err(|_| malformed("a saved class has no number"))?;
            if usize::try_from(class).map_or(true, |class| class >= declared) || slots.insert(class, slot).is_some() {
                return Err(malformed("a saved class lies outside the classes, or comes twice"));
            }
            counts.push(self.length()?);
            sums.extend(self.numbers(d)?);
        }
        if counts.iter().try_fold(0_usize, |sum, &count| sum.checked_add(count)) != Some(n) {
            return Err(malformed("the saved classes do not add up to the samples"));
        }
        Ok(Columns::Classes {
            n_classes: declared,
            slots,
            counts,
            sums,
        })
    }

    fn form(&mut self, n: usize, d: usize, columns: &Columns) -> Result<Form> {
        if self.length()? == 1 {
            let size = d.checked_mul(d + 1).and_then(|twice| twice.checked_mul(4));
            if size.is_none_or(|size| size > self.0.len()) {
                return Err(truncated());
            }
            let mut gram = Triangle::zeros(d);
            for column in 0..d {
                for entry in gram.column_mut(column) {
                    *entry = self.number()?;
                    if entry.abs() > LARGEST_PRODUCT {
                        return Err(malformed(
                            "saved statistics hold a number that is larger than that of any features",
                        ));
                    }
                }
            }
            return Ok(Form::Primal { gram });
        }
        let size = n
            .checked_mul(d)
            .and_then(|size| size.checked_mul(4))
            .ok_or_else(truncated)?;
        let rows: Vec<f32> = floats(self.bytes(size)?);
        if rows.iter().any(|value| !value.is_finite()) {
            return Err(malformed("saved statistics hold a number that is not finite"));
        }
        let (mut labels, mut values) = (Vec::new(), Vec::new());
        match columns {
            Columns::Classes { n_classes, .. } => {
                let size = n.checked_mul(4).ok_or_else(truncated)?;
                labels = self
                    .bytes(size)?
                    .chunks_exact(4)
                    .map(|b| u32::from_le_bytes([b[0], b[1], b[2], b[3]]))
                    .collect();
                let outside = |&label: &u32| usize::try_from(label).map_or(true, |label| label >= *n_classes);
                if labels.iter().any(outside) {
                    return Err(malformed("a saved label lies outside the classes"));
                }
            }
            Columns::Numbers { squares, .. } => {
                values = self.numbers(n.checked_mul(squares.len()).ok_or_else(truncated)?)?;
            }
        }
        Ok(Form::Dual { rows, labels, values })
    }
}

fn floats(bytes: &[u8]) -> Vec<f32> {
    bytes
        .chunks_exact(4)
        .map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::features::FeatureView;
    use crate::targets::Targets;

    fn statistics(n: usize) -> Statistics {
        let rows: Vec<f32> = (0..n * 4).map(|i| ((i * 37 % 101) as f32).sin()).collect();
        let labels: Vec<u32> = (0..n).map(|i| if i % 3 == 0 { 5 } else { 2 }).collect();
        Statistics::of(
            &FeatureView::new(&rows, n, 4).unwrap(),
            &Targets::classes(&labels, 7).unwrap(),
        )
        .unwrap()
    }

    #[test]
    fn both_forms_read_back_as_they_were_written() {
        for n in [3, 20] {
            let bytes = statistics(n).to_bytes("three cats");
            let (back, description) = Statistics::from_bytes(&bytes).unwrap();
            assert_eq!(description, "three cats");
            assert_eq!(back.is_dual(), n == 3);
            assert_eq!(back.to_bytes("three cats"), bytes);
        }
        let values: Vec<f64> = (0..20).map(f64::from).collect();
        let rows: Vec<f32> = (0..30).map(|i| (i as f32).cos()).collect();
        let view = FeatureView::new(&rows, 10, 3).unwrap();
        let numbers = Statistics::of(&view, &Targets::columns(&values, 2).unwrap()).unwrap();
        let bytes = numbers.to_bytes("");
        assert_eq!(Statistics::from_bytes(&bytes).unwrap().0.to_bytes(""), bytes);
    }

    #[test]
    fn every_cut_and_every_flipped_byte_is_an_error() {
        let bytes = statistics(20).to_bytes("x");
        for length in 0..bytes.len() {
            assert!(Statistics::from_bytes(&bytes[..length]).is_err(), "cut to {length}");
        }
        for at in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[at] ^= 0x40;
            assert!(Statistics::from_bytes(&damaged).is_err(), "byte {at}");
        }
    }

    #[test]
    fn another_version_is_named() {
        let mut bytes = statistics(3).to_bytes("");
        bytes[8] = 9;
        let error = Statistics::from_bytes(&bytes).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert!(error.to_string().contains("version 9"), "{error}");
    }

    #[test]
    fn sizes_beyond_the_file_are_errors_even_with_a_right_checksum() {
        let mut bytes = statistics(3).to_bytes("");
        bytes.truncate(bytes.len() - CHECKSUM);
        // n and d follow the empty description.
        bytes[28..36].copy_from_slice(&(1_u64 << 40).to_le_bytes());
        let checksum = *blake3::hash(&bytes).as_bytes();
        bytes.extend_from_slice(&checksum);
        assert_eq!(Statistics::from_bytes(&bytes).unwrap_err().kind(), ErrorKind::Malformed);
    }
}
