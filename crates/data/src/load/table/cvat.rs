//! CVAT's export "CVAT for images": `annotations.xml` with the tags of images.
//!
//! ```text
//! <annotations><version>1.1</version>…
//!   <image id="0" name="cats/1.jpg" width="10" height="10"><tag label="cat" source="manual"></tag></image>
//! ```
//!
//! Tags are classes of images; boxes, polygons and tracks are parts of images, which no model here predicts. An image with several tags
//! makes the column one of lists. Entities of the document type are not expanded by the parser, so a file cannot grow.

use std::borrow::Cow;
use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use super::cell::{Cell, OnRow, Table, ValueKind};
use crate::error::counted;
use crate::{Error, Result};

/// The name that CVAT gives the file.
pub(super) const NAME: &str = "annotations.xml";

struct CvatTable {
    columns: Vec<String>,
    rows: Vec<(String, Vec<String>)>,
    notes: Vec<String>,
}

pub(super) fn open(path: &Path) -> Result<Box<dyn Table>> {
    let found = read(path)?;
    if found.images.is_empty() {
        let message = "holds no images of CVAT (\"CVAT for images 1.1\"); Pascal VOC and other XML are not read: export \"ImageNet\", or a CSV table";
        return Err(Error::unsupported(message).in_file(path));
    }
    let tagged = found.images.iter().filter(|(_, tags)| !tags.is_empty()).count();
    if tagged == 0 {
        let message = format!(
            "{} have no tags, only {}; classes are read from tags of whole images",
            counted(found.images.len(), "image"),
            counted(found.shapes, "shape")
        );
        return Err(Error::invalid(message).in_file(path));
    }
    let mut notes = Vec::new();
    if found.shapes > 0 {
        notes.push(format!(
            "ignored {} of CVAT (boxes, polygons …)",
            counted(found.shapes, "shape")
        ));
    }
    Ok(Box::new(CvatTable {
        columns: vec!["file".to_owned(), "label".to_owned()],
        rows: found.images,
        notes,
    }))
}

impl Table for CvatTable {
    fn columns(&self) -> &[String] {
        &self.columns
    }

    fn unit(&self) -> &'static str {
        "image"
    }

    fn notes(&self) -> Vec<String> {
        self.notes.clone()
    }

    fn read(self: Box<Self>, wanted: &[usize], on_row: &mut OnRow<'_>) -> Result<()> {
        let several = self.rows.iter().any(|(_, tags)| tags.len() > 1);
        for ((file, tags), number) in self.rows.iter().zip(1..) {
            let text = |text: &str| (ValueKind::Text, Cow::Owned(text.to_owned()));
            let cell = |column: &usize| match (column, tags.as_slice()) {
                (0, _) => Cell::Scalar(ValueKind::Text, Cow::Borrowed(file.as_str())),
                (_, []) => Cell::Missing,
                (_, tags) if several => Cell::List(tags.iter().map(|tag| text(tag)).collect()),
                (_, [tag, ..]) => Cell::Scalar(ValueKind::Text, Cow::Borrowed(tag.as_str())),
            };
            let cells: Vec<Cell<'_>> = wanted.iter().map(cell).collect();
            on_row(number, &cells)?;
        }
        Ok(())
    }
}

#[derive(Default)]
struct Found {
    images: Vec<(String, Vec<String>)>,
    shapes: usize,
}

fn read(path: &Path) -> Result<Found> {
    let io = |source| Error::io("cannot be read", path, source);
    let mut reader = Reader::from_reader(BufReader::new(File::open(path).map_err(io)?));
    let mut found = Found::default();
    let mut buffer = Vec::new();
    let mut is_within = false;
    loop {
        buffer.clear();
        let event = reader.read_event_into(&mut buffer);
        let event = event.map_err(|source| {
            let place = format!("byte {}", reader.error_position());
            Error::malformed("is not valid XML")
                .at(place)
                .in_file(path)
                .caused_by(source)
        })?;
        let (element, is_open) = match &event {
            Event::Start(element) => (element, true),
            Event::Empty(element) => (element, false),
            Event::End(end) => {
                is_within &= end.name().as_ref() != "image";
                continue;
            }
            Event::Eof => return Ok(found),
            _ => continue,
        };
        match element.name().as_ref() {
            "image" => {
                if let Some(name) = attribute(element, "name") {
                    found.images.push((name, Vec::new()));
                }
                is_within = is_open;
            }
            "tag" if is_within => {
                if let (Some(label), Some((_, tags))) = (attribute(element, "label"), found.images.last_mut()) {
                    tags.push(label);
                }
            }
            "box" | "polygon" | "polyline" | "points" | "mask" | "ellipse" | "cuboid" | "skeleton" => {
                found.shapes += 1;
            }
            _ => {}
        }
    }
}

/// The text of an attribute; `None` if it is missing or damaged.
fn attribute(element: &BytesStart<'_>, name: &str) -> Option<String> {
    let attribute = element.try_get_attribute(name).ok()??;
    quick_xml::escape::unescape(&attribute.value).ok().map(Cow::into_owned)
}
