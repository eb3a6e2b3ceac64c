//! A graph of images and texts, cut to the tower that the data need.

use ranktune_data::DataKind;
use ranktune_onnx::{Error, Model, ValueInfo, transform};

/// Cuts a graph that takes pixels and token ids to what depends on one of them: on the pixels where the data are images or not known,
/// else on the token ids. Returns a note on what is left; none for another graph.
///
/// # Errors
/// Those of [`transform::keep_inputs`], where the graph cannot be cut.
pub(super) fn cut_to(model: &mut Model, data: Option<DataKind>) -> Result<Option<String>, Error> {
    let inputs = &model.graph.inputs;
    if !inputs.iter().any(is_image)
        || !inputs.iter().any(is_tokens)
        || !inputs.iter().all(|i| is_image(i) || is_tokens(i))
    {
        return Ok(None);
    }
    let is_text = data.is_some_and(|data| data.is_text() || data.is_by_word());
    let wanted: fn(&ValueInfo) -> bool = if is_text { is_tokens } else { is_image };
    if !transform::keep_inputs(model, wanted)? {
        return Ok(None);
    }
    let outputs: Vec<&str> = model.graph.outputs.iter().map(|output| output.name.as_str()).collect();
    Ok(Some(format!(
        "the graph takes images and texts; its tower of {} is used ({})",
        if is_text { "texts" } else { "images" },
        outputs.join(", ")
    )))
}

fn rank(input: &ValueInfo) -> Option<usize> {
    input.shape.as_ref().map(Vec::len)
}

fn is_image(input: &ValueInfo) -> bool {
    rank(input) == Some(4) && input.data_type.is_some_and(|data_type| data_type.is_float())
}

fn is_tokens(input: &ValueInfo) -> bool {
    rank(input) == Some(2) && input.data_type.is_some_and(|data_type| data_type.is_integer())
}

#[cfg(test)]
mod tests {
    use ranktune_onnx::{DataType, Dim, Graph, Node};

    use super::*;

    /// A graph with these inputs, each the input of one node whose output is the graph's.
    fn model(inputs: &[(&str, DataType, usize)]) -> Model {
        let value = |name: String, data_type, rank| ValueInfo {
            name,
            data_type: Some(data_type),
            shape: Some(vec![Dim::Unknown; rank]),
        };
        let node = |name: &str| Node {
            name: String::new(),
            op_type: "Identity".to_owned(),
            domain: String::new(),
            inputs: vec![name.to_owned()],
            outputs: vec![format!("{name}_embeds")],
            attributes: Default::default(),
        };
        let of = |suffix: &'static str| {
            let values = inputs.iter();
            values.map(move |&(name, data_type, rank)| value(format!("{name}{suffix}"), data_type, rank))
        };
        Model {
            ir_version: 8,
            opsets: [(String::new(), 17)].into(),
            producer: String::new(),
            metadata: Default::default(),
            graph: Graph {
                nodes: inputs.iter().map(|(name, ..)| node(name)).collect(),
                inputs: of("").collect(),
                outputs: of("_embeds").collect(),
                ..Graph::default()
            },
            path: None,
        }
    }

    #[test]
    fn the_data_choose_the_tower() {
        let towers = [("pixels", DataType::F32, 4), ("ids", DataType::I64, 2)];
        for (data, left) in [
            (Some(DataKind::Images), "pixels"),
            (Some(DataKind::Texts), "ids"),
            (Some(DataKind::Sentences), "ids"),
            (None, "pixels"),
        ] {
            let mut model = model(&towers);
            let note = cut_to(&mut model, data).unwrap().unwrap();
            assert!(note.contains(&format!("{left}_embeds")), "{data:?}: {note}");
            assert_eq!(model.graph.inputs.len(), 1);
            assert_eq!(model.graph.inputs[0].name, left, "{data:?}");
        }
    }

    #[test]
    fn other_graphs_are_left_as_they_are() {
        let text = [("ids", DataType::I64, 2), ("mask", DataType::I64, 2)];
        let sound = [
            ("pixels", DataType::F32, 4),
            ("ids", DataType::I64, 2),
            ("sound", DataType::F32, 3),
        ];
        for inputs in [&text[..], &sound] {
            let before = model(inputs);
            let mut model = before.clone();
            assert_eq!(cut_to(&mut model, Some(DataKind::Images)).unwrap(), None);
            assert_eq!(model, before);
        }
    }
}
