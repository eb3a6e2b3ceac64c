//! A small model, a small task and every method, for the tests of training.

use std::collections::BTreeMap;

use ranktune_nn::{FeatureLayout, Head, HostTensor, with_head};
use ranktune_onnx::{Attribute, DataType, Dim, Graph as OnnxGraph, Model, Node, Tensor, ValueInfo};
use ranktune_train::methods::METHODS;
use ranktune_train::{
    BatchInputs, EVALUATION_VIEW, Interrupt, LoadError, Method, MethodInfo, MethodInputs, Need, Pick, ReadOutInput,
    Result, Samples, Silent, TargetValues, TeacherPredictions, TrainOptions, TrainOutcome, TrainTargets, Trained,
    TrainingJob, ValidationSet, ViewSchedule, train,
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

/// Number of classes of the model's own classifier.
pub const SOURCE_CLASSES: usize = 4;

/// `x [1, 2, 4, 4]` (a batch of one, as many exporters leave it) → 3×3 convolution → BatchNormalization → Relu → 1×1 convolution → a
/// head, and beside it the classifier that the model had before.
pub fn model(outputs: usize) -> Model {
    let mut conv = node("Conv", &["x", "conv.weight"], "a");
    conv.attributes.insert("pads".to_owned(), Attribute::Ints(vec![1; 4]));
    conv.attributes
        .insert("strides".to_owned(), Attribute::Ints(vec![1; 2]));
    conv.attributes
        .insert("dilations".to_owned(), Attribute::Ints(vec![1; 2]));
    let weights: Vec<f32> = (0..FEATURES * 2 * 9).map(|at| 0.4 * noise(at, 1)).collect();
    let mix: Vec<f32> = (0..FEATURES * FEATURES)
        .map(|at| 0.1 * noise(at, 2) + f32::from(u8::from(at % (FEATURES + 1) == 0)))
        .collect();
    let source: Vec<f32> = (0..SOURCE_CLASSES * FEATURES).map(|at| noise(at, 4)).collect();
    let floats = |dims: &[usize], values: &[f32]| Tensor::from_f32(dims, values).unwrap();
    let initializers = [
        ("mix.weight", floats(&[FEATURES, FEATURES, 1, 1], &mix)),
        ("source.weight", floats(&[SOURCE_CLASSES, FEATURES], &source)),
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
    let mut mixing = node("Conv", &["r", "mix.weight"], "c");
    for (name, values) in [("pads", vec![0; 4]), ("strides", vec![1; 2]), ("dilations", vec![1; 2])] {
        mixing.attributes.insert(name.to_owned(), Attribute::Ints(values));
    }
    let mut classifier = node("Gemm", &["pooled", "source.weight"], "source");
    classifier.attributes.insert("transB".to_owned(), Attribute::Int(1));
    let norm = ["a", "bn.weight", "bn.bias", "bn.running_mean", "bn.running_var"];
    let model = Model {
        ir_version: 9,
        opsets: [(String::new(), 17)].into(),
        producer: String::new(),
        metadata: BTreeMap::new(),
        graph: OnnxGraph {
            name: "small".to_owned(),
            nodes: vec![
                conv,
                node("BatchNormalization", &norm, "b"),
                node("Relu", &["b"], "r"),
                mixing,
                node("GlobalAveragePool", &["c"], "map"),
                node("Flatten", &["map"], "pooled"),
                classifier,
            ],
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
        source_logits: Some("source".to_owned()),
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
    pub const fn new(n_samples: usize, n_classes: usize) -> Self {
        Self { n_samples, n_classes }
    }

    /// Training of `model` on the toy, which is its own validation set.
    pub fn job<'a>(
        &'a self,
        model: &'a Model,
        targets: &'a TrainTargets,
        method: &'a dyn Method,
        options: &'a TrainOptions,
    ) -> TrainingJob<'a> {
        TrainingJob {
            model,
            samples: self,
            targets,
            validation: validation(self, targets),
            method,
            options,
        }
    }

    pub fn class(&self, sample: usize) -> usize {
        sample % self.n_classes
    }

    pub fn values(&self, pick: Pick) -> Vec<f32> {
        let view = if pick.view == EVALUATION_VIEW {
            0
        } else {
            pick.view as usize + 1
        };
        let class = self.class(pick.sample);
        (0..32)
            .map(|at| 1.5 * noise(class, at / 16 + 100) + 0.5 * noise(pick.sample * 32 + at, view + 7))
            .collect()
    }

    pub fn targets(&self) -> TrainTargets {
        TrainTargets::new(TargetValues::Classes {
            labels: (0..self.n_samples).map(|sample| self.class(sample) as u32).collect(),
            n_classes: self.n_classes,
        })
        .unwrap()
    }

    pub fn labels(&self) -> TrainTargets {
        let has = |sample: usize, label: usize| f32::from(u8::from((self.class(sample) + 1) >> label & 1 == 1));
        TrainTargets::new(TargetValues::MultiLabel {
            values: (0..self.n_samples)
                .flat_map(|sample| [has(sample, 0), has(sample, 1)])
                .collect(),
            n_labels: 2,
        })
        .unwrap()
    }

    /// Numbers around 1000 with a deviation of about 50.
    pub fn numbers(&self) -> TrainTargets {
        let number = |sample: usize| 1000.0 + 60.0 * self.class(sample) as f32 + noise(sample, 3);
        TrainTargets::new(TargetValues::Regression {
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

    fn load(&self, picks: &[Pick]) -> std::result::Result<BatchInputs, LoadError> {
        let values = picks.iter().flat_map(|&pick| self.values(pick)).collect();
        let feeds = vec![("x".to_owned(), HostTensor::floats(&[picks.len(), 2, 4, 4], values)?)];
        Ok(BatchInputs { feeds, rows: None })
    }
}

/// Teachers that know the targets almost.
pub fn teachers(targets: &TrainTargets, n_views: u32) -> TeacherPredictions {
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
    TeacherPredictions::new(values, n_views, columns).unwrap()
}

/// Every method of the list, for `targets`, made by its constructor of everything that a method may need.
pub fn methods(targets: &TrainTargets, n_views: u32) -> Vec<Box<dyn Method>> {
    let is_classes = matches!(targets.values(), TargetValues::Classes { .. });
    let suited = METHODS.iter().filter(|info| is_classes || !info.needs(Need::Classes));
    suited.map(|info| make(info, targets, n_views, 0.0)).collect()
}

fn make(info: &MethodInfo, targets: &TrainTargets, n_views: u32, head_weight: f32) -> Box<dyn Method> {
    let teachers = teachers(targets, n_views);
    let weights: Vec<f32> = (0..FEATURES * targets.columns()).map(|at| 0.5 * noise(at, 9)).collect();
    let relationship: Vec<f32> = (0..targets.columns() * SOURCE_CLASSES)
        .map(|at| {
            if at % SOURCE_CLASSES == at / SOURCE_CLASSES % SOURCE_CLASSES {
                0.7
            } else {
                0.1
            }
        })
        .collect();
    let inputs = MethodInputs {
        relationship: Some(&relationship),
        attention: Some(&[0.3, 0.1, 0.2, 0.1, 0.2, 0.1]),
        teachers: Some(&teachers),
        read_out: Some(ReadOutInput {
            weights: &weights,
            head_weight,
        }),
        lambda: 1.0,
    };
    let method = info.make(&inputs).unwrap();
    assert_eq!(method.name(), info.name);
    method
}

/// Every method of the list for classes, and those with a read-out also with it in the exported head.
pub fn methods_of_classes(targets: &TrainTargets, n_views: u32) -> Vec<Box<dyn Method>> {
    let with_read_out = METHODS.iter().filter(|info| info.needs(Need::ReadOut));
    let mut all = methods(targets, n_views);
    all.extend(with_read_out.map(|info| make(info, targets, n_views, 2.0)));
    all
}

/// Settings for the toy: small batches, few epochs.
pub fn options() -> TrainOptions {
    TrainOptions {
        epochs: 3,
        batch_size: 8,
        learning_rate: 0.01,
        views: ViewSchedule::Finite(2),
        ..TrainOptions::default()
    }
}

/// Runs a job that nothing interrupts.
pub fn run(job: &TrainingJob<'_>) -> Result<Trained> {
    match train(job, &Silent, &Interrupt::default())? {
        TrainOutcome::Finished(trained) => Ok(*trained),
        TrainOutcome::Paused(_) | TrainOutcome::Interrupted { .. } => panic!("nobody stopped it"),
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
pub fn validation<'a>(toy: &'a Toy, targets: &'a TrainTargets) -> Option<ValidationSet<'a>> {
    Some(ValidationSet {
        samples: toy,
        targets,
        metric: None,
    })
}
