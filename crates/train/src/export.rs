//! The trained model as it is written: regression in the data's units, any batch size, the input sizes of training.

use ranktune_onnx::{Dim, Model, Tensor};

use crate::batch_targets::Standardization;
use crate::error::{Error, Result};
use ranktune_nn::TrainableGraph;
use ranktune_nn::head::{BIAS, WEIGHT};

/// `model` with the values of `graph`, which was made from it. `input_shapes` are those of training.
pub(crate) fn exported(
    model: &Model,
    graph: &TrainableGraph,
    standard: Option<&Standardization>,
    input_shapes: &[(String, Vec<usize>)],
) -> Result<Model> {
    let mut model = model.clone();
    graph.write_back(&mut model)?;
    if let Some(standard) = standard {
        fold(&mut model, standard)?;
    }
    set_input_shapes(&mut model, input_shapes);
    Ok(model)
}

/// Opens the batch size of the model's inputs, and sets the other sizes to those of training.
pub(crate) fn set_input_shapes(model: &mut Model, input_shapes: &[(String, Vec<usize>)]) {
    for input in &mut model.graph.inputs {
        let Some(shape) = &mut input.shape else { continue };
        let dims = input_shapes
            .iter()
            .find(|(name, _)| *name == input.name)
            .map(|(_, dims)| dims);
        for (axis, dim) in shape.iter_mut().enumerate() {
            let trained = dims.and_then(|dims| dims.get(axis)).copied();
            match (axis, &dim, trained) {
                (0, Dim::Fixed(_), _) => *dim = Dim::Named("batch".to_owned()),
                (_, Dim::Fixed(size), Some(trained)) if *size != trained => *dim = Dim::Fixed(trained),
                _ => {}
            }
        }
    }
    // Inner shapes of the original file hold for its batch size and image size only.
    model.graph.value_info.clear();
}

/// Folds `z s + μ` into the weight and bias of the head.
fn fold(model: &mut Model, standard: &Standardization) -> Result<()> {
    let missing = || Error::model("regression needs a head made by with_head, and the model has none");
    let initializers = &mut model.graph.initializers;
    let weight = initializers.get(WEIGHT).ok_or_else(missing)?;
    let bias = initializers.get(BIAS).ok_or_else(missing)?;
    let (dims, bias_dims) = (weight.dims.clone(), bias.dims.clone());
    let (mut w, mut b) = (
        weight.to_f32_vec().ok_or_else(missing)?,
        bias.to_f32_vec().ok_or_else(missing)?,
    );
    let columns = standard.mean.len();
    if dims.len() != 2 || dims[0] != columns || b.len() != columns {
        return Err(Error::model(format!(
            "the head has shape {dims:?}, expected {columns} outputs"
        )));
    }
    for (row, deviation) in w.chunks_exact_mut(dims[1]).zip(&standard.deviation) {
        row.iter_mut().for_each(|value| *value *= deviation);
    }
    for ((value, deviation), mean) in b.iter_mut().zip(&standard.deviation).zip(&standard.mean) {
        *value = *value * deviation + mean;
    }
    let broken = |error| Error::model("the head cannot be written").caused_by(error);
    initializers.insert(WEIGHT.to_owned(), Tensor::from_f32(&dims, &w).map_err(broken)?);
    initializers.insert(BIAS.to_owned(), Tensor::from_f32(&bias_dims, &b).map_err(broken)?);
    Ok(())
}
