//! The convolutional region of a graph: what is computed from its image input by operators that have kernels in the blocked
//! layout. Fuses bias, addition and activation into the convolution before them.

use std::collections::{HashMap, HashSet};

use ranktune_onnx::{Model, Node};

use super::convolution::Window;
use super::steps::Reduction;
use crate::graph::{activation, uses};
use crate::kernels::Activation;

/// The widest border that maps get. A convolution that pads more is not in a region.
const MAX_BORDER: usize = 16;
/// The largest map, in elements.
const MAX_ELEMENTS: usize = 1 << 27;

/// Channels, height, width.
pub(super) type Size = [usize; 3];

/// What a node of the region does.
#[derive(Debug)]
pub(super) enum Operation {
    Convolve {
        window: Window,
        /// Names of weight and bias.
        weight: String,
        bias: Option<String>,
        activation: Activation,
    },
    Pool(Window, Reduction),
    GlobalMean,
    Scale,
    Add(Activation),
    Activate(Activation),
}

/// One node, or several fused. Maps are numbers into [`Region::sizes`].
#[derive(Debug)]
pub(super) struct Part {
    pub operation: Operation,
    pub input: usize,
    pub second: Option<usize>,
    pub output: usize,
}

/// A region, in the order in which it runs.
#[derive(Debug)]
pub(super) struct Region {
    pub sizes: Vec<Size>,
    /// Padding that readers of a map need around it.
    pub borders: Vec<usize>,
    pub parts: Vec<Part>,
    /// Value names and their maps, the input (0) included.
    pub maps: HashMap<String, usize>,
    /// Positions of the graph's nodes that are in the region.
    pub nodes: HashSet<usize>,
}

impl Region {
    /// The region from input `input` of size `size`. It may be empty.
    pub(super) fn find(model: &Model, input: &str, size: Size) -> Self {
        let mut region = Self {
            sizes: vec![size],
            borders: vec![0],
            parts: Vec::new(),
            maps: HashMap::from([(input.to_owned(), 0)]),
            nodes: HashSet::new(),
        };
        let outputs: Vec<String> = model.graph.outputs.iter().map(|output| output.name.clone()).collect();
        let uses = uses(model.graph.nodes.iter(), &outputs);
        for (position, node) in model.graph.nodes.iter().enumerate() {
            let Some(output) = node
                .output(0)
                .filter(|_| node.domain.is_empty() && node.outputs.len() == 1)
            else {
                continue;
            };
            if let Some(map) = region.add(model, node, &uses) {
                region.maps.insert(output.to_owned(), map);
                region.nodes.insert(position);
            }
        }
        region
    }

    /// Adds a node, if it can be in the region; returns its output's map.
    fn add(&mut self, model: &Model, node: &Node, uses: &HashMap<&str, usize>) -> Option<usize> {
        let input = *self.maps.get(node.input(0)?)?;
        if input == 0 && !node.is("Conv") {
            return None;
        }
        match node.op_type.as_str() {
            "Conv" => self.convolution(model, node, input),
            "MaxPool" | "AveragePool" => self.pool(node, input),
            "GlobalAveragePool" => self.push(Operation::GlobalMean, input, None, [self.sizes[input][0], 1, 1]),
            "Add" if node.inputs.len() == 2 => self.sum(node, input, uses),
            "Mul" if node.inputs.len() == 2 => self.gate(node, input),
            _ => {
                let found = match node.op_type.as_str() {
                    "HardSigmoid" => Activation::HardSigmoid {
                        alpha: node.float("alpha").unwrap_or(0.2),
                        beta: node.float("beta").unwrap_or(0.5),
                    },
                    _ => activation(model, node)?,
                };
                let is_alone = uses.get(node.input(0)?) == Some(&1);
                if is_alone && let Some(part) = self.parts.iter_mut().find(|part| part.output == input) {
                    let target = match &mut part.operation {
                        Operation::Convolve { activation, .. } | Operation::Add(activation) => Some(activation),
                        _ => None,
                    };
                    if let Some(target) = target.filter(|target| **target == Activation::NONE) {
                        *target = found;
                        return Some(input);
                    }
                }
                self.push(Operation::Activate(found), input, None, self.sizes[input])
            }
        }
    }

    fn push(&mut self, operation: Operation, input: usize, second: Option<usize>, size: Size) -> Option<usize> {
        let elements = size.iter().try_fold(1usize, |n, &dim| n.checked_mul(dim))?;
        if elements == 0 || elements > MAX_ELEMENTS {
            return None;
        }
        let output = self.sizes.len();
        self.sizes.push(size);
        self.borders.push(0);
        self.parts.push(Part {
            operation,
            input,
            second,
            output,
        });
        Some(output)
    }

    fn convolution(&mut self, model: &Model, node: &Node, input: usize) -> Option<usize> {
        let [channels, height, width] = self.sizes[input];
        let constant = |name: &str| model.graph.initializers.get(name);
        let weight = node.input(1)?;
        let &[out, in_group, kernel_h, kernel_w] = constant(weight)?.dims.as_slice() else {
            return None;
        };
        let bias = node.input(2);
        if let Some(bias) = bias
            && constant(bias)?.dims != [out]
        {
            return None;
        }
        let groups = usize::try_from(node.int("group").unwrap_or(1)).ok()?;
        let fits =
            groups > 0 && in_group > 0 && in_group.checked_mul(groups)? == channels && out % groups == 0 && out > 0;
        // Many small groups would mostly multiply by zeros.
        let is_dense = groups == 1 || in_group == 1 && out == groups && input != 0 || in_group >= 8;
        if !fits || !is_dense {
            return None;
        }
        let (window, [rows, columns], pad) = sliding(node, [height, width], Some([kernel_h, kernel_w]))?;
        if pad > MAX_BORDER {
            return None;
        }
        let operation = Operation::Convolve {
            window: Window { groups, ..window },
            weight: weight.to_owned(),
            bias: bias.map(str::to_owned),
            activation: Activation::NONE,
        };
        let output = self.push(operation, input, None, [out, rows, columns])?;
        self.borders[input] = self.borders[input].max(pad);
        Some(output)
    }

