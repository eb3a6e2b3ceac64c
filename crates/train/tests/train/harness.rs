//! A small model, a small task and every method, for the tests of training.

use std::collections::BTreeMap;

use ranktune_nn::{FeatureLayout, Head, HostTensor, Result, with_head};
use ranktune_onnx::{Attribute, DataType, Dim, Graph as OnnxGraph, Model, Node, Tensor, ValueInfo};
use ranktune_train::methods::{BTuning, Bss, Distillation, FineTune, L2Sp, LinearProbe, METHODS, Teaching};
use ranktune_train::{
    EVALUATION, Inputs, Interrupt, Job, Lessons, LoadError, Method, Outcome, Pick, Samples, Silent, TargetValues,
    Targets, TrainOptions, Trained, Validation, Views, train,
};

/// Number of features of [`model`].
pub const FEATURES: usize = 6;

/// Numbers between −1 and 1, from two integers.
pub fn noise(a: usize, b: usize) -> f32 {
    let mut bits = (a as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ (b as u64).wrapping_mul(0xd1b5_4a32_d192_ed03);
    bits = (bits ^ (bits >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits ^= bits >> 32;
    (bits >> 40) as f32 / (1u64 << 23) as f32 - 1.0
}

fn node(op_type: &str, inputs: &[&str], output: &str) -> Node {
    Node {
        name: format!("node_{output}"),
        op_type: op_type.to_owned(),
        domain: String::new(),
        inputs: inputs.iter().map(|&name| name.to_owned()).collect(),
        outputs: vec![output.to_owned()],
        attributes: BTreeMap::new(),
    }
}

/// `x [1, 2, 4, 4]` (a batch of one, as many exporters leave it) → 3×3 convolution → BatchNormalization → Relu → a head.
pub fn model(outputs: usize) -> Model {
    let mut conv = node("Conv", &["x", "conv.weight"], "a");
    conv.attributes.insert("pads".to_owned(), Attribute::Ints(vec![1; 4]));
    conv.attributes
        .insert("strides".to_owned(), Attribute::Ints(vec![1; 2]));
    conv.attributes
        .insert("dilations".to_owned(), Attribute::Ints(vec![1; 2]));
    let weights: Vec<f32> = (0..FEATURES * 2 * 9).map(|at| 0.4 * noise(at, 1)).collect();
    let floats = |dims: &[usize], values: &[f32]| Tensor::from_f32(dims, values).unwrap();
    let initializers = [
        ("conv.weight", floats(&[FEATURES, 2, 3, 3], &weights)),
        ("bn.weight", floats(&[FEATURES], &[1.0; FEATURES])),
        ("bn.bias", floats(&[FEATURES], &[0.1; FEATURES])),
        ("bn.running_mean", floats(&[FEATURES], &[0.0; FEATURES])),
        ("bn.running_var", floats(&[FEATURES], &[1.0; FEATURES])),
    ];
    let value = |name: &str, dims: &[usize]| ValueInfo {
        name: name.to_owned(),
        data_type: Some(DataType::F32),
        shape: Some(dims.iter().map(|&dim| Dim::Fixed(dim)).collect()),
    };
    let norm = ["a", "bn.weight", "bn.bias", "bn.running_mean", "bn.running_var"];
    let model = Model {
        ir_version: 9,
        opsets: [(String::new(), 17)].into(),
        producer: String::new(),
        metadata: BTreeMap::new(),
        graph: OnnxGraph {
            name: "small".to_owned(),
            nodes: vec![conv, node("BatchNormalization", &norm, "b"), node("Relu", &["b"], "c")],
            initializers: initializers
                .into_iter()
                .map(|(name, tensor)| (name.to_owned(), tensor))
                .collect(),
            inputs: vec![value("x", &[1, 2, 4, 4])],
            outputs: vec![value("c", &[1, FEATURES, 4, 4])],
            value_info: vec![value("a", &[1, FEATURES, 4, 4])],
        },
        path: None,
    };
    let head = Head {
        layout: FeatureLayout::Map,
        ..Head::new("c", FEATURES, outputs)
    };
    with_head(&model, &head).unwrap()
}

/// Maps whose channels have a mean by class, with noise by sample and view.
pub struct Toy {
    pub n_samples: usize,
    pub n_classes: usize,
}

impl Toy {
    pub fn class(&self, sample: usize) -> usize {
        sample % self.n_classes
    }

    pub fn values(&self, pick: Pick) -> Vec<f32> {
        let view = if pick.view == EVALUATION {
            0
        } else {
            pick.view as usize + 1
        };
        let class = self.class(pick.sample);
        (0..32)
            .map(|at| 1.5 * noise(class, at / 16 + 100) + 0.5 * noise(pick.sample * 32 + at, view + 7))
            .collect()
    }

    pub fn targets(&self) -> Targets {
        Targets::new(TargetValues::Classes {
            labels: (0..self.n_samples).map(|sample| self.class(sample) as u32).collect(),
            n_classes: self.n_classes,
        })
        .unwrap()
    }

    pub fn labels(&self) -> Targets {
        let has = |sample: usize, label: usize| f32::from(u8::from((self.class(sample) + 1) >> label & 1 == 1));
        Targets::new(TargetValues::MultiLabel {
            values: (0..self.n_samples)
                .flat_map(|sample| [has(sample, 0), has(sample, 1)])
                .collect(),
            n_labels: 2,
        })
        .unwrap()
    }

    /// Numbers around 1000 with a deviation of about 50.
    pub fn numbers(&self) -> Targets {
        let number = |sample: usize| 1000.0 + 60.0 * self.class(sample) as f32 + noise(sample, 3);
        Targets::new(TargetValues::Regression {
            values: (0..self.n_samples).map(number).collect(),
            n_outputs: 1,
        })
        .unwrap()
    }
}

impl Samples for Toy {
    fn n_samples(&self) -> usize {
        self.n_samples
    }

    fn load(&self, picks: &[Pick]) -> std::result::Result<Inputs, LoadError> {
        let values = picks.iter().flat_map(|&pick| self.values(pick)).collect();
        let feeds = vec![("x".to_owned(), HostTensor::floats(&[picks.len(), 2, 4, 4], values)?)];
        Ok(Inputs { feeds, rows: None })
    }
}

/// Teachers that know the targets almost.
pub fn lessons(targets: &Targets, n_views: u32) -> Lessons {
    let columns = targets.columns();
    let mut values = Vec::new();
    for sample in 0..targets.n_samples() {
        for view in 0..n_views as usize {
            for column in 0..columns {
                let truth = match targets.values() {
                    TargetValues::Classes { labels, .. } => f32::from(u8::from(labels[sample] as usize == column)),
                    TargetValues::MultiLabel { values, .. } | TargetValues::Regression { values, .. } => {
                        values[sample * columns + column]
                    }
                    _ => unreachable!(),
                };
                values.push(truth + 0.1 * noise(sample * 31 + view, column));
            }
        }
    }
    Lessons::new(values, n_views, columns).unwrap()
}

/// Every method of the list, for `targets`.
pub fn methods(targets: &Targets, n_views: u32) -> Vec<Box<dyn Method>> {
    let columns = targets.columns();
    let lessons = || lessons(targets, n_views);
    METHODS
        .iter()
        .map(|(name, ..)| {
            let method: Box<dyn Method> = match *name {
                "fine-tune" => Box::new(FineTune),
                "linear-probe" => Box::new(LinearProbe),
                "b-tuning" => {
                    let weights = (0..FEATURES * columns).map(|at| 0.5 * noise(at, 9)).collect();
                    Box::new(BTuning::new(lessons(), weights, 1.0).unwrap())
                }
                "distillation" => Box::new(Distillation::new(lessons(), Teaching::Shares, 2.0, 0.5).unwrap()),
                "l2-sp" => Box::new(L2Sp::default()),
                "bss" => Box::new(Bss::default()),
                other => panic!("{other} is in the list of methods and not in its conformance suite"),
            };
            assert_eq!(method.name(), *name);
            method
        })
        .collect()
}

/// Every method of the list for classes, and B-Tuning with a read-out in its head.
pub fn methods_of_classes(targets: &Targets, n_views: u32) -> Vec<Box<dyn Method>> {
    let mut all = methods(targets, n_views);
    let weights = (0..FEATURES * targets.columns()).map(|at| 0.5 * noise(at, 9)).collect();
    let plain = BTuning::new(lessons(targets, n_views), weights, 1.0).unwrap();
    all.push(Box::new(plain.with_read_out(2.0).unwrap()));
    all
}

/// Settings for the toy: small batches, few epochs.
pub fn options() -> TrainOptions {
    TrainOptions {
        epochs: 3,
        batch_size: 8,
        learning_rate: 0.01,
        views: Views::Finite(2),
        ..TrainOptions::default()
    }
}

/// Runs a job that nothing interrupts.
pub fn run(job: &Job<'_>) -> Result<Trained> {
    match train(job, &Silent, &Interrupt::default())? {
        Outcome::Finished(trained) => Ok(*trained),
        Outcome::Interrupted { .. } => panic!("nobody interrupted"),
    }
}

/// The bits of all weights of a model.
pub fn bits(model: &Model) -> Vec<(String, Vec<u32>)> {
    let initializers = model.graph.initializers.iter();
    let floats = initializers.filter_map(|(name, tensor)| Some((name.clone(), tensor.to_f32_vec()?)));
    floats
        .map(|(name, values)| (name, values.into_iter().map(f32::to_bits).collect()))
        .collect()
}

/// The toy as validation samples of itself.
pub fn validation<'a>(toy: &'a Toy, targets: &'a Targets) -> Option<Validation<'a>> {
    Some(Validation {
        samples: toy,
        targets,
        judge: None,
    })
}
