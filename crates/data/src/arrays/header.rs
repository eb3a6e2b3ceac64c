//! The header of an `.npy` file: `\x93NUMPY`, version, length of a Python dictionary, dictionary.
//!
//! Parsed by hand, because the header has to be checked against the length of the file before anything is allocated, rows have to
//! be readable in blocks, and texts, both byte orders and both orders of dimensions have to work. The dictionary is parsed for its
//! three keys and never evaluated. <https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html>

use std::io::Read;

use super::element::{DType, Element, Endian};
use crate::error::shortened;
use crate::{Error, Result};

pub(crate) const MAGIC: &[u8] = b"\x93NUMPY";
/// NumPy itself rejects headers of more than 10,000 bytes by default.
const LONGEST: usize = 1 << 16;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) dtype: DType,
    pub(crate) order: Order,
    pub(crate) shape: Vec<usize>,
    /// Bytes before the first element.
    pub(crate) offset: u64,
}

/// The dimension that varies fastest in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    /// The last one (C).
    RowMajor,
    /// The first one (Fortran).
    ColumnMajor,
}

/// Reads a header from the start of `len` bytes, and checks that its elements fit in them.
pub(crate) fn read(reader: &mut dyn Read, len: u64) -> Result<Header> {
    let truncated = |source| Error::malformed("the .npy header is truncated").caused_by(source);
    let mut start = [0; 8];
    reader.read_exact(&mut start).map_err(truncated)?;
    if !start.starts_with(MAGIC) {
        return Err(Error::malformed(
            "is not an .npy array: it does not begin with \\x93NUMPY",
        ));
    }
    let (length, prefix) = match start[6] {
        1 => {
            let mut length = [0; 2];
            reader.read_exact(&mut length).map_err(truncated)?;
            (u32::from(u16::from_le_bytes(length)), 10)
        }
        2 | 3 => {
            let mut length = [0; 4];
            reader.read_exact(&mut length).map_err(truncated)?;
            (u32::from_le_bytes(length), 12)
        }
        version => {
            let message = format!(".npy version {version}.{} is unknown; expected 1, 2 or 3", start[7]);
            return Err(Error::unsupported(message));
        }
    };
    let offset = prefix + u64::from(length);
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    if offset > len || length > LONGEST {
        return Err(Error::malformed(format!(
            "the .npy header claims {length} bytes, but the file has {len}, and at most {LONGEST} are read"
        )));
    }
    let mut text = vec![0; length];
    reader.read_exact(&mut text).map_err(truncated)?;
    let text = String::from_utf8_lossy(&text);
    let header = parse(&text, offset)?;
    check_size(&header.shape, header.dtype, len - offset)?;
    Ok(header)
}

/// The number of elements of a shape, if their bytes are available.
pub(crate) fn check_size(shape: &[usize], dtype: DType, available: u64) -> Result<usize> {
    let elements = shape
        .iter()
        .try_fold(1_usize, |product, size| product.checked_mul(*size));
    let bytes = elements.and_then(|elements| elements.checked_mul(dtype.size()));
    match (elements, bytes) {
        (Some(elements), Some(bytes)) if u64::try_from(bytes).is_ok_and(|bytes| bytes <= available) => Ok(elements),
        (_, Some(bytes)) => Err(Error::malformed(format!(
            "shape {shape:?} of {} needs {bytes} bytes, found {available}; the file is truncated or its header is wrong",
            dtype.element
        ))),
        _ => Err(Error::malformed(format!("shape {shape:?} is larger than any file"))),
    }
}

