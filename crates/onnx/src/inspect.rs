//! What a model is, read off its graph: inputs, size, operators, batch, and what kind of data goes in.
//!
//! Nothing here looks at files beside the model: `preprocessor_config.json` and its like know more, and go first.

use std::collections::{BTreeMap, HashSet};

use crate::{DataType, Dim, Graph, Model, ValueInfo, shapes};

/// Order of the axes of an image input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// `[N, C, H, W]`
    ChannelsFirst,
    /// `[N, H, W, C]`
    ChannelsLast,
}

/// The kind of data a model takes.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Modality {
    /// One floating-point (or 8-bit) input of rank 4 with one, three or four channels.
    Image {
        /// The input's name.
        input: String,
        /// Order of its axes.
        layout: Layout,
        /// Its channels; `None` when the graph leaves them open.
        channels: Option<usize>,
        /// Its height, where fixed.
        height: Option<usize>,
        /// Its width, where fixed.
        width: Option<usize>,
    },
    /// Integer token ids `[N, sequence]`.
    Text {
        /// The token ids.
        input_ids: String,
        /// The mask of real tokens, if the model takes one.
        attention_mask: Option<String>,
        /// The segment of each token, if the model takes it.
        token_type_ids: Option<String>,
        /// Length of the sequences, where fixed.
        sequence: Option<usize>,
    },
    /// One floating-point input `[N, d]`.
    Vector {
        /// The input's name.
        input: String,
        /// Its length, where fixed.
        length: Option<usize>,
    },
    /// Anything else.
    Other,
}

/// How many samples the graph takes at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Batch {
    /// Any number.
    Dynamic,
    /// This many and no other: the graph was exported with a fixed batch size.
    Fixed(usize),
}

/// How a model's weights are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weights {
    /// In single (or double) precision.
    Float32,
    /// In half precision; they are widened before they are used.
    Float16,
    /// As small whole numbers with scales: the model runs, and cannot be trained.
    Quantized,
}

impl Weights {
    /// `float32`, `float16` or `quantized`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Float32 => "float32",
            Self::Float16 => "float16",
            Self::Quantized => "quantized",
        }
    }
}

/// What [`inspect`] finds.
#[derive(Clone, Debug)]
pub struct Inspection {
    /// What a caller feeds.
    pub inputs: Vec<ValueInfo>,
    /// What comes out.
    pub outputs: Vec<ValueInfo>,
    /// Number of trained values, as [`Model::parameters`] counts them.
    pub parameters: u64,
    /// How often each operator occurs, those of other domains as `domain::Operator`; bodies of `If` and `Loop` count.
    pub operators: BTreeMap<String, usize>,
    /// Version of the standard operator set.
    pub opset: i64,
    /// How the weights are kept.
    pub weights: Weights,
    /// Samples at once.
    pub batch: Batch,
    /// Kind of data.
    pub modality: Modality,
}

/// Reads off `model` what it is.
pub fn inspect(model: &Model) -> Inspection {
    let mut operators = BTreeMap::new();
    count_operators(&model.graph, &mut operators);
    Inspection {
        inputs: model.graph.inputs.clone(),
        outputs: model.graph.outputs.clone(),
        parameters: model.parameters(),
        weights: weights(model, &operators),
        operators,
        opset: model.opset(),
        batch: batch(model),
        modality: modality(&model.graph),
    }
}

impl Model {
    /// Number of trained values: the elements of all floating-point constants of rank 1 and more, except the running
    /// statistics of BatchNormalization. This is PyTorch's count of parameters, less what an exporter folded away.
    pub fn parameters(&self) -> u64 {
        fn count(graph: &Graph) -> u64 {
            let nodes = graph.nodes.iter();
            let normalizations = nodes.clone().filter(|node| node.is("BatchNormalization"));
            let statistics: HashSet<&str> = normalizations
                .flat_map(|node| [node.input(3), node.input(4)])
                .flatten()
                .collect();
            let constants = nodes
                .clone()
                .filter(|node| node.is("Constant"))
                .filter_map(|node| node.tensor("value"));
            let initializers = graph
                .initializers
                .iter()
                .filter(|(name, _)| !statistics.contains(name.as_str()));
            let tensors = initializers.map(|(_, tensor)| tensor).chain(constants);
            let weights = tensors.filter(|tensor| tensor.data_type.is_float() && !tensor.dims.is_empty());
            let own: u64 = weights.map(|tensor| tensor.len() as u64).sum();
            own + nodes.flat_map(|node| node.subgraphs()).map(count).sum::<u64>()
        }
        count(&self.graph)
    }
}

/// Quantized models are told by the operators that work on whole numbers, half precision by where most of the weights are.
fn weights(model: &Model, operators: &BTreeMap<String, usize>) -> Weights {
    let is_quantizing = |name: &String| {
        let name = name.rsplit("::").next().unwrap_or(name);
        name.starts_with("QLinear")
            || name.ends_with("Integer")
            || name.ends_with("QuantizeLinear")
            || name.ends_with("NBits")
            || name == "DequantizeLinear"
            || name == "QGemm"
    };
    if operators.keys().any(is_quantizing) {
        return Weights::Quantized;
    }
    let (mut half, mut single) = (0usize, 0usize);
    for tensor in model.graph.initializers.values() {
        match tensor.data_type {
            DataType::F16 | DataType::BF16 => half = half.saturating_add(tensor.len()),
            data_type if data_type.is_float() => single = single.saturating_add(tensor.len()),
            _ => {}
        }
    }
    if half > single {
        Weights::Float16
    } else {
        Weights::Float32
    }
}

