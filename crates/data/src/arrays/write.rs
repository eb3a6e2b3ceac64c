//! Writing matrices: `.npy`, and `.safetensors` with the targets and their names.
//!
//! Files are written atomically, and the same content gives the same bytes.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::Path;

use ranktune_core::files::write_atomically_with;
use serde_json::{Map, Value, json};

use super::described::{NAMES, TASK};
use super::reader::MatrixRef;
use crate::{DatasetTargets, Error, Result};

/// Features with their targets and probabilities, for [`write_safetensors`].
#[derive(Clone, Debug)]
pub struct FeatureFile<'a> {
    /// `[n, d]`, written as `features`.
    pub features: MatrixRef<'a>,
    /// `n` targets: classes and tags are written as `labels`, i64 `[n]`; multi-label as `labels`, u8 `[n, c]`; regression as
    /// `targets`, f64 `[n, c]`. Task and names are written to the metadata, which [`super::read_targets`] reads.
    pub targets: Option<&'a DatasetTargets>,
    /// `[n, z]`, written as `probabilities`.
    pub probabilities: Option<MatrixRef<'a>>,
    /// Further metadata.
    pub metadata: BTreeMap<String, String>,
}

/// Writes a matrix as `.npy`: f32, little-endian, row-major.
///
/// # Errors
/// `Invalid` if `data` does not have `rows × cols` numbers, `Io` if the file cannot be written.
pub fn write_npy(path: &Path, matrix: MatrixRef<'_>) -> Result<()> {
    check(matrix, matrix.rows, "matrix").map_err(|error| error.in_file(path))?;
    let mut header = format!(
        "{{'descr': '<f4', 'fortran_order': False, 'shape': ({}, {}), }}",
        matrix.rows, matrix.cols
    );
    // Magic, version and length are 10 bytes; the header ends with a line end on a multiple of 64.
    let padded = (10 + header.len() + 1).next_multiple_of(64) - 11;
    header = format!("{header:padded$}\n");
    save(path, |out| {
        out.write_all(b"\x93NUMPY\x01\x00")?;
        let length = u16::try_from(header.len()).map_err(|_| io::ErrorKind::InvalidInput)?;
        out.write_all(&length.to_le_bytes())?;
        out.write_all(header.as_bytes())?;
        write_f32(out, matrix.data)
    })
}

/// Writes features, with optional targets and probabilities, as `.safetensors`.
///
/// # Errors
/// `Invalid` if numbers of rows differ or `data` does not match its shape, `Io` if the file cannot be written.
pub fn write_safetensors(path: &Path, file: &FeatureFile<'_>) -> Result<()> {
    let n = file.features.rows;
    let mut tensors = vec![Tensor {
        name: "features",
        shape: vec![n, file.features.cols],
        data: Data::F32(file.features.data),
    }];
    let in_file = |error: Error| error.in_file(path);
    check(file.features, n, "features").map_err(in_file)?;
    if let Some(probabilities) = file.probabilities {
        check(probabilities, n, "probabilities").map_err(in_file)?;
        tensors.push(Tensor {
            name: "probabilities",
            shape: vec![n, probabilities.cols],
            data: Data::F32(probabilities.data),
        });
    }
    let mut metadata: BTreeMap<&str, String> = BTreeMap::new();
    for (key, value) in &file.metadata {
        metadata.insert(key, value.clone());
    }
    if let Some(targets) = file.targets {
        if targets.n_predicted() != n {
            let message = format!("features have {n} rows but targets have {}", targets.n_predicted());
            return Err(in_file(Error::invalid(message)));
        }
        tensors.push(Tensor::of_targets(targets));
        metadata.insert(TASK, targets.task().name().to_owned());
        metadata.insert(NAMES, json!(targets.names()).to_string());
    }
    // The widest elements come first, which aligns every tensor.
    tensors.sort_by_key(|tensor| std::cmp::Reverse(tensor.data.size()));

    let mut header = Map::new();
    if !metadata.is_empty() {
        header.insert("__metadata__".to_owned(), json!(metadata));
    }
    let mut offset = 0;
    for tensor in &tensors {
        let end = offset + tensor.data.len() * tensor.data.size();
        let entry = json!({"dtype": tensor.data.dtype(), "shape": tensor.shape, "data_offsets": [offset, end]});
        header.insert(tensor.name.to_owned(), entry);
        offset = end;
    }
    let header = Value::Object(header).to_string();
    let padded = header.len().next_multiple_of(8);
    save(path, |out| {
        out.write_all(&(padded as u64).to_le_bytes())?;
        out.write_all(header.as_bytes())?;
        out.write_all(&b"       "[..padded - header.len()])?;
        tensors.iter().try_for_each(|tensor| tensor.data.write(out))
    })
}