fn parse(text: &str, offset: u64) -> Result<Header> {
    let bad = |what: &str| Error::malformed(format!("the .npy header {what}: {:?}", shortened(text.trim())));
    let mut rest = text
        .trim()
        .strip_prefix('{')
        .ok_or_else(|| bad("is not a dictionary"))?;
    let (mut dtype, mut order, mut shape) = (None, None, None);
    loop {
        rest = rest.trim_start();
        if let Some(end) = rest.strip_prefix('}') {
            if !end.trim().is_empty() {
                return Err(bad("continues after the dictionary"));
            }
            break;
        }
        let (key, after) = quoted(rest).ok_or_else(|| bad("has a key that is not a string"))?;
        rest = after
            .trim_start()
            .strip_prefix(':')
            .ok_or_else(|| bad("is not a dictionary"))?
            .trim_start();
        match key {
            "descr" => {
                if rest.starts_with(['[', '(']) {
                    return Err(Error::unsupported(
                        "structured .npy arrays (with named fields) are not supported; save a plain array",
                    ));
                }
                let (name, after) = quoted(rest).ok_or_else(|| bad("has a type that is not a string"))?;
                dtype = Some(element_type(name)?);
                rest = after;
            }
            "fortran_order" => {
                let (value, after) = if let Some(after) = rest.strip_prefix("True") {
                    (Order::ColumnMajor, after)
                } else if let Some(after) = rest.strip_prefix("False") {
                    (Order::RowMajor, after)
                } else {
                    return Err(bad("has an order that is neither True nor False"));
                };
                order = Some(value);
                rest = after;
            }
            "shape" => {
                let (sizes, after) = rest
                    .strip_prefix('(')
                    .and_then(|rest| rest.split_once(')'))
                    .ok_or_else(|| bad("has a shape that is not a tuple"))?;
                let sizes = sizes.split(',').map(str::trim).filter(|size| !size.is_empty());
                // Python 2 wrote long integers as 3L.
                let sizes = sizes.map(|size| size.trim_end_matches('L').parse());
                let sizes: std::result::Result<Vec<usize>, _> = sizes.collect();
                shape = Some(sizes.map_err(|_| bad("has a shape that is not made of sizes"))?);
                rest = after;
            }
            _ => return Err(bad("has an unknown key")),
        }
        rest = rest.trim_start();
        rest = match rest.strip_prefix(',') {
            Some(after) => after,
            None if rest.starts_with('}') => rest,
            None => return Err(bad("is not a dictionary")),
        };
    }
    match (dtype, order, shape) {
        (Some(dtype), Some(order), Some(shape)) => Ok(Header {
            dtype,
            order,
            shape,
            offset,
        }),
        _ => Err(bad("lacks descr, fortran_order or shape")),
    }
}

fn quoted(text: &str) -> Option<(&str, &str)> {
    let quote = text.chars().next().filter(|quote| matches!(quote, '\'' | '"'))?;
    text[1..].split_once(quote)
}

pub(crate) fn element_type(name: &str) -> Result<DType> {
    let endian = if name.starts_with('>') {
        Endian::Big
    } else {
        Endian::Little
    };
    let code = name.strip_prefix(['<', '>', '|', '=']).unwrap_or(name);
    let element = match code {
        "b1" | "?" => Element::Bool,
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
        _ => other_type(name, code)?,
    };
    Ok(DType { element, endian })
}