fn count_operators(graph: &Graph, operators: &mut BTreeMap<String, usize>) {
    for node in &graph.nodes {
        let name = match node.domain.as_str() {
            "" => node.op_type.clone(),
            domain => format!("{domain}::{}", node.op_type),
        };
        *operators.entry(name).or_default() += 1;
        node.subgraphs().for_each(|body| count_operators(body, operators));
    }
}

/// The batch axis is the first one of the first input that has one. Where it is open, the graph may still hold it
/// fixed inside, as by a `Reshape` to `[1, …]`; then all outputs have that size whatever the input's is.
pub(crate) fn batch(model: &Model) -> Batch {
    let first = model
        .graph
        .inputs
        .iter()
        .find_map(|input| input.shape.as_ref()?.first());
    if let Some(&Dim::Fixed(size)) = first {
        return Batch::Fixed(size);
    }
    let Ok(shapes) = shapes::infer(model) else {
        return Batch::Dynamic;
    };
    let outputs = model.graph.outputs.iter().map(|output| shapes.shape(&output.name));
    let sizes: Option<Vec<usize>> = outputs
        .map(|shape| shape.filter(|shape| shape.len() > 1)?[0].fixed())
        .collect();
    match sizes.as_deref() {
        Some([size, rest @ ..]) if rest.iter().all(|other| other == size) => Batch::Fixed(*size),
        _ => Batch::Dynamic,
    }
}

fn modality(graph: &Graph) -> Modality {
    text(graph)
        .or_else(|| image(graph))
        .or_else(|| vector(graph))
        .unwrap_or(Modality::Other)
}

fn text(graph: &Graph) -> Option<Modality> {
    let tokens = |input: &&ValueInfo| {
        matches!(input.data_type, Some(DataType::I64 | DataType::I32))
            && input.shape.as_ref().is_none_or(|shape| shape.len() == 2)
    };
    let named = |part: &str| {
        let mut inputs = graph.inputs.iter().filter(tokens);
        inputs.find(|input| input.name.to_ascii_lowercase().contains(part))
    };
    let name = |input: &ValueInfo| input.name.clone();
    let mask = named("mask");
    let segments = named("token_type").or_else(|| named("segment"));
    // Without a telling name, a single input of integers is taken for the tokens.
    let only = || {
        (graph.inputs.len() == 1)
            .then(|| graph.inputs.iter().find(tokens))
            .flatten()
    };
    let ids = named("input_ids").or_else(|| named("tokens")).or_else(only)?;
    Some(Modality::Text {
        input_ids: name(ids),
        attention_mask: mask.map(name),
        token_type_ids: segments.map(name),
        sequence: ids.shape.as_ref().and_then(|shape| shape.get(1)?.fixed()),
    })
}

fn image(graph: &Graph) -> Option<Modality> {
    let [input] = graph.inputs.as_slice() else {
        return None;
    };
    if !input
        .data_type
        .is_some_and(|data_type| data_type.is_float() || data_type == DataType::U8)
    {
        return None;
    }
    let [_, first, middle, last] = input.shape.as_deref()? else {
        return None;
    };
    let channels = |dim: &Dim| matches!(dim, Dim::Fixed(1 | 3 | 4));
    // Where the graph leaves the channels open, the common order is assumed, and the weights will tell how many.
    let (layout, channels, height, width) = if channels(first) || (!channels(last) && first.fixed().is_none()) {
        (Layout::ChannelsFirst, first, middle, last)
    } else if channels(last) {
        (Layout::ChannelsLast, last, first, middle)
    } else {
        return None;
    };
    Some(Modality::Image {
        input: input.name.clone(),
        layout,
        channels: channels.fixed(),
        height: height.fixed(),
        width: width.fixed(),
    })
}

fn vector(graph: &Graph) -> Option<Modality> {
    let [input] = graph.inputs.as_slice() else {
        return None;
    };
    let [_, length] = input.shape.as_deref()? else {
        return None;
    };
    input.data_type?.is_float().then(|| Modality::Vector {
        input: input.name.clone(),
        length: length.fixed(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image_input(shape: &[Dim]) -> Modality {
        let input = ValueInfo {
            name: "x".to_owned(),
            data_type: Some(DataType::F32),
            shape: Some(shape.to_vec()),
        };
        modality(&Graph {
            inputs: vec![input],
            ..Graph::default()
        })
    }

    #[test]
    fn the_layout_of_an_image_is_told_by_its_channels() {
        let batch = || Dim::Named("batch".to_owned());
        let size = Dim::Fixed;
        let layout = |shape: &[Dim]| match image_input(shape) {
            Modality::Image { layout, channels, .. } => Some((layout, channels)),
            _ => None,
        };
        assert_eq!(
            layout(&[batch(), size(3), size(8), size(8)]),
            Some((Layout::ChannelsFirst, Some(3)))
        );
        assert_eq!(
            layout(&[batch(), size(8), size(8), size(3)]),
            Some((Layout::ChannelsLast, Some(3)))
        );
        assert_eq!(
            layout(&[batch(), Dim::Unknown, size(3), size(3)]),
            Some((Layout::ChannelsLast, Some(3)))
        );
        assert_eq!(
            layout(&[batch(), Dim::Unknown, batch(), batch()]),
            Some((Layout::ChannelsFirst, None))
        );
        assert_eq!(layout(&[batch(), size(64), size(8), size(8)]), None);
    }
}
