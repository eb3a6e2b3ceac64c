//! Reads only the targets of a table, for features that were extracted elsewhere.

use std::path::Path;

use super::options::LoadOptions;
use super::target_column::TargetColumn;
use super::{columns, infer, notation, table};
use crate::{DatasetTargets, Error, Inference, Result, Task};

/// The targets of the rows of a table, from the given column or the usual one. No target may be missing, because the rows
/// correspond to the rows of a feature file.
pub(crate) fn table_targets(
    path: &Path,
    column: Option<&str>,
    task: Option<Task>,
) -> Result<(DatasetTargets, Inference)> {
    let options = LoadOptions {
        targets: column.map(str::to_owned).into_iter().collect(),
        ..LoadOptions::default()
    };
    read(path, &options, task).map_err(|error| error.in_file(path))
}

fn read(path: &Path, options: &LoadOptions, task: Option<Task>) -> Result<(DatasetTargets, Inference)> {
    let table = table::open(path)?;
    let wanted = columns::targets(table.columns(), &options.targets)?;
    let unit = table.unit();
    let mut found: Vec<TargetColumn> = wanted
        .iter()
        .map(|&column| {
            let mut target = TargetColumn::new(&table.columns()[column]);
            target.class_names = table.class_names(column);
            target.is_untyped = table.is_untyped();
            target
        })
        .collect();
    let mut positions = Vec::new();
    table.read(&wanted, &mut |position, cells| {
        for (cell, column) in cells.iter().zip(&mut found) {
            column.push(cell).map_err(|what| {
                let place = format!("{unit} {position}, column {:?}", column.name);
                Error::invalid(format!("expected a text, number or list, found {what}")).at(place)
            })?;
        }
        positions.push(position);
        Ok(())
    })?;
    if positions.is_empty() {
        return Err(Error::invalid("the table has columns but no rows"));
    }
    let place = move |row: usize, column: &str| format!("{unit} {}, column {column:?}", positions[row]);
    let found = found
        .into_iter()
        .map(|column| infer::with_lists(column, options, &place))
        .collect::<Result<Vec<_>>>()?;
    let mut notes = String::new();
    let found: Vec<TargetColumn> = found
        .into_iter()
        .map(|column| match notation::numbers(&column, options) {
            Some((numbers, note)) if matches!(task, None | Some(Task::Regression)) => {
                notes += &format!("; {note}");
                numbers
            }
            _ => column,
        })
        .collect();
    for column in &found {
        if let Some(row) = infer::missing(column).iter().position(|missing| *missing) {
            return Err(Error::invalid("the target is missing").at(place(row, &column.name)));
        }
    }
    let rows: Vec<usize> = (0..found.first().map_or(0, TargetColumn::n_rows)).collect();
    let (targets, mut inferred) = infer::targets(&found, &rows, task, &place)?;
    inferred.reason += &notes;
    Ok((targets, inferred))
}
