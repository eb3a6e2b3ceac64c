//! Reading a configuration file: a JSON object of bounded size, with errors that name file, line, column and field.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use serde_json::{Map, Value};

use crate::Error;

/// The fields of a configuration file. The getters treat `null` as absent.
pub(crate) type Object = Map<String, Value>;

/// Configuration files are kilobytes; this bounds the memory that a hostile one can take.
const MAX_BYTES: u64 = 16 << 20;

/// Reads the JSON object in the file `path`; `None` if there is no such file.
pub(crate) fn read_object(path: &Path) -> Result<Option<Object>, Error> {
    let io = |e| Error::io("cannot read the configuration", e, path);
    let file = match File::open(path) {
        Ok(file) => file,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(io(e)),
    };
    let mut text = Vec::new();
    file.take(MAX_BYTES + 1).read_to_end(&mut text).map_err(io)?;
    if text.len() as u64 > MAX_BYTES {
        let text = format!("the configuration is too large: expected at most {MAX_BYTES} bytes");
        return Err(Error::malformed(text).in_file(path));
    }
    // serde_json's message ends in "at line L column C".
    match serde_json::from_slice(&text) {
        Ok(Value::Object(object)) => Ok(Some(object)),
        Ok(other) => Err(Error::malformed(format!("expected a JSON object, found {}", describe(&other))).in_file(path)),
        Err(e) => Err(Error::malformed(format!("not valid JSON: {e}")).in_file(path)),
    }
}

/// The field `name` of `object`, unless it is absent or null.
pub(crate) fn field<'a>(object: &'a Object, name: &str) -> Option<&'a Value> {
    object.get(name).filter(|value| !value.is_null())
}

/// A field that must be `true` or `false`.
pub(crate) fn flag(object: &Object, name: &str) -> Result<Option<bool>, Error> {
    field(object, name)
        .map(|v| v.as_bool().ok_or_else(|| unexpected(name, "true or false", v)))
        .transpose()
}

/// A field that must be a finite number.
pub(crate) fn number(object: &Object, name: &str) -> Result<Option<f64>, Error> {
    let finite = |v: &Value| v.as_f64().filter(|n| n.is_finite());
    field(object, name)
        .map(|v| finite(v).ok_or_else(|| unexpected(name, "a finite number", v)))
        .transpose()
}

/// A field that must be text.
pub(crate) fn text<'a>(object: &'a Object, name: &str) -> Result<Option<&'a str>, Error> {
    field(object, name)
        .map(|v| v.as_str().ok_or_else(|| unexpected(name, "text", v)))
        .transpose()
}

/// A mean or deviation: one number, or one per channel.
pub(crate) fn channel_values(object: &Object, name: &str) -> Result<Option<Vec<f64>>, Error> {
    let Some(value) = field(object, name) else {
        return Ok(None);
    };
    let wrong = || unexpected(name, "a finite number, or a list of 1 or 3 of them", value);
    let finite = |v: &Value| v.as_f64().filter(|n| n.is_finite()).ok_or_else(wrong);
    let values = match value {
        Value::Array(list) => list.iter().map(finite).collect::<Result<Vec<f64>, Error>>()?,
        one => vec![finite(one)?],
    };
    if matches!(values.len(), 1 | 3) {
        Ok(Some(values))
    } else {
        Err(wrong())
    }
}

/// A whole number, also where it is written `224.0`.
pub(crate) fn whole(value: &Value) -> Option<usize> {
    let number = value.as_f64().filter(|n| n.fract() == 0.0 && (0.0..9e15).contains(n))?;
    usize::try_from(value.as_u64().unwrap_or(number as u64)).ok()
}

/// The error for a field with an unexpected value.
pub(crate) fn unexpected(name: &str, expected: &str, found: &Value) -> Error {
    Error::malformed(format!(
        "field {name:?}: expected {expected}, found {}",
        describe(found)
    ))
}

/// A value for an error text, shortened if it is long.
fn describe(value: &Value) -> String {
    let text = value.to_string();
    match value {
        _ if text.chars().count() <= 60 => text,
        Value::Object(object) => format!("an object of {} fields", object.len()),
        Value::Array(list) => format!("a list of {} values", list.len()),
        _ => format!("{}…", text.chars().take(60).collect::<String>()),
    }
}
