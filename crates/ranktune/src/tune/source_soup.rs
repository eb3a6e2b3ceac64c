//! The start of `source-soup`: the average of the target and its teachers, each with the same new head.

use ranktune_core::{Silent, counted, one_line};
use ranktune_data::Dataset;
use ranktune_onnx::Model;
use ranktune_train::{average, first_difference};

use super::network::{self, SourceHead};
use super::selection::ModelSelection;
use super::splits::DataSplits;
use crate::error::{Error, ErrorKind};

/// Averages `own`, the target with its new head, with the teachers. Returns the average, and the names of the models.
///
/// # Errors
/// [`ErrorKind::Arguments`] when a teacher has another architecture, with the first node or weight that differs, or when there is no
/// teacher but the target.
pub(crate) fn start(
    selection: &ModelSelection,
    own: &Model,
    (bias, seed): (&[f32], u64),
    (splits, dataset): (&DataSplits, &Dataset),
) -> Result<(Model, Vec<String>), Error> {
    let target = selection.target.name();
    let mut names = vec![target.to_owned()];
    let mut networks = Vec::new();
    for teacher in &selection.teachers {
        let model = &teacher.model;
        if model.name() == target {
            continue;
        }
        let samples = splits.training(model, &Silent)?;
        let head = (dataset.targets.names().len(), bias.to_vec());
        let network = network::network(model, head, (seed, SourceHead::Removed), samples.as_ref())?;
        if let Some(difference) = first_difference(own, &network) {
            let message = format!(
                "source-soup averages models of one architecture, and {target} and {} differ: {difference}; name models of \
                 one architecture with --teachers, or use b-tuning or stacked",
                model.name()
            );
            return Err(Error::new(ErrorKind::Arguments, message));
        }
        names.push(model.name().to_owned());
        networks.push(network);
    }
    if networks.is_empty() {
        let message = format!(
            "source-soup averages several models, and there is {} besides {target}; name others with --teachers",
            counted(0, "model")
        );
        return Err(Error::new(ErrorKind::Arguments, message));
    }
    let all: Vec<&Model> = std::iter::once(own).chain(&networks).collect();
    let averaged = average(&all).map_err(|error| Error::new(ErrorKind::Hub, one_line(&error)))?;
    Ok((averaged, names))
}
