//! What methods make of the trained model: nothing of their own stays in it, and averages are what they say.

use ranktune_onnx::{Model, Tensor};
use ranktune_train::methods::{BiTuning, CoTuning, Delta, FineTune, Lora, StochNorm, WiseFt};
use ranktune_train::{
    ErrorKind, Interrupt, Method, Silent, TrainOptions, TrainTargets, TrainingJob, average, first_difference,
    interpolated, train, validate,
};

use crate::harness::{Toy, bits, methods, model, options, run};

static TOY: Toy = Toy::new(30, 3);

fn refusal(model: &Model, targets: &TrainTargets, method: &dyn Method) -> String {
    let options = options();
    let job = TOY.job(model, targets, method, &options);
    let error = train(&job, &Silent, &Interrupt::default()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Input, "{error}");
    error.to_string()
}

#[test]
fn the_written_model_has_the_nodes_of_fine_tuning_or_fewer() {
    let targets = TOY.targets();
    let start = model(3);
    let is_own = |name: &str| name.starts_with("ranktune.lora") || name.contains("project") || name.contains("map_");
    for method in methods(&targets, 2) {
        let options = options();
        let trained = run(&TOY.job(&start, &targets, method.as_ref(), &options)).unwrap();
        let name = method.name();
        let graph = &trained.model.graph;
        for node in &graph.nodes {
            let known = start
                .graph
                .nodes
                .iter()
                .any(|one| one.outputs == node.outputs && one.inputs == node.inputs);
            assert!(known, "{name}: {:?}", node.label());
        }
        for (weight, tensor) in &graph.initializers {
            assert!(!is_own(weight), "{name}: {weight}");
            assert_eq!(start.graph.initializers[weight].dims, tensor.dims, "{name}");
        }
        assert_eq!(graph.outputs.len(), 1, "{name}");
    }
}

/// LoRA changes the weight of its layer by a matrix of its rank, and nothing else but the head.
#[test]
fn lora_changes_its_layer_by_a_matrix_of_its_rank() {
    let targets = TOY.targets();
    let start = model(3);
    let options = options();
    let trained = run(&TOY.job(&start, &targets, &Lora::new(1, 2.0).unwrap(), &options)).unwrap();
    let values = |model: &Model, name: &str| model.graph.initializers[name].to_f32_vec().unwrap();
    for name in ["conv.weight", "bn.weight", "bn.bias", "bn.running_mean"] {
        assert!(values(&start, name) == values(&trained.model, name), "{name}");
    }
    let change: Vec<f64> = values(&trained.model, "mix.weight")
        .iter()
        .zip(values(&start, "mix.weight"))
        .map(|(after, before)| f64::from(*after) - f64::from(before))
        .collect();
    let at = |row: usize, column: usize| change[row * 6 + column];
    let largest = change.iter().fold(0.0_f64, |largest, value| largest.max(value.abs()));
    assert!(largest > 1e-4, "{largest}");
    // Every minor of two rows and two columns is 0.
    for (a, b) in (0..6).flat_map(|a| (0..6).map(move |b| (a, b))) {
        let minor = at(a, 0) * at(b, 1) - at(a, 1) * at(b, 0);
        assert!(minor.abs() < 1e-5 * largest, "{a} {b}: {minor}");
    }
}

#[test]
fn wise_ft_writes_the_interpolation_that_validates_best() {
    let targets = TOY.targets();
    let start = model(3);
    let options = options();
    let plain = run(&TOY.job(&start, &targets, &FineTune, &options)).unwrap();
    let job = TOY.job(&start, &targets, &WiseFt, &options);
    let found = run(&job).unwrap();
    let share = found.method_settings["share"].as_f64().unwrap();
    let expected = interpolated(&start, &plain.model, share).unwrap();
    assert!(bits(&expected) == bits(&found.model));
    let curve = found.method_settings["share_curve"].as_array().unwrap();
    assert_eq!(curve.len(), 10);
    let own = found.final_validation.unwrap();
    for point in curve {
        let (value, loss) = (point["value"].as_f64().unwrap(), point["loss"].as_f64().unwrap());
        let model = interpolated(&start, &plain.model, point["share"].as_f64().unwrap()).unwrap();
        let again = validate(&job, &model, &Silent, &Interrupt::default()).unwrap().unwrap();
        assert_eq!((value, loss), (again.value, again.loss));
        assert!(
            own.value > value || (own.value == value && own.loss <= loss),
            "{point} and {own:?}"
        );
    }
    let blind = run(&TrainingJob {
        validation: None,
        ..TOY.job(&start, &targets, &WiseFt, &options)
    });
    assert_eq!(blind.unwrap().method_settings["share"], 0.5);
}

