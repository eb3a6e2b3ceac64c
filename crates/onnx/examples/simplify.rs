//! `simplify IN OUT`: reads a model, says what it is, and writes it again.

use std::path::Path;

use ranktune_onnx::locate::{Hints, locate};
use ranktune_onnx::{Model, check, inspect};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [input, output] = arguments.as_slice() else {
        return Err("expected: simplify IN OUT".into());
    };
    let model = Model::load(Path::new(input))?;
    check(&model)?;
    let found = inspect::inspect(&model);
    println!("{} parameters, {:?}, {:?}", found.parameters, found.batch, found.modality);
    println!("{:?}", locate(&model, &Hints::default())?);
    model.save(Path::new(output))?;
    Ok(())
}
