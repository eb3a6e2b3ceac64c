//! `simplify IN OUT`: reads a model and writes it again.

use std::path::Path;

use ranktune_onnx::{Model, inspect};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [input, output] = arguments.as_slice() else {
        return Err("expected: simplify IN OUT".into());
    };
    let model = Model::load(Path::new(input))?;
    let found = inspect::inspect(&model);
    println!("{input}: {} {:?} {:?}", found.parameters, found.batch, found.modality);
    model.save(Path::new(output))?;
    Ok(())
}
