//! The trained model as a file's content: regression in the data's units, any batch size, the sizes that were trained on.

use ranktune_onnx::{Dim, Model, Tensor};

use super::prepared::Standard;
use ranktune_nn::head::{BIAS, WEIGHT};
use ranktune_nn::{Error, Result, TrainableGraph};

/// `model` with the values of `graph`, which was made from it. `fed` are the shapes that its inputs were trained with.
pub(super) fn written(
    model: &Model,
    graph: &TrainableGraph,
    standard: Option<&Standard>,
    fed: &[(String, Vec<usize>)],
) -> Result<Model> {
    let mut model = model.clone();
    graph.write_back(&mut model)?;
    if let Some(standard) = standard {
        fold(&mut model, standard)?;
    }
    open(&mut model, fed);
    Ok(model)
}

/// Any batch size, and the other sizes that were trained on.
pub(super) fn open(model: &mut Model, fed: &[(String, Vec<usize>)]) {
    for input in &mut model.graph.inputs {
        let Some(shape) = &mut input.shape else { continue };
        let dims = fed.iter().find(|(name, _)| *name == input.name).map(|(_, dims)| dims);
        for (axis, dim) in shape.iter_mut().enumerate() {
            let trained = dims.and_then(|dims| dims.get(axis)).copied();
            match (axis, &dim, trained) {
                (0, Dim::Fixed(_), _) => *dim = Dim::Named("batch".to_owned()),
                (_, Dim::Fixed(size), Some(trained)) if *size != trained => *dim = Dim::Fixed(trained),
                _ => {}
            }
        }
    }
    // What the file said of values in between was for one batch size and one image size.
    model.graph.value_info.clear();
}

/// `z s + μ` as weight and bias of the head.
fn fold(model: &mut Model, standard: &Standard) -> Result<()> {
    let missing = || Error::invalid("regression needs the head that with_head makes, and the model has none");
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
        return Err(Error::shape(format!(
            "a head of shape {dims:?} does not have {columns} outputs"
        )));
    }
    for (row, deviation) in w.chunks_exact_mut(dims[1]).zip(&standard.deviation) {
        row.iter_mut().for_each(|value| *value *= deviation);
    }
    for ((value, deviation), mean) in b.iter_mut().zip(&standard.deviation).zip(&standard.mean) {
        *value = *value * deviation + mean;
    }
    let broken = |error| Error::invalid("the head cannot be written").caused_by(error);
    initializers.insert(WEIGHT.to_owned(), Tensor::from_f32(&dims, &w).map_err(broken)?);
    initializers.insert(BIAS.to_owned(), Tensor::from_f32(&bias_dims, &b).map_err(broken)?);
    Ok(())
}