    fn pool(&mut self, node: &Node, input: usize) -> Option<usize> {
        let [channels, height, width] = self.sizes[input];
        if node.int("storage_order").unwrap_or(0) != 0 {
            return None;
        }
        let (window, [rows, columns], pad) = sliding(node, [height, width], None)?;
        let reduction = match (node.op_type.as_str(), node.int("count_include_pad").unwrap_or(0)) {
            ("MaxPool", _) => Reduction::Maximum,
            (_, 0) => Reduction::Mean,
            // Whether the mean has what lies beyond the padding differs between engines.
            _ if node.int("ceil_mode").unwrap_or(0) != 0 => return None,
            _ => Reduction::PaddedMean,
        };
        // Every window then has a pixel of the map.
        let fits = (0..2).all(|axis| pad < window.kernel[axis]) && window.dilation == [1, 1];
        fits.then(|| {
            self.push(
                Operation::Pool(window, reduction),
                input,
                None,
                [channels, rows, columns],
            )
        })?
    }

    /// A sum of two maps; part of the convolution that computes the later one, if nothing else takes its result.
    fn sum(&mut self, node: &Node, a: usize, uses: &HashMap<&str, usize>) -> Option<usize> {
        let b = *self.maps.get(node.input(1)?)?;
        if a == 0 || b == 0 || self.sizes[a] != self.sizes[b] {
            return None;
        }
        let (first, last, name) = if a < b {
            (a, b, node.input(1)?)
        } else {
            (b, a, node.input(0)?)
        };
        if first != last
            && uses.get(name) == Some(&1)
            && let Some(part) = self.parts.iter_mut().find(|part| part.output == last)
            && part.second.is_none()
            && matches!(
                part.operation,
                Operation::Convolve {
                    activation: Activation::NONE,
                    ..
                }
            )
        {
            part.second = Some(first);
            return Some(last);
        }
        self.push(Operation::Add(Activation::NONE), first, Some(last), self.sizes[first])
    }

    /// A map times one number for each channel.
    fn gate(&mut self, node: &Node, a: usize) -> Option<usize> {
        let b = *self.maps.get(node.input(1)?)?;
        let (map, gate) = if self.sizes[b][1..] == [1, 1] { (a, b) } else { (b, a) };
        let fits = map != 0 && gate != 0 && self.sizes[gate] == [self.sizes[map][0], 1, 1];
        fits.then(|| self.push(Operation::Scale, map, Some(gate), self.sizes[map]))?
    }
}

/// The window of a node, the size of its output, and the largest padding on any side.
fn sliding(node: &Node, size: [usize; 2], kernel: Option<[usize; 2]>) -> Option<(Window, [usize; 2], usize)> {
    let list = |name: &str| -> Option<Option<[usize; 2]>> {
        let Some(values) = node.ints(name) else {
            return Some(None);
        };
        let &[a, b] = values else { return None };
        Some(Some([usize::try_from(a).ok()?, usize::try_from(b).ok()?]))
    };
    let stated = list("kernel_shape")?;
    let kernel = kernel.or(stated)?;
    if stated.is_some_and(|stated| stated != kernel) {
        return None;
    }
    let stride = list("strides")?.unwrap_or([1, 1]);
    let dilation = list("dilations")?.unwrap_or([1, 1]);
    if [kernel, stride, dilation]
        .iter()
        .flatten()
        .any(|&n| n == 0 || n > 1 << 16)
    {
        return None;
    }
    let mut pads = [0; 4];
    match node.string("auto_pad").unwrap_or("NOTSET") {
        "NOTSET" | "" => {
            if let Some(values) = node.ints("pads") {
                for (pad, &value) in pads.iter_mut().zip(<&[i64; 4]>::try_from(values).ok()?) {
                    *pad = usize::try_from(value).ok().filter(|&pad| pad < 1 << 16)?;
                }
            }
        }
        "VALID" => {}
        _ => return None,
    }
    let mut out = [0; 2];
    let is_raised = node.is("MaxPool") || node.is("AveragePool");
    let is_raised = is_raised && node.int("ceil_mode").unwrap_or(0) != 0;
    for axis in 0..2 {
        let padded = size[axis] + pads[axis] + pads[axis + 2];
        let reach = (kernel[axis] - 1) * dilation[axis] + 1;
        let room = padded.checked_sub(reach)?;
        out[axis] = room / stride[axis] + 1;
        // One window more, if it starts on the map or in the padding before it.
        let reaches_beyond = is_raised && room % stride[axis] != 0;
        if reaches_beyond && out[axis] * stride[axis] < size[axis] + pads[axis] {
            out[axis] += 1;
        }
    }
    let window = Window {
        kernel,
        stride,
        dilation,
        pad: [pads[0], pads[1]],
        groups: 1,
    };
    Some((window, out, pads.into_iter().max().unwrap_or(0)))
}