struct Tensor<'a> {
    name: &'static str,
    shape: Vec<usize>,
    data: Data<'a>,
}

enum Data<'a> {
    F32(&'a [f32]),
    F64(&'a [f64]),
    I64(Cow<'a, [u32]>),
    U8(Vec<u8>),
}

impl<'a> Tensor<'a> {
    fn of_targets(targets: &'a DatasetTargets) -> Self {
        let n = targets.n_samples();
        match targets {
            DatasetTargets::Classes { labels, .. } => Self {
                name: "labels",
                shape: vec![n],
                data: Data::I64(Cow::Borrowed(labels)),
            },
            DatasetTargets::MultiLabel { names, rows } => {
                let c = names.len();
                let mut hot = vec![0; n * c];
                for (i, row) in rows.iter().enumerate() {
                    for label in row {
                        hot[i * c + *label as usize] = 1;
                    }
                }
                Self {
                    name: "labels",
                    shape: vec![n, c],
                    data: Data::U8(hot),
                }
            }
            DatasetTargets::Regression { names, values } => Self {
                name: "targets",
                shape: vec![n, names.len()],
                data: Data::F64(values),
            },
            // Features have one row per word.
            DatasetTargets::Tags { sentences, .. } => Self {
                name: "labels",
                shape: vec![targets.n_predicted()],
                data: Data::I64(Cow::Owned(sentences.concat())),
            },
        }
    }
}

impl Data<'_> {
    fn dtype(&self) -> &'static str {
        match self {
            Self::F32(_) => "F32",
            Self::F64(_) => "F64",
            Self::I64(_) => "I64",
            Self::U8(_) => "U8",
        }
    }

    fn size(&self) -> usize {
        match self {
            Self::F64(_) | Self::I64(_) => 8,
            Self::F32(_) => 4,
            Self::U8(_) => 1,
        }
    }

    fn len(&self) -> usize {
        match self {
            Self::F32(values) => values.len(),
            Self::F64(values) => values.len(),
            Self::I64(values) => values.len(),
            Self::U8(values) => values.len(),
        }
    }

    fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        match self {
            Self::F32(values) => write_f32(out, values),
            Self::F64(values) => values.iter().try_for_each(|value| out.write_all(&value.to_le_bytes())),
            Self::I64(values) => values
                .iter()
                .try_for_each(|value| out.write_all(&i64::from(*value).to_le_bytes())),
            Self::U8(values) => out.write_all(values),
        }
    }
}

fn write_f32(out: &mut dyn Write, values: &[f32]) -> io::Result<()> {
    let mut bytes = Vec::with_capacity(1 << 16);
    for block in values.chunks(1 << 14) {
        bytes.clear();
        block
            .iter()
            .for_each(|value| bytes.extend_from_slice(&value.to_le_bytes()));
        out.write_all(&bytes)?;
    }
    Ok(())
}

fn check(matrix: MatrixRef<'_>, rows: usize, what: &str) -> Result<()> {
    if matrix.rows != rows {
        return Err(Error::invalid(format!(
            "features have {rows} rows but {what} have {}",
            matrix.rows
        )));
    }
    if matrix.rows.checked_mul(matrix.cols) != Some(matrix.data.len()) {
        let message = format!(
            "expected {} × {} numbers of the {what}, got {}",
            matrix.rows,
            matrix.cols,
            matrix.data.len()
        );
        return Err(Error::invalid(message));
    }
    Ok(())
}

fn save(path: &Path, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<()> {
    write_atomically_with(path, write).map_err(|source| Error::io("cannot be written", path, source))
}
