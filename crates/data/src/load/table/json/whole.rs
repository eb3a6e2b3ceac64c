//! Tables that are one JSON object, as pandas and others write them.
//!
//! | object | written by |
//! |---|---|
//! | `{"text": {"0": …, "1": …}, "label": {…}}` | `DataFrame.to_json()` of pandas |
//! | `{"0": {"text": …, "label": …}, "1": {…}}` | the same with `orient="index"` |
//! | `{"columns": […], "index": […], "data": [[…], …]}` | the same with `orient="split"` |
//! | `{"schema": …, "data": [{…}, …]}` | the same with `orient="table"`, and any object with one list of objects |
//! | `{"text": […], "label": […]}` | a dictionary of columns |

use serde_json::{Map, Value};

type Row = Map<String, Value>;

/// The rows of the object, if it is such a table.
pub(super) fn rows(object: &Row) -> Option<Vec<Row>> {
    split(object)
        .or_else(|| list_of_objects(object))
        .or_else(|| by_index(object))
        .or_else(|| columns(object))
}

fn split(object: &Row) -> Option<Vec<Row>> {
    let columns = object.get("columns")?.as_array()?;
    let columns: Vec<&str> = columns.iter().map(Value::as_str).collect::<Option<_>>()?;
    let row = |row: &Value| -> Option<Row> {
        let cells = row.as_array().filter(|cells| cells.len() == columns.len())?;
        Some(
            columns
                .iter()
                .map(|name| (*name).to_owned())
                .zip(cells.iter().cloned())
                .collect(),
        )
    };
    object.get("data")?.as_array()?.iter().map(row).collect()
}

fn list_of_objects(object: &Row) -> Option<Vec<Row>> {
    let rows = |value: &Value| -> Option<Vec<Row>> {
        let list = value.as_array().filter(|list| !list.is_empty())?;
        list.iter().map(|row| row.as_object().cloned()).collect()
    };
    if let Some(data) = object.get("data").and_then(rows) {
        return Some(data);
    }
    let mut found = object.values().filter_map(rows);
    let only = found.next()?;
    found.next().is_none().then_some(only)
}

fn is_number(key: &str) -> bool {
    !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_digit())
}

/// Objects of objects: one of the two levels has numbers as keys.
fn by_index(object: &Row) -> Option<Vec<Row>> {
    let inner: Vec<(&String, &Row)> = object
        .iter()
        .map(|(key, value)| Some((key, value.as_object()?)))
        .collect::<Option<_>>()?;
    let (_, first) = inner.first()?;
    let number = |key: &str| key.parse::<u64>().unwrap_or(u64::MAX);
    if !first.is_empty() && inner.iter().all(|(_, column)| column.keys().all(|key| is_number(key))) {
        let mut keys: Vec<&String> = first.keys().collect();
        keys.sort_by_key(|key| number(key));
        let row = |index: &&String| -> Row {
            let cell = |(name, column): &(&String, &Row)| Some(((*name).clone(), column.get(*index)?.clone()));
            inner.iter().filter_map(cell).collect()
        };
        return Some(keys.iter().map(row).collect());
    }
    if !inner.iter().all(|(key, _)| is_number(key)) {
        return None;
    }
    let mut rows = inner;
    rows.sort_by_key(|(key, _)| number(key));
    Some(rows.into_iter().map(|(_, row)| row.clone()).collect())
}

/// Lists of one length.
fn columns(object: &Row) -> Option<Vec<Row>> {
    let lists: Vec<(&String, &Vec<Value>)> = object
        .iter()
        .map(|(name, value)| Some((name, value.as_array()?)))
        .collect::<Option<_>>()?;
    let length = lists.first().filter(|_| lists.len() > 1)?.1.len();
    if lists.iter().any(|(_, list)| list.len() != length) {
        return None;
    }
    let row = |at: usize| {
        lists
            .iter()
            .map(|(name, list)| ((*name).clone(), list[at].clone()))
            .collect()
    };
    Some((0..length).map(row).collect())
}
