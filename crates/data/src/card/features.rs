//! The names of classes in descriptions of columns, as the library `datasets` writes them.
//!
//! | place | a column of classes |
//! |---|---|
//! | metadata of Parquet and Arrow, `dataset_info.json` | `"label": {"names": ["neg", "pos"], "_type": "ClassLabel"}` |
//! | `README.md` | `- {name: label, dtype: {class_label: {names: {'0': neg, '1': pos}}}}` |
//!
//! Lists of classes wrap that in `feature`, `sequence` or `list`, or in a list of one.

use serde_json::{Map, Value};

/// The names of the classes of `feature`, a column's description in JSON, alone or in lists; `None` if it is no column of classes.
pub(crate) fn class_names(feature: &Value) -> Option<Vec<String>> {
    let mut feature = feature;
    while let Some(inner) = feature.get("feature").or_else(|| feature.get(0)) {
        feature = inner;
    }
    if feature.get("_type")?.as_str()? != "ClassLabel" {
        return None;
    }
    let names = feature.get("names")?.as_array()?;
    names.iter().map(|name| name.as_str().map(str::to_owned)).collect()
}

/// The descriptions of the columns in the text of the metadata `huggingface` of Parquet and Arrow files.
pub(crate) fn of_metadata(text: Option<&str>) -> Map<String, Value> {
    let info: Option<Value> = text.and_then(|text| serde_json::from_str(text).ok());
    match info.and_then(|mut info| info.get_mut("info")?.get_mut("features").map(Value::take)) {
        Some(Value::Object(features)) => features,
        _ => Map::new(),
    }
}

/// The columns of classes in the `features` of a description, in JSON or as a card has them.
pub(super) fn named_columns(features: &Value) -> Vec<(String, Vec<String>)> {
    match features {
        Value::Object(columns) => columns
            .iter()
            .filter_map(|(column, feature)| Some((column.clone(), class_names(feature)?)))
            .collect(),
        Value::Array(columns) => columns
            .iter()
            .filter_map(|feature| {
                let column = feature.get("name")?.as_str()?.to_owned();
                Some((column, names_on_card(feature)?))
            })
            .collect(),
        _ => Vec::new(),
    }
}

/// The names of the classes of one column on a card.
fn names_on_card(feature: &Value) -> Option<Vec<String>> {
    let mut feature = feature;
    let label = loop {
        if let Some(label) = feature.get("class_label") {
            break label;
        }
        let inner = ["dtype", "sequence", "list"];
        feature = inner
            .iter()
            .find_map(|key| feature.get(*key))
            .or_else(|| feature.get(0))?;
    };
    let text = |name: &Value| match name {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    };
    match label.get("names")? {
        Value::Array(names) => Some(names.iter().map(text).collect()),
        Value::Object(names) => {
            let mut numbered: Vec<(usize, String)> = names
                .iter()
                .map(|(index, name)| Some((index.parse().ok()?, text(name))))
                .collect::<Option<_>>()?;
            numbered.sort();
            let is_complete = numbered.iter().enumerate().all(|(at, (index, _))| at == *index);
            is_complete.then(|| numbered.into_iter().map(|(_, name)| name).collect())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn names_of_classes_are_found_alone_and_in_lists() {
        let label = json!({"names": ["a", "b"], "_type": "ClassLabel"});
        for feature in [
            label.clone(),
            json!({"feature": label, "_type": "Sequence"}),
            json!({"feature": {"feature": label, "_type": "List"}, "_type": "List"}),
            json!([label]),
        ] {
            assert_eq!(class_names(&feature).unwrap(), ["a", "b"], "{feature}");
        }
        assert_eq!(class_names(&json!({"dtype": "string", "_type": "Value"})), None);
    }

    #[test]
    fn a_card_numbers_its_classes() {
        let class = json!({"class_label": {"names": {"0": "a", "2": "c", "1": "b", "10": "k"}}});
        let of = |feature: Value| named_columns(&json!([feature]));
        // A number is missing.
        assert!(of(json!({"name": "x", "dtype": class})).is_empty());
        let class = json!({"class_label": {"names": {"1": "b", "0": "a"}}});
        let expected = [("x".to_owned(), vec!["a".to_owned(), "b".to_owned()])];
        for feature in [
            json!({"name": "x", "dtype": class}),
            json!({"name": "x", "sequence": class}),
            json!({"name": "x", "list": {"dtype": class}}),
            json!({"name": "x", "sequence": [class]}),
        ] {
            assert_eq!(of(feature.clone()), expected, "{feature}");
        }
        assert!(of(json!({"name": "x", "dtype": "string"})).is_empty());
    }
}
