//! Writes a page of documents, for work on its templates: `cargo run --release -p ranktune-report --example page -- OUT.html FILE…`

use std::error::Error;
use std::fs;

use ranktune_report::html::{Document, page};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let out = arguments.next().ok_or("expected OUT.html and documents")?;
    let documents: Vec<Document> = arguments
        .map(|file| Ok(Document::read(&fs::read_to_string(file)?)?))
        .collect::<Result<_, Box<dyn Error>>>()?;
    Ok(fs::write(out, page(&documents))?)
}
