//! NumPy's `.npy`: a magic string, a version, a header that is a Python dictionary, and the elements.
//!
//! Source: NumPy, `numpy.lib.format` (versions 1.0, 2.0 and 3.0).

use super::element::Element;
use super::raw::{Bytes, Contents, Endian, Layout, Order, RawArray};
use crate::{Error, Result};

const MAGIC: &[u8] = b"\x93NUMPY";
/// Beyond this no header is an honest one: NumPy itself refuses more than 10,000 bytes by default.
const LONGEST_HEADER: usize = 1 << 16;
/// Bytes from which the length of the header can be told.
pub(super) const PREFIX: usize = 12;

/// Bytes before the first element, from the first [`PREFIX`] bytes (or fewer, if the file is shorter).
pub(super) fn data_offset(prefix: &[u8]) -> Result<usize> {
    let found = |what: &str| Error::malformed(format!("expected a NumPy array (.npy), found {what}"));
    if !prefix.starts_with(MAGIC) {
        return Err(found("another format"));
    }
    let (length, start) = match prefix {
        [_, _, _, _, _, _, 1, _, a, b, ..] => (usize::from(u16::from_le_bytes([*a, *b])), 10),
        [_, _, _, _, _, _, 2 | 3, _, a, b, c, d, ..] => (
            usize::try_from(u32::from_le_bytes([*a, *b, *c, *d])).unwrap_or(usize::MAX),
            12,
        ),
        [_, _, _, _, _, _, version, ..] if prefix.len() >= PREFIX => return Err(found(&format!("version {version}"))),
        _ => return Err(found("a truncated header")),
    };
    if length > LONGEST_HEADER {
        return Err(Error::malformed(format!(
            "a header of {length} bytes is too long; expected at most {LONGEST_HEADER}"
        )));
    }
    Ok(start + length)
}

/// What an array holds, from everything before its first element; `bytes` are the elements.
pub(super) fn contents(name: &str, head: &[u8], bytes: Bytes) -> Result<Contents> {
    let start = if head.get(6) == Some(&1) { 10 } else { 12 };
    let header = head.get(start..).unwrap_or_default();
    let header = String::from_utf8_lossy(header);
    let header = header.trim();
    let malformed =
        |what: &str| Error::malformed(format!("{what} in the header {:?}", crate::error::shortened(header)));
    let value = |key: &str| {
        let after = header
            .split_once(&format!("'{key}'"))
            .map(|(_, after)| after.trim_start());
        after
            .and_then(|after| after.strip_prefix(':'))
            .map(str::trim_start)
            .ok_or_else(|| malformed(&format!("no {key:?}")))
    };
    let descr = value("descr")?;
    let order = match value("fortran_order")? {
        order if order.starts_with("True") => Order::ColumnMajor,
        order if order.starts_with("False") => Order::RowMajor,
        _ => return Err(malformed("no order of True or False")),
    };
    let shape = value("shape")?
        .strip_prefix('(')
        .and_then(|shape| shape.split_once(')'))
        .map(|(shape, _)| shape);
    let shape: Vec<usize> = shape
        .ok_or_else(|| malformed("no shape in parentheses"))?
        .split(',')
        .map(str::trim)
        .filter(|size| !size.is_empty())
        .map(|size| size.parse().map_err(|_| malformed(&format!("a size of {size:?}"))))
        .collect::<Result<_>>()?;
    let Some(descr) = descr
        .strip_prefix('\'')
        .and_then(|descr| descr.split_once('\''))
        .map(|(descr, _)| descr)
    else {
        return Err(Error::unsupported(
            "records with named fields are not supported; save a plain array",
        ));
    };
    let (endian, kind) = match descr.split_at_checked(1) {
        Some((">", kind)) => (Endian::Big, kind),
        Some(("<" | "|" | "=", kind)) => (Endian::Little, kind),
        _ => (Endian::Little, descr),
    };
    let element = match kind {
        "b1" => Element::Bool,
        "i1" => Element::I8,
        "i2" => Element::I16,
        "i4" => Element::I32,
        "i8" => Element::I64,
        "u1" => Element::U8,
        "u2" => Element::U16,
        "u4" => Element::U32,
        "u8" => Element::U64,
        "f2" => Element::F16,
        "f4" => Element::F32,
        "f8" => Element::F64,
        _ if kind.starts_with('O') => {
            let message = "holds Python objects (a pickle), which are not read: they can run code; save an array of numbers or strings";
            return Err(Error::unsupported(message));
        }
        _ => match (kind.split_at_checked(1), shape.as_slice()) {
            (Some(("U" | "S", width)), &[count]) => {
                let width = width.parse().map_err(|_| malformed("no width of texts"))?;
                return texts(name, count, width, kind.starts_with('U').then_some(endian), bytes);
            }
            _ => {
                let message = format!(
                    "elements of type {descr:?} and shape {shape:?} are not supported; expected numbers, or texts in one dimension"
                );
                return Err(Error::unsupported(message));
            }
        },
    };
    let layout = Layout {
        element,
        shape,
        order,
        endian,
    };
    RawArray::new(name, layout, bytes).map(Contents::Numbers)
}

/// Texts of a fixed width: UTF-32 in the byte order `wide`, or bytes.
fn texts(name: &str, count: usize, width: usize, wide: Option<Endian>, bytes: Bytes) -> Result<Contents> {
    let element = if wide.is_some() { Element::U32 } else { Element::U8 };
    let layout = Layout {
        element,
        shape: vec![count, width],
        order: Order::RowMajor,
        endian: wide.unwrap_or(Endian::Little),
    };
    let codes = RawArray::new(name, layout, bytes)?.to_f64()?;
    if width == 0 {
        return Ok(Contents::Texts(vec![String::new(); count]));
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "codes were u32 or u8"
    )]
    let text = |codes: &[f64]| -> String {
        let end = codes.iter().rposition(|code| *code != 0.0).map_or(0, |last| last + 1);
        codes[..end]
            .iter()
            .map(|code| char::from_u32(*code as u32).unwrap_or('\u{fffd}'))
            .collect()
    };
    Ok(Contents::Texts(codes.chunks_exact(width).map(text).collect()))
}
