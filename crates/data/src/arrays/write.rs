//! Writing features, for other tools and for `ranktune score`.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::Path;

use safetensors::Dtype;
use safetensors::tensor::TensorView;

use super::Matrix;
use crate::{Error, Result, Targets};

/// What [`write_safetensors`] writes.
#[derive(Clone, Debug)]
pub struct Export<'a> {
    /// `features` `[n, d]`, F32.
    pub features: &'a Matrix,
    /// `labels` `[n]`, I64, for classes; `targets` `[n, c]`, F64, otherwise.
    pub targets: &'a Targets,
    /// `probabilities` `[n, z]`, F32.
    pub probabilities: Option<&'a Matrix>,
    /// Key-value pairs in the header.
    pub metadata: HashMap<String, String>,
}

/// Writes features, targets and probabilities as safetensors; the file is there whole or not at all.
///
/// # Errors
/// `Io` where the file cannot be written.
pub fn write_safetensors(path: &Path, export: &Export<'_>) -> Result<()> {
    let floats = |matrix: &Matrix| {
        matrix
            .values
            .iter()
            .flat_map(|value| value.to_le_bytes())
            .collect::<Vec<u8>>()
    };
    let doubles = |values: &[f64]| values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>();
    let shape = |matrix: &Matrix| vec![matrix.n_rows, matrix.n_columns];
    let mut tensors = vec![("features", Dtype::F32, shape(export.features), floats(export.features))];
    let n = export.targets.n_samples();
    match export.targets {
        Targets::Classes { labels, .. } => {
            let bytes = labels
                .iter()
                .flat_map(|label| i64::from(*label).to_le_bytes())
                .collect();
            tensors.push(("labels", Dtype::I64, vec![n], bytes));
        }
        Targets::MultiLabel { names, rows } => {
            let mut values = vec![0.0; n * names.len()];
            for (row, labels) in rows.iter().enumerate() {
                for label in labels.iter().filter_map(|label| usize::try_from(*label).ok()) {
                    values[row * names.len() + label] = 1.0;
                }
            }
            tensors.push(("targets", Dtype::F64, vec![n, names.len()], doubles(&values)));
        }
        Targets::Regression { names, values } => {
            tensors.push(("targets", Dtype::F64, vec![n, names.len()], doubles(values)))
        }
    }
    if let Some(probabilities) = export.probabilities {
        tensors.push(("probabilities", Dtype::F32, shape(probabilities), floats(probabilities)));
    }
    let broken = |source| {
        Error::invalid("the tensors do not fit their shapes")
            .in_file(path)
            .caused_by(source)
    };
    let views = tensors
        .iter()
        .map(|(name, dtype, shape, bytes)| Ok((*name, TensorView::new(*dtype, shape.clone(), bytes).map_err(broken)?)))
        .collect::<Result<Vec<_>>>()?;
    whole(path, |partial| {
        safetensors::serialize_to_file(views, Some(export.metadata.clone()), partial).map_err(broken)
    })
}

/// Writes a matrix as `.npy`; the file is there whole or not at all.
///
/// # Errors
/// `Io` where the file cannot be written.
pub fn write_npy(path: &Path, matrix: &Matrix) -> Result<()> {
    whole(path, |partial| {
        let cannot = |source| Error::io("cannot be written", path, source);
        let mut header = format!(
            "{{'descr': '<f4', 'fortran_order': False, 'shape': ({}, {}), }}",
            matrix.n_rows, matrix.n_columns
        );
        // The elements begin at a multiple of 64 bytes, so that a reader may map them.
        while !(header.len() + 11).is_multiple_of(64) {
            header.push(' ');
        }
        header.push('\n');
        let length = u16::try_from(header.len()).unwrap_or(u16::MAX).to_le_bytes();
        let mut file = BufWriter::new(File::create(partial).map_err(cannot)?);
        let head = [b"\x93NUMPY\x01\x00".as_slice(), &length, header.as_bytes()].concat();
        file.write_all(&head).map_err(cannot)?;
        for value in &matrix.values {
            file.write_all(&value.to_le_bytes()).map_err(cannot)?;
        }
        file.into_inner()
            .map_err(|error| cannot(error.into_error()))?
            .sync_all()
            .map_err(cannot)
    })
}

/// Writes under a temporary name beside `path`, then renames.
fn whole(path: &Path, write: impl FnOnce(&Path) -> Result<()>) -> Result<()> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let partial = path.with_file_name(format!(".{name}.{}", std::process::id()));
    let written = write(&partial)
        .and_then(|()| fs::rename(&partial, path).map_err(|source| Error::io("cannot be written", path, source)));
    if written.is_err() {
        // Nothing to do if even this fails: the error that is returned says more.
        let _ = fs::remove_file(&partial);
    }
    written
}