fn other_type(name: &str, code: &str) -> Result<Element> {
    let mut chars = code.chars();
    let (letter, length) = (chars.next(), chars.as_str());
    let length = length.parse().ok().filter(|length| *length < usize::MAX / 4);
    let what = match (letter, length) {
        (Some('U'), Some(length)) => return Ok(Element::Utf32(length)),
        (Some('S' | 'a'), Some(length)) => return Ok(Element::Bytes(length)),
        (Some('O'), _) => {
            "holds pickled Python objects, which are not read because reading them runs code; save the array with a numeric or text type"
        }
        (Some('c'), _) => "holds complex numbers, which are not supported",
        (Some('f'), _) => "holds floats of an unsupported length; save the array as float32",
        (Some('M' | 'm'), _) => "holds dates or times, which are not supported",
        (Some('V'), _) => "holds raw bytes (NumPy saves bfloat16 so too); save the array as float32",
        _ => "has an unknown type",
    };
    Err(Error::unsupported(format!(
        "the array of type {:?} {what}",
        shortened(name)
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(version: u8, dictionary: &str, elements: usize) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        bytes.extend([version, 0]);
        match version {
            1 => bytes.extend((dictionary.len() as u16).to_le_bytes()),
            _ => bytes.extend((dictionary.len() as u32).to_le_bytes()),
        }
        bytes.extend(dictionary.as_bytes());
        bytes.resize(bytes.len() + elements, 0);
        bytes
    }

    fn of(bytes: &[u8]) -> Result<Header> {
        read(&mut &bytes[..], bytes.len() as u64)
    }

    #[test]
    fn headers_of_every_version_and_writer_are_read() {
        let header = "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }          \n";
        for version in 1..=3 {
            let header = of(&file(version, header, 48)).unwrap();
            assert_eq!(header.shape, [3, 4]);
            assert_eq!(header.dtype, DType::little(Element::F32));
            assert_eq!(header.order, Order::RowMajor);
        }
        for (dictionary, shape) in [
            ("{\"shape\":(5,),\"descr\":\">i2\",\"fortran_order\":True}", vec![5]),
            ("{'descr': '|b1', 'fortran_order': False, 'shape': (), }", vec![]),
            (
                "{'descr': '<U3', 'fortran_order': False, 'shape': (2L, 1L), }",
                vec![2, 1],
            ),
            (
                "{'descr': '|S0', 'fortran_order': False, 'shape': (9999,), }",
                vec![9999],
            ),
        ] {
            assert_eq!(of(&file(1, dictionary, 24)).unwrap().shape, shape, "{dictionary}");
        }
    }

    #[test]
    fn every_invalid_header_is_refused_with_its_fault() {
        let with = |descr: &str, shape: &str| {
            let dictionary = format!("{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}");
            file(1, &dictionary, 48)
        };
        let mut long = file(2, "{}", 0);
        long[8..12].copy_from_slice(&u32::MAX.to_le_bytes());
        for (what, bytes, expected) in [
            (
                "negative size",
                with("'<f4'", "(-3, 4)"),
                "has a shape that is not made of sizes",
            ),
            (
                "overflow",
                with("'<f4'", "(4294967296, 4294967296, 8)"),
                "is larger than any file",
            ),
            (
                "overflow in bytes",
                with("'<f8'", "(4611686018427387904,)"),
                "is larger than any file",
            ),
            (
                "size beyond 64 bits",
                with("'<f4'", "(99999999999999999999999,)"),
                "has a shape that is not made of sizes",
            ),
            (
                "more than is there",
                with("'<f4'", "(3, 5)"),
                "needs 60 bytes, found 48",
            ),
            ("huge texts", with("'<U4611686018427387903'", "(4,)"), "unknown type"),
            ("objects", with("'|O'", "(3,)"), "pickled Python objects"),
            ("complex", with("'<c8'", "(3,)"), "complex numbers"),
            ("long double", with("'<f16'", "(3,)"), "unsupported length"),
            ("dates", with("'<M8[ns]'", "(3,)"), "dates or times"),
            ("void", with("'<V2'", "(3,)"), "raw bytes"),
            ("fields", with("[('x', '<f4')]", "(3,)"), "structured"),
            ("nothing", with("''", "(3,)"), "unknown type"),
            ("header beyond the file", long, "claims 4294967295 bytes"),
            ("no dictionary", file(1, "[1, 2]", 0), "is not a dictionary"),
            ("unclosed", file(1, "{'descr': '<f4'", 0), "is not a dictionary"),
            (
                "missing key",
                file(1, "{'descr': '<f4', 'shape': (1,)}", 4),
                "lacks descr",
            ),
            ("unknown key", file(1, "{'x': 1}", 4), "unknown key"),
            ("trailing", file(1, "{} x", 4), "continues after"),
            ("no header", MAGIC.to_vec(), "truncated"),
            ("version", file(9, "{}", 0), ".npy version 9.0"),
            ("another file", b"not an array".to_vec(), "does not begin with"),
        ] {
            let error = of(&bytes).expect_err(what).to_string();
            assert!(error.contains(expected), "{what}: {error}");
        }
    }
}
