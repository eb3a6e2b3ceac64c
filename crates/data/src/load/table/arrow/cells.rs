//! Cells of Arrow arrays.

use std::borrow::Cow;

use arrow_array::cast::AsArray;
use arrow_array::types::{
    Float16Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, UInt8Type, UInt16Type,
    UInt32Type, UInt64Type,
};
use arrow_array::{Array, ArrayRef};
use arrow_schema::DataType;

use super::super::cell::{Cell, ValueKind};
use crate::image::is_image;
use crate::{Error, Result};

/// The array with the values of a dictionary in the place of its keys.
pub(super) fn plain(array: &ArrayRef) -> Result<ArrayRef> {
    let Some(dictionary) = array.as_any_dictionary_opt() else {
        return Ok(array.clone());
    };
    let taken = ranktune_core::panics::caught(|| {
        arrow_select::take::take(dictionary.values().as_ref(), dictionary.keys(), None)
    });
    match taken {
        Ok(Ok(values)) => Ok(values),
        Ok(Err(source)) => Err(Error::malformed("damaged dictionary").caused_by(source)),
        Err(_) => Err(Error::malformed("damaged dictionary")),
    }
}

/// The cell of a row.
///
/// # Errors
/// None yet that a valid array could cause; a damaged list is `Malformed`.
pub(super) fn cell(array: &dyn Array, row: usize) -> Result<Cell<'_>> {
    if array.is_null(row) {
        return Ok(Cell::Missing);
    }
    let list = match array.data_type() {
        DataType::List(_) => array.as_list::<i32>().value(row),
        DataType::LargeList(_) => array.as_list::<i64>().value(row),
        DataType::FixedSizeList(..) => array.as_fixed_size_list().value(row),
        DataType::Struct(_) => return Ok(image(array, row)),
        DataType::Binary => return Ok(bytes(array.as_binary::<i32>().value(row))),
        DataType::LargeBinary => return Ok(bytes(array.as_binary::<i64>().value(row))),
        DataType::BinaryView => return Ok(bytes(array.as_binary_view().value(row))),
        DataType::Utf8 => return Ok(text(array.as_string::<i32>().value(row))),
        DataType::LargeUtf8 => return Ok(text(array.as_string::<i64>().value(row))),
        DataType::Utf8View => return Ok(text(array.as_string_view().value(row))),
        _ => {
            return Ok(match value(array, row) {
                Value::Scalar(kind, text) => Cell::Scalar(kind, Cow::Owned(text)),
                Value::Missing => Cell::Missing,
                Value::Other(what) => Cell::Other(what),
            });
        }
    };
    let list = plain(&list)?;
    let mut items = Vec::with_capacity(list.len());
    for item in 0..list.len() {
        match value(list.as_ref(), item) {
            Value::Scalar(kind, text) => items.push((kind, Cow::Owned(text))),
            Value::Missing => {}
            Value::Other(_) => return Ok(Cell::Other("a list of other than texts and numbers")),
        }
    }
    Ok(Cell::List(items))
}

fn text(text: &str) -> Cell<'_> {
    Cell::Scalar(ValueKind::Text, Cow::Borrowed(text))
}

fn bytes(bytes: &[u8]) -> Cell<'_> {
    if is_image(bytes) {
        return Cell::Image(Some(bytes), None);
    }
    match std::str::from_utf8(bytes) {
        Ok(found) => text(found),
        Err(_) => Cell::Other("bytes"),
    }
}

/// The image in a struct of `bytes` and `path`.
fn image(array: &dyn Array, row: usize) -> Cell<'_> {
    let parts = array.as_struct();
    let (Some(bytes), Some(path)) = (parts.column_by_name("bytes"), parts.column_by_name("path")) else {
        return Cell::Other("a struct");
    };
    let stored = match bytes.data_type() {
        _ if bytes.is_null(row) => None,
        DataType::Binary => Some(bytes.as_binary::<i32>().value(row)),
        DataType::LargeBinary => Some(bytes.as_binary::<i64>().value(row)),
        DataType::Null => None,
        _ => return Cell::Other("a struct"),
    };
    let named = match path.data_type() {
        _ if path.is_null(row) => None,
        DataType::Utf8 => Some(path.as_string::<i32>().value(row)),
        DataType::LargeUtf8 => Some(path.as_string::<i64>().value(row)),
        _ => None,
    };
    match (stored, named) {
        (None, None) => Cell::Missing,
        (stored, named) => Cell::Image(stored, named),
    }
}

enum Value {
    Scalar(ValueKind, String),
    /// Null, or a number that is NaN.
    Missing,
    Other(&'static str),
}

/// The value of one item, which may be a text.
fn value(array: &dyn Array, row: usize) -> Value {
    if array.is_null(row) {
        return Value::Missing;
    }
    macro_rules! int {
        ($kind:ty) => {
            Value::Scalar(
                ValueKind::Int,
                array.as_primitive::<$kind>().value(row).to_string(),
            )
        };
    }
    let float = |is_nan: bool, text: String| match is_nan {
        true => Value::Missing,
        false => Value::Scalar(ValueKind::Float, text),
    };
    match array.data_type() {
        DataType::Null => Value::Missing,
        DataType::Boolean => Value::Scalar(ValueKind::Bool, array.as_boolean().value(row).to_string()),
        DataType::Int8 => int!(Int8Type),
        DataType::Int16 => int!(Int16Type),
        DataType::Int32 => int!(Int32Type),
        DataType::Int64 => int!(Int64Type),
        DataType::UInt8 => int!(UInt8Type),
        DataType::UInt16 => int!(UInt16Type),
        DataType::UInt32 => int!(UInt32Type),
        DataType::UInt64 => int!(UInt64Type),
        DataType::Float16 => {
            let value = array.as_primitive::<Float16Type>().value(row);
            float(value.is_nan(), value.to_f32().to_string())
        }
        // The shortest text of the number in its own precision.
        DataType::Float32 => {
            let value = array.as_primitive::<Float32Type>().value(row);
            float(value.is_nan(), value.to_string())
        }
        DataType::Float64 => {
            let value = array.as_primitive::<Float64Type>().value(row);
            float(value.is_nan(), value.to_string())
        }
        DataType::Utf8 => Value::Scalar(ValueKind::Text, array.as_string::<i32>().value(row).to_owned()),
        DataType::LargeUtf8 => Value::Scalar(ValueKind::Text, array.as_string::<i64>().value(row).to_owned()),
        DataType::Utf8View => Value::Scalar(ValueKind::Text, array.as_string_view().value(row).to_owned()),
        DataType::Struct(_) => Value::Other("a struct"),
        DataType::List(_) | DataType::LargeList(_) | DataType::FixedSizeList(..) => Value::Other("a list of lists"),
        DataType::Decimal32(..) | DataType::Decimal64(..) | DataType::Decimal128(..) | DataType::Decimal256(..) => {
            Value::Other("a decimal")
        }
        DataType::Date32 | DataType::Date64 | DataType::Time32(_) | DataType::Time64(_) | DataType::Timestamp(..) => {
            Value::Other("a date or time")
        }
        _ => Value::Other("a value of a type that is not read"),
    }
}