#[test]
fn averages_are_the_sums_by_hand_and_the_head_is_not_interpolated() {
    let one = model(3);
    let mut other = one.clone();
    for (name, tensor) in &mut other.graph.initializers {
        let Some(values) = tensor.to_f32_vec() else { continue };
        let moved: Vec<f32> = values.iter().map(|value| value + 1.0).collect();
        assert!(!name.is_empty());
        *tensor = Tensor::from_f32(&tensor.dims.clone(), &moved).unwrap();
    }
    let first = |model: &Model, name: &str| model.graph.initializers[name].to_f32_vec().unwrap()[0];
    let mean = average(&[&one, &other, &other, &other]).unwrap();
    let near = interpolated(&one, &other, 0.25).unwrap();
    for name in ["conv.weight", "bn.running_var", "ranktune.head.weight"] {
        assert!((first(&mean, name) - first(&one, name) - 0.75).abs() < 1e-6, "{name}");
        let expected = if name.contains("head") { 1.0 } else { 0.25 };
        assert!(
            (first(&near, name) - first(&one, name) - expected).abs() < 1e-6,
            "{name}"
        );
    }
}

#[test]
fn models_of_two_architectures_are_refused_with_the_first_difference() {
    let one = model(3);
    let mut other = one.clone();
    other.graph.nodes[2].op_type = "Sigmoid".to_owned();
    let difference = first_difference(&one, &other).unwrap();
    assert!(
        difference.contains("number 3") && difference.contains("Relu and Sigmoid"),
        "{difference}"
    );
    let error = average(&[&one, &other]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Model);
    assert!(error.to_string().contains("Relu and Sigmoid"), "{error}");
    let difference = first_difference(&model(3), &model(4)).unwrap();
    assert!(
        difference.contains("ranktune.head.") && difference.contains("[3"),
        "{difference}"
    );
    assert_eq!(first_difference(&one, &one), None);
}

#[test]
fn a_method_refuses_a_graph_or_targets_that_it_has_nothing_to_do_with() {
    let targets = TOY.targets();
    let mut plain = model(3);
    plain.graph.nodes.retain(|node| !node.is("BatchNormalization"));
    plain.graph.nodes[1].inputs[0] = "a".to_owned();
    let text = refusal(&plain, &targets, &StochNorm::default());
    assert!(text.contains("use fine-tune"), "{text}");
    let mut headless = model(3);
    headless
        .graph
        .nodes
        .retain(|node| node.output(0) != Some("ranktune.source_logits"));
    let co_tuning = CoTuning::new(vec![0.25; 12], 2.3).unwrap();
    let text = refusal(&headless, &targets, &co_tuning);
    assert!(
        text.contains("source classifier") && text.contains("b-tuning"),
        "{text}"
    );
    let delta = Delta::new(vec![0.2; 5], 0.01, 0.01).unwrap();
    assert!(refusal(&model(3), &targets, &delta).contains("5 channels"));
    for method in [&co_tuning as &dyn Method, &BiTuning::default()] {
        let text = refusal(&model(2), &TOY.labels(), method);
        assert!(text.contains("one class per sample"), "{text}");
    }
    let options = TrainOptions {
        freeze: ["mix.", "source."].map(str::to_owned).to_vec(),
        ..options()
    };
    let start = model(3);
    let lora = Lora::default();
    let job = TOY.job(&start, &targets, &lora, &options);
    let error = train(&job, &Silent, &Interrupt::default()).unwrap_err().to_string();
    assert!(error.contains("linear layers and 1×1 convolutions"), "{error}");
}
