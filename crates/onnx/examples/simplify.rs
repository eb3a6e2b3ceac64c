//! `simplify IN OUT [FEATURE…]`: cuts a model at its feature tensor and logits, simplifies it, and writes it.
//! `--whole` in place of a tensor keeps all outputs.

#![expect(clippy::print_stdout, reason = "this is a program")]

use std::path::Path;

use ranktune_onnx::locate::{Hints, locate};
use ranktune_onnx::transform::{cut, simplify};
use ranktune_onnx::{Model, check, inspect};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [input, output, tensors @ ..] = arguments.as_slice() else {
        return Err("expected: simplify IN OUT [TENSOR…]".into());
    };
    let mut model = Model::load(Path::new(input))?;
    check(&model)?;
    let found = inspect::inspect(&model);
    println!(
        "{} parameters, {:?}, {:?}",
        found.parameters, found.batch, found.modality
    );
    let located = locate(&model, &Hints::default());
    println!("{located:?}");
    if tensors.is_empty() {
        let located = located?;
        let names: Vec<&str> = [Some(&located.feature), located.logits.as_ref()]
            .into_iter()
            .flatten()
            .map(String::as_str)
            .collect();
        cut(&mut model, &names)?;
    } else if tensors != ["--whole"] {
        cut(&mut model, &tensors.iter().map(String::as_str).collect::<Vec<_>>())?;
    }
    println!("{:?}", simplify(&mut model)?);
    check(&model)?;
    model.save(Path::new(output))?;
    Ok(())
}
